"""What samples and series take on the disks of two stores, once those have brought their data in order.

May import: the standard library, msgspec.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Engine(StrEnum):
    """A store that was measured."""

    PROMETHEUS = "Prometheus"
    VICTORIA_METRICS = "VictoriaMetrics"


class Disk(Struct, frozen=True):
    """Bytes for each sample, for each series and day on which it has samples, and for each series.

    `text` is for each byte of a series' labels.
    """

    sample: float
    daily: float
    series: float
    text: float

    def bytes(self, samples: float, daily_series: float, series: float, text: float) -> float:
        """What they take; `text` is the length of a series' labels."""
        return samples * self.sample + daily_series * self.daily + series * (self.series + text * self.text)


ENGINES: Mapping[Engine, Disk] = {
    Engine.PROMETHEUS: Disk(sample=10, daily=20, series=50, text=1),
    Engine.VICTORIA_METRICS: Disk(sample=5, daily=20, series=50, text=1),
}
