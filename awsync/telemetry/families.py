"""The figures as metric families, in a registry of their own.

prometheus_client is imported here only, and whoever imports this module does so when it needs it.

May import: the standard library, prometheus_client, series, timeline, telemetry.figures.
"""

import platform
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from awsync import __version__
from awsync.series import text_value
from awsync.telemetry.figures import Figures
from awsync.timeline import MICROSECONDS


class OwnCollector(Collector):
    """Gives the families of some figures as they are at the moment; `clock` gives microseconds."""

    def __init__(self, figures: Figures, clock: Callable[[], int]) -> None:
        self._figures = figures
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from self._of_the_process()
        yield from self._of_passes()
        yield from self._of_the_store()
        yield from self._of_sources()

    def _of_the_process(self) -> Iterator[Metric]:
        build = _labelled("awsync_build_info", "What runs: always 1.", ("version", "python"))
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        yield GaugeMetricFamily(
            "awsync_start_time_seconds",
            "When the process began, in seconds since the epoch.",
            self._figures.started / MICROSECONDS,
        )

    def _of_passes(self) -> Iterator[Metric]:
        figures = self._figures
        passes = CounterMetricFamily(
            "awsync_passes", "Passes of this process by their end.", labels=["result"]
        )
        for result, number in figures.passes.items():
            passes.add_metric([result], number)
        yield passes
        ended = sum(figures.passes.values()) - figures.passes["failed"]
        yield SummaryMetricFamily(
            "awsync_pass_duration_seconds", "How long passes took.", ended, figures.pass_seconds
        )
        yield GaugeMetricFamily(
            "awsync_last_success_timestamp_seconds",
            "When the last complete pass ended, in seconds since the epoch; 0 where there was none.",
            figures.last_success / MICROSECONDS,
        )

    def _of_the_store(self) -> Iterator[Metric]:
        figures = self._figures
        yield CounterMetricFamily(
            "awsync_samples_delivered",
            "Samples that the store confirmed, since the state began.",
            figures.samples,
        )
        yield CounterMetricFamily("awsync_sent_bytes", "Bytes of the requests with them.", figures.bytes)
        yield CounterMetricFamily(
            "awsync_corrections", "Samples that corrected what was sent before.", figures.corrections
        )
        yield CounterMetricFamily(
            "awsync_folded_label_sets", "Label sets that were beyond series-budget.", figures.folded
        )
        yield CounterMetricFamily("awsync_retries", "Requests to be sent again.", figures.retries)
        yield GaugeMetricFamily(
            "awsync_quarantined_samples", "Samples that the store refused.", figures.held_samples
        )
        yield GaugeMetricFamily(
            "awsync_set_aside_ranges",
            "Ranges of time that are set aside, older than the store takes.",
            figures.held_ranges,
        )
        yield GaugeMetricFamily(
            "awsync_sink_parked",
            "1 while the store refuses everything until somebody changes something.",
            int(figures.parked),
        )

    def _of_sources(self) -> Iterator[Metric]:
        figures = self._figures
        up = _labelled(
            "awsync_source_up", "1 where ActivityWatch answered when it was last asked.", ("source",)
        )
        for source, reached in figures.sources.items():
            up.add_metric([text_value(source)], int(reached))
        pending = _labelled(
            "awsync_pending_seconds",
            "Time between what is delivered and the newest event, the most of any bucket.",
            ("source",),
        )
        for source, microseconds in figures.pending().items():
            pending.add_metric([text_value(source)], microseconds / MICROSECONDS)
        lag = _labelled(
            "awsync_bucket_lag_seconds",
            "Age of the oldest activity that is not delivered; 0 where nothing waits.",
            ("source", "bucket"),
        )
        for (source, bucket), microseconds in figures.lags(self._clock()).items():
            lag.add_metric([text_value(source), text_value(bucket)], microseconds / MICROSECONDS)
        yield from (up, pending, lag)


class Exposition:
    """The families as the text that a scraper reads, with those of the process."""

    def __init__(self, figures: Figures, clock: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(OwnCollector(figures, clock))
        ProcessCollector(registry=self._registry)

    def text(self, headers: Mapping[str, str]) -> tuple[bytes, str]:
        """The text, and its content type, for a request with these headers (names in lower case)."""
        encode, content_type = choose_encoder(headers.get("accept", ""))
        return encode(self._registry), content_type


def _labelled(name: str, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)
