"""What the embedded receiver holds, and which samples it takes: the rules of a Prometheus head, in memory.

Measured on Prometheus 2.42, 2.53 and 3.5 (FACTS B1, B4).

May import: series.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import timedelta

from awsync.series import Labels, Sample

HOUR_MS = 3_600_000
AHEAD_MS = 600_000
"""Prometheus since 2.54 refuses what lies further in the future."""
FIRST_MS = 100_000_000_000
"""March 1973: a smaller number of milliseconds is a number of seconds by mistake."""


class Memory:
    """Samples by series, safe for use from several threads; as large as what it holds, and no larger.

    `out_of_order_window` None takes samples of any age; otherwise it refuses as a Prometheus that scrapes
    itself (so that its newest sample is of now) does with that `out_of_order_time_window`, zero being off.
    `clock` gives seconds since the epoch.
    """

    def __init__(self, *, out_of_order_window: timedelta | None, clock: Callable[[], float]) -> None:
        self._window_ms = (
            None if out_of_order_window is None else out_of_order_window // timedelta(milliseconds=1)
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._series: dict[Labels, dict[int, float]] = {}
        self._newest: dict[Labels, int] = {}

    def append(self, samples: Iterable[Sample], *, partial: bool) -> tuple[int, list[str]]:
        """Takes samples in the order of the request; gives how many, and a sentence for each refused one.

        With `partial` the good ones stay (2.0), otherwise one refusal refuses them all (1.0).
        """
        refusals: list[str] = []
        taken: dict[Labels, dict[int, float]] = {}
        newest: dict[Labels, int] = {}
        count = 0
        with self._lock:
            for labels, stamp, value in samples:
                last = newest.get(labels, self._newest.get(labels))
                held = taken.get(labels, {}).get(stamp, self._series.get(labels, {}).get(stamp))
                fault = self._fault(stamp, value, last, held)
                if fault is not None:
                    refusals.append(f"{fault} for series {shown(labels)}")
                    continue
                count += 1
                if held is None:
                    taken.setdefault(labels, {})[stamp] = value
                newest[labels] = stamp if last is None else max(last, stamp)
            if refusals and not partial:
                return 0, refusals
            for labels, points in taken.items():
                self._series.setdefault(labels, {}).update(points)
            self._newest.update(newest)
        return count, refusals

    def samples(self) -> dict[Labels, dict[int, float]]:
        """A copy of everything held: series, milliseconds, value."""
        with self._lock:
            return {labels: dict(points) for labels, points in self._series.items()}

    def totals(self) -> tuple[int, int, float]:
        """How many series and samples are held, and the sum of all values."""
        with self._lock:
            held = list(self._series.values())
            return len(held), sum(map(len, held)), sum(sum(points.values()) for points in held)

    def _fault(self, stamp: int, value: float, last: int | None, held: float | None) -> str | None:
        if stamp < FIRST_MS:
            return f"out of bounds: timestamp {stamp} is not in milliseconds of our time"
        now = int(self._clock() * 1000)
        if stamp > now + AHEAD_MS:
            return f"out of bounds: timestamp {stamp} is too far in the future"
        if held is not None and held != value:
            return (
                f"duplicate sample for timestamp {stamp}; overrides not allowed: "
                f"existing {held:g}, new value {value:g}"
            )
        if self._window_ms is None:
            return None
        in_order = last is None or stamp > last or (stamp == last and held is not None)
        if in_order and stamp >= now - HOUR_MS:
            return None
        if stamp >= now - self._window_ms:
            return None
        if self._window_ms:
            return "too old sample"
        return "out of order sample" if stamp >= now - HOUR_MS else "out of bounds"


def shown(labels: Iterable[tuple[str, str]]) -> str:
    """The series as Prometheus writes it."""
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}"
