"""Pure: when somebody was there, by ActivityWatch's canonical rule, and spans split by it.

Somebody was there while an AFK watcher says so, and while a tab was audible whose browser had the focus
(aw-client's queries.py). Each function takes flooded spans, that is in order of time and sharing no moment.

May import: the standard library, msgspec, lenient, timeline.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.json import encode

from awsync.lenient import NotThatError, decode
from awsync.timeline import Span

BROWSERS = {
    "chrome": frozenset(
        {
            "Google Chrome",
            "Google-chrome",
            "chrome.exe",
            "google-chrome-stable",
            "Chromium",
            "Chromium-browser",
            "Chromium-browser-chromium",
            "chromium.exe",
            "Google-chrome-beta",
            "Google-chrome-unstable",
            "Brave-browser",
        }
    ),
    "firefox": frozenset(
        {
            "Firefox",
            "Firefox.exe",
            "firefox",
            "firefox.exe",
            "Firefox Developer Edition",
            "firefoxdeveloperedition",
            "Firefox-esr",
            "Firefox Beta",
            "Nightly",
            "org.mozilla.firefox",
        }
    ),
    "opera": frozenset({"opera.exe", "Opera"}),
    "brave": frozenset({"brave.exe"}),
    "edge": frozenset({"msedge.exe", "Microsoft Edge"}),
    "vivaldi": frozenset({"Vivaldi-stable", "Vivaldi-snapshot", "vivaldi.exe"}),
}
"""Names that a browser's windows have as `app`, by the word in the id of its bucket: aw-client's own list."""

VALUES = ("true", "false", "unknown")
"""What the label `active` can be."""


class Period(NamedTuple):
    """A length of time, [start, end)."""

    start: int
    end: int


class Presence(NamedTuple):
    """When somebody was there, and when nobody was; nothing is known of the rest.

    Both are in order of time, and neither the periods of one nor the two share a moment.
    """

    there: Sequence[Period]
    away: Sequence[Period]


def apps_of(bucket: str) -> frozenset[str]:
    """The names that the windows of a browser have whose tabs are in this bucket."""
    return frozenset().union(*(apps for word, apps in BROWSERS.items() if word in bucket))


def by_watchers(timelines: Iterable[Sequence[Span]]) -> Presence:
    """What AFK watchers say of one device; where they differ somebody was there."""
    there: list[Period] = []
    seen: list[Period] = []
    for spans in timelines:
        seen += (Period(span.start, span.end) for span in spans)
        there += chosen(spans, "status", frozenset({"not-afk"}))
    there = union(there)
    return Presence(there, without(union(seen), there))


def with_more(presence: Presence, more: Iterable[Period]) -> Presence:
    """Somebody was there in `more` too."""
    there = union([*presence.there, *more])
    return Presence(there, without(presence.away, there))


def chosen(spans: Iterable[Span], key: str, values: frozenset[object]) -> list[Period]:
    """When the data had one of the values."""
    return [Period(span.start, span.end) for span in only(spans, key, values)]


def only(spans: Iterable[Span], key: str, values: frozenset[object]) -> list[Span]:
    """Those whose data has one of the values, without the rest of it; what touches and says the same is one.

    A year of windows with ever new titles is kept in mind as a few stretches of one application.
    """
    known: dict[bytes, bytes | None] = {}
    told: dict[object, bytes] = {}
    found: list[Span] = []
    for start, end, data in spans:
        if data not in known:
            value = _value(data, key, values)
            known[data] = None if value is None else told.setdefault(value, encode({key: value}))
        if (kept := known[data]) is None:
            continue
        if found and found[-1].end == start and found[-1].data is kept:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Span(start, end, kept))
    return found


def inside(spans: Iterable[Span], period: Period) -> list[Span]:
    """Spans cut to a period."""
    cut = (Span(max(start, period.start), min(end, period.end), data) for start, end, data in spans)
    return [span for span in cut if span.start < span.end]


def union(periods: Iterable[Period]) -> list[Period]:
    """Periods in any order as the fewest that cover the same time."""
    joined: list[Period] = []
    for start, end in sorted(periods):
        if joined and start <= joined[-1].end:
            joined[-1] = Period(joined[-1].start, max(joined[-1].end, end))
        else:
            joined.append(Period(start, end))
    return joined


def near(periods: Sequence[Period], slack: int) -> list[Period]:
    """Periods in order, with those that lie at most `slack` apart, and what is between them, as one."""
    joined: list[Period] = []
    for start, end in periods:
        if joined and start - joined[-1].end <= slack:
            joined[-1] = Period(joined[-1].start, end)
        else:
            joined.append(Period(start, end))
    return joined


def common(left: Sequence[Period], right: Sequence[Period]) -> list[Period]:
    """The time that is in both."""
    found: list[Period] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i].start, right[j].start), min(left[i].end, right[j].end)
        if start < end:
            found.append(Period(start, end))
        if left[i].end < right[j].end:
            i += 1
        else:
            j += 1
    return found


def without(periods: Iterable[tuple[int, int]], taken: Sequence[Period]) -> list[Period]:
    """The time of `periods`, in the order of their starts, that is not in `taken`."""
    found: list[Period] = []
    i = 0
    for start, end in periods:
        while i < len(taken) and taken[i].end <= start:
            i += 1
        j = i
        while j < len(taken) and taken[j].start < end:
            if start < taken[j].start:
                found.append(Period(start, taken[j].start))
            start = max(start, taken[j].end)
            j += 1
        if start < end:
            found.append(Period(start, end))
    return found


def split(spans: Iterable[Span], presence: Presence) -> dict[str, list[Span]]:
    """Spans, in the order of their starts, cut where somebody came or went: by the value of `active`."""
    found: dict[str, list[Span]] = {value: [] for value in VALUES}
    there, away, unknown = (found[value] for value in VALUES)
    marked = [(start, end, there) for start, end in presence.there]
    marked += [(start, end, away) for start, end in presence.away]
    marked.sort(key=_start)
    i = 0
    for span in spans:
        start, end, data = span
        while i < len(marked) and marked[i][1] <= start:
            i += 1
        j = i
        while j < len(marked) and marked[j][0] < end:
            from_, to, target = marked[j]
            if start < from_:
                unknown.append(Span(start, from_, data))
                start = from_
            if to >= end:
                target.append(span if start == span.start else Span(start, end, data))
                start = end
                break
            target.append(Span(start, to, data))
            start = to
            j += 1
        if start < end:
            unknown.append(Span(start, end, data))
    return found


def _start(marked: tuple[int, int, list[Span]]) -> int:
    return marked[0]


def _value(data: bytes, key: str, values: frozenset[object]) -> object | None:
    try:
        value = decode(data, dict[str, object]).get(key)
    except NotThatError:
        return None
    return value if isinstance(value, (str, bool)) and value in values else None
