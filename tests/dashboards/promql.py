"""The pieces that the queries of all dashboards are made of.

Samples are sparse and stand one millisecond before the end of their slot, so that no query looks at a
moment: each adds up a range. Where Grafana knows the range to the millisecond, so does the query: `$__range`
itself is rounded to a second, which at midnight would take in a slot of the day before.
"""

RANGE = "[${__range_ms}ms]"
"""What is chosen above the dashboard (or the panel's own time), exactly."""
DAY = "[1d] offset -1d"
"""The day that begins at a point: Grafana puts the points of a step of a day on the browser's midnights."""
STEP = "[$__interval] offset -$__interval"
"""What begins at a point of a diagram and ends at the next."""

WHO = 'user=~"$user", host=~"$host"'
WATCHERS = "aw_[a-zA-Z0-9_]+_seconds"
"""Every metric of a watcher, and no recording rule (they have a colon)."""
_LEAST = "1e-7"
"""Less than a microsecond: what corrections leave of a slot that was taken back is nothing."""


def spent(having: str = "app", active: str = "$active") -> str:
    """The watchers' time that has a label; windows have an `app`, tabs a `domain`, editors a `project`."""
    return f'{{__name__=~"$watcher", {having}!="", active=~"{active}", {WHO}}}'


USED = f'{{__name__=~"$watcher", app!="", active=~"$active", active!="false", {WHO}}}'
"""Windows that tell of somebody where no AFK watcher does, if they are to be counted at all."""
WATCHED = f'{{__name__=~"{WATCHERS}", status=~"not-afk|afk", {WHO}}}'
THERE = f'{{__name__=~"{WATCHERS}", status="not-afk", {WHO}}}'
AWAY = f'{{__name__=~"{WATCHERS}", status="afk", {WHO}}}'


def by(labels: str, selected: str, over: str = RANGE) -> str:
    """The seconds of a range, told apart by labels."""
    total = f"sum_over_time({selected}{over})"
    return f"sum by ({labels}) ({total})" if labels else f"sum({total})"


def before(over: str = "1w") -> str:
    """The same range so much earlier."""
    return f"{RANGE} offset {over}"


def change(now: str, then: str) -> str:
    """How much more it is now; what there is on one side only counts as nothing on the other."""
    return f"({now} or 0 * {then}) - ({then} or 0 * {now})"


def afk(labels: str, selected: str) -> str:
    """Seconds by an AFK watcher; of several on one host the one that saw most counts."""
    most = f"max by (user, host) (sum by (user, host, bucket) (sum_over_time({selected}{RANGE})))"
    return f"sum by ({labels}) ({most})" if labels else f"sum({most})"


def _slots(labels: str) -> str:
    """The moment at which a slot ends, for each slot with somebody there."""
    slot = "[${slot}s]"
    used = f"sum_over_time({USED}{slot}) unless on (user, host) sum_over_time({WATCHED}{slot})"
    seen = f"sum_over_time({THERE}{slot}) or ({used})"
    return f"time() + 0 * (sum by ({labels}) ({seen}) > {_LEAST})"


def first(labels: str, over: str = "${__range_ms}ms", offset: str = "-1ms") -> str:
    """When somebody was first there, in seconds since the epoch: the beginning of that slot.

    A subquery stands on multiples of its step, which are ends of slots; the millisecond keeps the one that
    ends where the range begins out of a Prometheus 2, and the one that ends with the range in.
    """
    return f"min_over_time(({_slots(labels)})[{over}:${{slot}}s] offset {offset}) - ${{slot}}"


def last(labels: str, over: str = "${__range_ms}ms", offset: str = "-1ms") -> str:
    """When somebody was last there: the end of that slot."""
    return f"max_over_time(({_slots(labels)})[{over}:${{slot}}s] offset {offset})"


def at_most(over: str = "${__range_ms}ms", offset: str = "-1ms") -> str:
    """A user's time on all devices together, if never two at once: in no slot more than its length."""
    slots = f"clamp_max(sum by (user) (sum_over_time({spent()}[${{slot}}s])), ${{slot}})"
    return f"sum_over_time({slots}[{over}:${{slot}}s] offset {offset})"


def at_least(over: str = "${__range_ms}ms", offset: str = "-1ms") -> str:
    """A user's time on all devices together, if whatever can have been at once was: the busiest of a slot."""
    device = f"sum by (user, host) (sum_over_time({spent()}[${{slot}}s]))"
    slots = f"clamp_max(max by (user) ({device}), ${{slot}})"
    return f"sum_over_time({slots}[{over}:${{slot}}s] offset {offset})"


def presence() -> str:
    """What was most of a step: 1 there, 0 away, 2 used where no AFK watcher is, -1 nothing recorded.

    The last one is said for a day after the newest record, so that a state ends where its record does.
    """
    recorded = by("user, host", WATCHED, STEP)
    there = f"({by('user, host', THERE, STEP)} or 0 * {recorded}) >= bool 0.5 * {recorded}"
    used = f"2 + 0 * ({by('user, host', USED, STEP)} > {_LEAST})"
    known = f"count_over_time({WATCHED}[1d]) or count_over_time({USED}[1d])"
    return f"{there} or {used} or -1 + 0 * count by (user, host) ({known})"


def own(name: str, matching: str = "") -> str:
    """A series that awsync sends of itself."""
    more = f", {matching}" if matching else ""
    return f'{name}{{job="awsync", {WHO}{more}}}'


AGENT = "user, host, instance"
KNOWN = "[${within}]"
"""How far back an agent is looked for."""


def agents(
    name: str, *, fold: str = "max", labels: str = AGENT, over: str = KNOWN, matching: str = ""
) -> str:
    """The newest value of a range for each agent: with each pass comes one, so that a moment has none."""
    return f"{fold} by ({labels}) (last_over_time({own(name, matching)}{over}))"


def grown(labels: str, name: str) -> str:
    """How much a counter grew in a step of a diagram.

    The newest value at its end less the newest at its beginning: together the steps are the whole, however
    rare the passes are. What a process counted up to its first pass is left out.
    """
    newest = f"last_over_time({own(name)}[1d]"
    difference = f"clamp_min({newest} offset -$__interval) - {newest}), 0)"
    return f"sum by ({labels}) ({difference})" if labels else f"sum({difference})"


def heard(name: str, labels: str = AGENT) -> str:
    """When the newest sample was sent, in seconds since the epoch.

    The steps of the subquery see every sample but those behind the last step, and a look at the moment sees
    these.
    """
    stamp = f"timestamp({own(name)})"
    return f"max by ({labels}) ({stamp} or max_over_time({stamp}[${{within}}:5m]))"
