"""What the remote write specifications ask of a series: the sender refuses what a store would drop silently.

Stores answer 2xx and drop a bad series (FACTS B1), so each rule is checked before sending, and checked again
by awsync's own receiver. Source: Prometheus remote write specification 1.0, "Labels" and "Ordering"; the same
in 2.0.

May import: the standard library only.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@lru_cache(maxsize=1024)
def _is_label_name(name: str) -> bool:
    return LABEL_NAME.fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _is_metric_name(name: str) -> bool:
    return METRIC_NAME.fullmatch(name) is not None


def metric_of(labels: Iterable[tuple[str, str]]) -> str:
    """The name of the metric as text that can be printed, or words that say there is none."""
    metric = next((value for name, value in labels if name == "__name__"), "a series without a name")
    return metric.encode(errors="backslashreplace").decode()


def label_fault(labels: Sequence[tuple[str, str]]) -> str | None:
    """The first rule that this label set breaks, as the end of a sentence, or None."""
    previous, metric = "", None
    for name, value in labels:
        if not _is_label_name(name):
            return f"has the label name {name!r}, which is not [a-zA-Z_][a-zA-Z0-9_]*"
        if not value:
            return f"has the label {name} without a value"
        if name == previous:
            return f"has the label {name} twice"
        if name < previous:
            return f"has labels out of order: {name} after {previous}"
        if name == "__name__":
            metric = value
        elif name.startswith("__"):
            return f"has the label {name}: names that start with __ are reserved"
        previous = name
    if metric is None:
        return "has no metric name (__name__)"
    if not _is_metric_name(metric):
        return f"has the metric name {metric!r}, which is not [a-zA-Z_:][a-zA-Z0-9_:]*"
    return None


def order_fault(timestamps: Sequence[int]) -> str | None:
    """Where these milliseconds do not rise strictly, as the end of a sentence, or None."""
    for earlier, later in pairwise(timestamps):
        if later == earlier:
            return f"has two samples at {later} ms"
        if later < earlier:
            return f"has samples out of order: {later} ms after {earlier} ms"
    return None
