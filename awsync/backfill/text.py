"""Samples as OpenMetrics text: what promtool makes blocks of, and what VictoriaMetrics imports.

Both read a timestamp in seconds with three decimals and come to the right millisecond, as long as there are
fewer than 2^31 seconds: until 2038.

May import: series.
"""

from collections.abc import Iterable, Iterator

from awsync.series import Labels, seconds

END = "# EOF\n"


def series_text(labels: Labels) -> tuple[str, str]:
    """The metric of a series, and the series as it stands in the text."""
    metric = next(value for name, value in labels if name == "__name__")
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels if name != "__name__")
    return metric, f"{metric}{{{pairs}}}"


def lines(samples: Iterable[tuple[str, str, int, int]]) -> Iterator[str]:
    """The text of samples (metric, series, millisecond, microseconds of activity).

    They come in the order of metric, series and time: OpenMetrics wants what belongs together in one place,
    and promtool drops a sample that is older than the one before it of its series.
    """
    last = None
    for metric, series, stamp_ms, microseconds in samples:
        if metric != last:
            yield f"# TYPE {metric} gauge\n# UNIT {metric} seconds\n"
            last = metric
        yield f"{series} {seconds(microseconds)!r} {stamp_ms // 1000}.{stamp_ms % 1000:03d}\n"
    yield END


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
