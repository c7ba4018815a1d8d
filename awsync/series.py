"""From a slot to the samples that leave the machine: metric names, labels, limits.

May import: the standard library and timeline.
"""

from typing import NamedTuple

Labels = tuple[tuple[str, str], ...]
"""Pairs sorted by name, unique, never empty; `__name__` holds the metric."""


class Sample(NamedTuple):
    """One value of one series: seconds of activity, stamped in milliseconds since the epoch."""

    labels: Labels
    timestamp_ms: int
    value: float
