"""Whole days, from what the centre's rules record where they have, from the slots where they have not.

A day is that of UTC, for such were recorded. Recorded hours would give the days of any zone of whole hours,
and are the worse bargain: a year of them is 24 times as many steps and no faster than the slots, zones of
half hours are left out still, and an hour is recorded a day after its end, without what a device delivers
that was off over a weekend; a day waits for a week.

Where a day comes from is decided for each day and host: what is recorded counts, else the slots do. So
nothing counts twice, whenever the rules were evaluated. Asked of a whole year this would read all slots
again; therefore slots are looked at in two stretches only, behind the newest recorded day and before the
oldest one. Three variables that nobody sees say how long these are (`stretches`).

The days of a range are those that begin in it. Subqueries over days end a millisecond early: so the day that
begins with the range counts, and the one that begins at its end does not, also in Prometheus 2, whose ranges
take in both borders.
"""

from typing import NamedTuple

from tests.dashboards.promql import WHO

YEAR_BEFORE = "365d"
_RANGE = "${__range_ms}"
_BACK = f"[{_RANGE}ms:1d]"
_NOT_ITS_END = "1ms"
_DATE = 'count_values("day", year() * 10000 + month() * 100 + day_of_month())'
"""1 with the date of the moment as a label: 20261120."""


class Kind(NamedTuple):
    """What is recorded by day: the record, and what its rule adds up."""

    record: str
    slots: str

    @property
    def recorded(self) -> str:
        """The seconds of the day that begins now; that was recorded when it had been over for 7 to 8 days."""
        return f"last_over_time({self.record}[1d] offset -9d)"


def _kind(record: str, metric: str, matching: str, having: str) -> Kind:
    chosen = f'{having}!="", active=~"$active", {WHO}'
    return Kind(f"{record}:sum1d{{{chosen}}}", f"{metric}{{{matching}{chosen}}}")


APPS = _kind("user_host_app:aw_watcher_window_seconds", "aw_watcher_window_seconds", "", "app")
DOMAINS = _kind(
    "user_host_domain:aw_watcher_web_seconds",
    "",
    '__name__=~"aw_(watcher|client)_web.*_seconds", ',
    "domain",
)
PROJECTS = _kind("user_host_project:aw_watcher_seconds", "", '__name__=~"aw_.+_seconds", ', "project")


def total(labels: str, kind: Kind = APPS) -> str:
    """The seconds of the days of the range, told apart by labels; `day` among them is the date."""
    return _sum(labels, [_recorded(labels, kind), *_slots(labels, kind)])


def year_before(labels: str, kind: Kind = APPS) -> str:
    """The same a year earlier, of recorded days alone."""
    return _sum(labels, [_recorded(labels, kind, f"{YEAR_BEFORE}{_NOT_ITS_END}")])


def more_or_less(labels: str, kind: Kind = APPS) -> str:
    """How much more it is than a year earlier."""
    before = _marked("before", f"-{year_before(labels, kind)}")
    return _sum(labels, [_recorded(labels, kind), *_slots(labels, kind), before])


def dated(by_day: str) -> str:
    """Seconds by day, also with the labels `date` (2026-11-20), `month` (2026-11) and `number` (20)."""
    for label, parts in (("date", "$1-$2-$3"), ("month", "$1-$2"), ("number", "$3")):
        by_day = f'label_replace({by_day}, "{label}", "{parts}", "day", "(....)(..)(..)")'
    return by_day


def recorded_days() -> str:
    """How many days of the range are recorded, of anybody who is chosen."""
    return f"sum(count_over_time((count({APPS.recorded})){_BACK} offset {_NOT_ITS_END})) or vector(0)"


def slot_days() -> str:
    """How many days of the range are worked out from slots."""
    return f"count({_sum('day', _slots('day', APPS))}) or vector(0)"


def each_day(labels: str) -> str:
    """For a diagram with a step of a day: the seconds of the day that begins at a point.

    What comes from the slots is worked out once, at the end of the diagram; each point takes what has its
    date. The last point may be the day that is going on.
    """
    recorded = _marked("recorded", f"sum by ({labels}) ({APPS.recorded})")
    slots = " or ".join(_slots(f"{labels}, day", APPS, "@ end() ", "-1ms"))
    return _sum(labels, [recorded, f"({slots}) * on (day) group_left () {_DATE}"])


def stretches() -> dict[str, tuple[str, str]]:
    """The variables: what each is, and its query. All are milliseconds.

    Grafana asks for variables at a full second at or behind the end of the range. That does no harm: a day
    that is looked at in vain is recorded and not counted, and the beginning of the range follows from its
    length alone.
    """
    of_day = f"(time() + 0 * count({APPS.recorded})){_BACK} offset {_NOT_ITS_END}"
    newest, oldest = (
        f"clamp_max(1000 * (time() - {each}_over_time({of_day})), {_RANGE})" for each in ("max", "min")
    )
    return {
        "fresh": (
            "From the newest recorded day to the end of the time; all of it where none is recorded.",
            f"{newest} or vector({_RANGE})",
        ),
        "behind": (
            "From the oldest recorded day to the end of the time.",
            f"{oldest} + 1 or vector({_RANGE} + 1)",
        ),
        "old": (
            "From the beginning of the time to its oldest recorded day.",
            f"clamp_min(vector({_RANGE} + 1 - $behind), 1)",
        ),
    }


def _recorded(labels: str, kind: Kind, offset: str = _NOT_ITS_END) -> str:
    day = _with_date(labels, f"sum by ({_dateless(labels)}) ({kind.recorded})")
    return _marked("recorded", f"sum_over_time(({day}){_BACK} offset {offset})")


def _slots(labels: str, kind: Kind, at: str = "", offset: str = _NOT_ITS_END) -> list[str]:
    """The days of both stretches that are not recorded for their host."""
    names = [label for label in _dateless(labels).split(", ") if label not in {"", "user", "host"}]
    seconds = f"sum by ({', '.join(['user', 'host', *names])}) (sum_over_time({kind.slots}[1d] offset -1d))"
    missing = f"sum by ({_dateless(labels)}) ({seconds} unless on (user, host) {kind.recorded})"
    day = _with_date(labels, missing)
    return [
        _marked("old", f"sum_over_time(({day})[${{old}}ms:1d] {at}offset ${{behind}}ms)"),
        _marked("fresh", f"sum_over_time(({day})[${{fresh}}ms:1d] {at}offset {offset})"),
    ]


def _sum(labels: str, parts: list[str]) -> str:
    return f"sum by ({labels}) ({' or '.join(parts)})"


def _marked(name: str, part: str) -> str:
    """With a label of its own, so that `or` takes all of several parts."""
    return f'label_replace({part}, "part", "{name}", "", "")'


def _with_date(labels: str, day: str) -> str:
    return f"{day} * on () group_left (day) {_DATE}" if "day" in labels.split(", ") else day


def _dateless(labels: str) -> str:
    return ", ".join(label for label in labels.split(", ") if label != "day")
