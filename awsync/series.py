"""From an event's data to the labels that leave the machine: metric names, label names, limits.

A label that a store would refuse, drop or store under another name never leaves (FACTS B1, J5-J7). Every
rule here depends on one event's data alone, so the same event always belongs to the same series.

May import: the standard library, msgspec and timeline.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from awsync.timeline import MICROSECONDS, MILLISECOND, Span, slots

Labels = tuple[tuple[str, str], ...]
"""Pairs sorted by name, unique, never empty; `__name__` holds the metric."""

Amounts = dict[Labels, dict[int, int]]
"""Microseconds of activity by series and by end of slot."""

MAX_VALUE = 200
MAX_NAME = 100
MAX_LABELS = 30
"""Mimir's default limit of label names, the lowest of the stores; VictoriaMetrics drops a series above 40."""

ACTIVE, CATEGORY = "active", "category"
RESERVED = frozenset({"__name__", "user", "host", "bucket", ACTIVE, CATEGORY})
SEPARATOR = " > "
"""Stands between the parts of a category."""
_REST = "data_rest"
_CACHE_SIZE = 20_000
_MOST_DIGITS = 4_300  # Python converts no longer text to an integer


Data = Mapping[str, object]
"""What a watcher says of an event: an object of JSON."""


class Edited(NamedTuple):
    """An event's data as they may leave, and the category that they fall under."""

    data: Data
    category: str = ""


Edit = Callable[[Data], Edited | None]
"""What is made of an event's data before anything leaves; None drops the event. May raise AwsyncError."""


class Sample(NamedTuple):
    """One value of one series: seconds of activity, stamped in milliseconds since the epoch."""

    labels: Labels
    timestamp_ms: int
    value: float


def metric_name(client: str) -> str:
    """`aw-watcher-window` gives `aw_watcher_window_seconds`; without a usable letter it is `unknown`."""
    name = re.sub(r"[^a-zA-Z0-9]+", "_", client).strip("_") or "unknown"
    return _cut(name if name.startswith("aw_") else f"aw_{name}", MAX_NAME, "_") + "_seconds"


def stamp(slot_end: int, correction: int = 0) -> int:
    """Milliseconds of the sample of a slot: one before its end, and one more for each correction."""
    return slot_end // MILLISECOND - 1 - correction


def seconds(microseconds: int) -> float:
    """The only place where an amount becomes a float."""
    return microseconds / MICROSECONDS


class Labeller:
    """Gives the labels of one bucket's events; what was worked out once is remembered, within bounds."""

    def __init__(self, *, user: str, host: str, bucket: str, client: str, edit: Edit = Edited) -> None:
        fixed = {
            "__name__": metric_name(client),
            "user": text_value(user),
            "host": text_value(host),
            "bucket": text_value(bucket),
        }
        self._fixed = {name: value for name, value in fixed.items() if value}
        self._edit = edit
        self._known: dict[bytes, dict[str, Labels] | None] = {}

    @property
    def identity(self) -> Labels:
        """The labels that every series of the bucket has."""
        return tuple(sorted(self._fixed.items()))

    def labels(self, data: bytes, active: str = "") -> Labels | None:
        """The labels of an event with this data (JSON text of an object); None for one that is dropped.

        `active` is added where it is told.
        """
        if data not in self._known:
            if len(self._known) >= _CACHE_SIZE:
                self._known.clear()
            plain_labels = self._labels(data)
            self._known[data] = None if plain_labels is None else {"": plain_labels}
        known = self._known[data]
        if known is None:
            return None
        if active not in known:
            known[active] = tuple(sorted((*known[""], (ACTIVE, active))))
        return known[active]

    def learn(self, spans: Iterable[Span]) -> None:
        """Works the labels of spans out before it is known whether somebody was there."""
        for data in {span.data for span in spans}:
            self.labels(data)

    def _labels(self, data: bytes) -> Labels | None:
        edited = self._edit(decoded(data))
        if edited is None:
            return None
        labels = self._fixed | data_labels(edited.data)
        if edited.category:
            labels[CATEGORY] = text_value(edited.category)
        return tuple(sorted(labels.items()))

    def amounts(self, spans: Iterable[Span], resolution: int, *, until: int, active: str = "") -> Amounts:
        """Microseconds of activity of each series in each slot that the spans of a page touch.

        `active` is the label of that name for all of them. `until` is the end of the page: where the
        resolution was changed it may lie inside a slot, and the slot then ends there, so that each page
        accounts for its own time and nothing lies in the future.
        """
        by_data: dict[bytes, dict[int, int]] = {}
        for slot_end, microseconds, data in slots(spans, resolution):
            slot_end = min(slot_end, until)
            per_slot = by_data.get(data)
            if per_slot is None:
                per_slot = by_data[data] = {}
            per_slot[slot_end] = per_slot.get(slot_end, 0) + microseconds
        # Labels are worked out and hashed once for each kind of event, not for each event.
        amounts: Amounts = {}
        for data, per_slot in by_data.items():
            if (labels := self.labels(data, active)) is None:
                continue
            held = amounts.setdefault(labels, per_slot)
            if held is not per_slot:
                for slot_end, microseconds in per_slot.items():
                    held[slot_end] = held.get(slot_end, 0) + microseconds
        return amounts


def data_labels(data: Data) -> dict[str, str]:
    """Label names and values of an event's data, without those that every series of the bucket has."""
    labels: dict[str, str] = {}
    for name, value in sorted(_named_values(data), key=lambda pair: pair[0]):
        free, count = name, 1
        while free in labels:
            count += 1
            free = _cut(f"{name}_{count}", MAX_NAME, "_")
        labels[free] = value
    room = MAX_LABELS - len(RESERVED)
    if len(labels) > room:
        kept = [name for name in labels if name != _REST][: room - 1]
        rest = {name: value for name, value in labels.items() if name not in kept}
        labels = {name: labels[name] for name in kept} | {_REST: _value(rest)}
    return labels


def decoded(data: bytes) -> Data:
    """The data of an event from its JSON text."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError):
        # aw-server sends numbers beyond the range of a double, halves of emoji and bytes that are no UTF-8.
        found = json.loads(data.decode("utf-8", "replace"), parse_int=_integer)
    return found if isinstance(found, dict) else {"data": found}


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _named_values(data: Data) -> Iterable[tuple[str, str]]:
    for key in sorted(data):
        raw = data[key]
        value = _value(raw)
        if value:
            yield label_name(key), value


def label_name(key: str) -> str:
    """A valid label name for a key of an event's data; one that awsync gives itself gets `data_` in front."""
    name = re.sub(r"[^a-zA-Z0-9_]", "_", key)
    if name.startswith("__") or not name.strip("_"):
        name = name.strip("_") or "unnamed"
    if name[0].isdigit():
        name = f"_{name}"
    return f"data_{name}" if name in RESERVED or key in RESERVED else _cut(name, MAX_NAME, "_")


def _value(raw: object) -> str:
    return text_value(plain(raw))


def plain(raw: object) -> str:
    """A value of an event's data as text, whatever its length; what is nested is compact JSON."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 1e15:
        return str(int(raw))
    if isinstance(raw, (int, float)):
        return str(raw)
    return json.dumps(raw, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def text_value(value: str) -> str:
    """A label's value: valid UTF-8 and short; two long values that differ stay different."""
    return _cut(value.encode("utf-8", "replace").decode("utf-8"), MAX_VALUE, "…")


def _cut(text: str, limit: int, mark: str) -> str:
    if len(text) <= limit:
        return text
    short = hashlib.blake2s(text.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{text[: limit - len(short) - len(mark)]}{mark}{short}"
