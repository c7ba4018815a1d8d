"""How much of what: the pages of buckets become a report of the time by app, title, host, domain or category.

May import: the standard library, msgspec, series, timeline, words.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct

from awsync.series import Amounts, Labels
from awsync.timeline import DAY, MICROSECONDS, MINUTE
from awsync.words import amount, worked

PRESENT, AWAY = "not-afk", "afk"
SOLID, HATCHED, DOTTED = "█", "░", "·"
Edges = tuple[int, int]
NOTHING = "(none)"
"""What stands for events that do not have what is asked for."""


class By(StrEnum):
    """What the time is told apart by."""

    APP = "app"
    TITLE = "title"
    HOST = "host"
    DOMAIN = "domain"
    CATEGORY = "category"


class Share(Struct, frozen=True):
    """One name with its microseconds; `active` are those with somebody there, None where nobody can tell."""

    name: str
    total: int
    active: int | None = None


class Failure(Struct, frozen=True):
    """A source, or one bucket of it, that could not be read."""

    where: str
    reason: str
    remedy: str


class Report(Struct, frozen=True):
    """The time of [since, until), by name, the most first; moments and amounts are microseconds.

    `first` and `last` are when somebody was there, to the minute; `present` and `away` what the AFK watchers
    say, None where there is none. `notes` are sentences about how it was counted.
    """

    by: By
    since: int
    until: int
    shares: Sequence[Share] = ()
    first: int | None = None
    last: int | None = None
    present: int | None = None
    away: int | None = None
    hosts: Sequence[str] = ()
    notes: Sequence[str] = ()
    failures: Sequence[Failure] = ()

    @property
    def total(self) -> int:
        """All of the time."""
        return sum(share.total for share in self.shares)

    @property
    def active(self) -> int | None:
        """All of the active time; None where nobody can tell."""
        known = [share.active for share in self.shares if share.active is not None]
        return sum(known) if known else None


class Sums:
    """Adds up one source; `name_of` gives the name that labels are counted under."""

    def __init__(self, name_of: Callable[[Labels], str]) -> None:
        self._name_of = name_of
        self._names: dict[Labels, str] = {}
        self.total: Counter[str] = Counter()
        self.active: Counter[str] = Counter()
        self.told: set[str] = set()
        self.afk: dict[tuple[str, str], Counter[str]] = {}
        self.there: dict[str, Edges] = {}
        self.used: dict[str, Edges] = {}

    def add(self, host: str, amounts: Amounts) -> None:
        """Takes in a page of a bucket whose time is told apart, in slots of a minute."""
        for labels, slots in amounts.items():
            name = self._names.get(labels)
            if name is None:
                name = self._names[labels] = self._name_of(labels)
            microseconds = sum(slots.values())
            self.total[name] += microseconds
            active = value(labels, "active")
            if active in {"true", "false"}:
                self.told.add(name)
            if active == "true":
                self.active[name] += microseconds
            if active != "false":
                _widen(self.used, host, slots)

    def add_afk(self, host: str, bucket: str, amounts: Amounts) -> None:
        """Takes in a page of an AFK watcher."""
        counted = self.afk.setdefault((host, bucket), Counter())
        for labels, slots in amounts.items():
            status = value(labels, "status") or ""
            counted[status] += sum(slots.values())
            if status == PRESENT:
                _widen(self.there, host, slots)


def report(
    by: By, since: int, until: int, sums: Sequence[Sums], notes: Sequence[str], failures: Sequence[Failure]
) -> Report:
    """All sources together. Of several AFK watchers of a host the one that saw most counts."""
    spent: dict[str, Counter[str]] = {}
    for (host, _), counted in (item for each in sums for item in each.afk.items()):
        spent[host] = max(spent.get(host, Counter()), counted, key=lambda each: each.total())
    there = [item for each in sums for item in each.there.items()]
    watched = {host for host, _ in there}
    # Where an AFK watcher says when somebody was there, a window that stayed open says nothing.
    there += [(host, edges) for each in sums for host, edges in each.used.items() if host not in watched]
    return Report(
        by=by,
        since=since,
        until=until,
        shares=merged(sums),
        first=min((max(first, since) for _, (first, _) in there), default=None),
        last=max((min(last, until) for _, (_, last) in there), default=None),
        present=sum(counted[PRESENT] for counted in spent.values()) if spent else None,
        away=sum(counted[AWAY] for counted in spent.values()) if spent else None,
        hosts=sorted({host for each in sums for host in (*each.used, *(host for host, _ in each.afk))}),
        notes=notes,
        failures=failures,
    )


def merged(sums: Iterable[Sums]) -> list[Share]:
    """The names with the most active time first; where that is not known, with the most time."""
    total: Counter[str] = Counter()
    active: Counter[str] = Counter()
    told: set[str] = set()
    for each in sums:
        total.update(each.total)
        active.update(each.active)
        told |= each.told
    shares = [
        Share(name, microseconds, active[name] if name in told else None)
        for name, microseconds in total.items()
        if microseconds > 0
    ]
    return sorted(shares, key=lambda share: (-(share.active or 0), -share.total, share.name))


def value(labels: Labels, wanted: str) -> str | None:
    """The value of a label."""
    return next((value for name, value in labels if name == wanted), None)


def _widen(edges: dict[str, Edges], host: str, slots: Mapping[int, int]) -> None:
    ends = [end for end, held in slots.items() if held > 0]
    if ends:
        first, last = edges.get(host, (min(ends) - MINUTE, max(ends)))
        edges[host] = min(first, min(ends) - MINUTE), max(last, max(ends))


def headline(report: Report) -> str:
    """The period in a sentence: from when to when somebody was there, how long, and how long away."""
    begin = _here(report.since)
    if not report.shares and report.first is None:
        return f"Nothing is {'known' if report.failures else 'recorded'} since {begin:%a %Y-%m-%d %H:%M}."
    form = "%H:%M" if report.until - report.since <= DAY else "%Y-%m-%d %H:%M"
    active = report.active if report.active is not None else report.present
    facts = [f"Since {begin:%a %Y-%m-%d %H:%M}"]
    if report.first is not None and report.last is not None:
        facts += [f"first activity {_here(report.first):{form}}", f"last {_here(report.last):{form}}"]
    facts.append(f"{worked((report.total if active is None else active) / MICROSECONDS)} active")
    if report.away is not None:
        facts.append(f"{worked(report.away / MICROSECONDS)} away (AFK)")
    if len(report.hosts) > 1:
        facts.append(amount(len(report.hosts), "host"))
    return ", ".join(facts) + "."


def foremost(report: Report, number: int) -> list[Share]:
    """So many shares, and behind them all others as one."""
    shares, rest = list(report.shares[:number]), report.shares[number:]
    if rest:
        known = [share.active for share in rest if share.active is not None]
        total = sum(share.total for share in rest)
        shares.append(Share(f"{amount(len(rest), 'other')}", total, sum(known) if known else None))
    return shares


def bar(share: Share, most: int, cells: int, *, told: bool = True) -> str:
    """A bar whose whole length stands for `most`.

    The time in which nobody was there is hatched; what no AFK watcher tells of is dotted, if one tells of
    others (`told`).
    """
    if most <= 0:
        return ""
    length = max(round(cells * min(share.total / most, 1)), 1)
    if share.active is None:
        return (DOTTED if told else SOLID) * length
    solid = round(length * share.active / max(share.total, 1))
    return SOLID * solid + HATCHED * (length - solid)


def legend(report: Report, shares: Sequence[Share]) -> str:
    """What the numbers and bars of a table mean, in a sentence; nothing where there is one number only."""
    if report.active is None:
        return ""
    told = [f"{SOLID} active", f"{HATCHED} away"]
    told += [f"{DOTTED} unknown (no AFK watcher)"] if any(share.active is None for share in shares) else []
    return "  ".join([*told, "total: all of it", "%: of active"])


def percent(share: Share, report: Report) -> str:
    """What part of all it is: of the active time where that is known."""
    if report.active is None:
        return f"{share.total / report.total:.0%}" if report.total else ""
    return f"{share.active / report.active:.0%}" if share.active is not None and report.active else ""


def stopwatch(microseconds: int) -> str:
    """A length of time to the second: `7:05:09`."""
    minutes, seconds = divmod(round(microseconds / MICROSECONDS), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _here(moment: int) -> datetime:
    return datetime.fromtimestamp(moment // MICROSECONDS, UTC).astimezone()
