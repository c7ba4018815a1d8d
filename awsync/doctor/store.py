"""The doctor at the store: is it there, what is it, does it take what awsync sends.

May import: the standard library, httpx, and of awsync anchor, errors, remote_write, settings, doctor.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import httpx
from msgspec.structs import replace

from awsync import anchor
from awsync.doctor.findings import PATIENCE, Area, Finding, Walk
from awsync.doctor.pending import age_findings, oldest_history, oldest_pending
from awsync.doctor.probe import probe_finding
from awsync.doctor.skew import SERIOUS, clock_finding
from awsync.errors import ConfigError
from awsync.remote_write.client import Client, Rejected, Retry, StoreReached
from awsync.remote_write.connection import shown_url
from awsync.remote_write.store import StoreFacts, asked_of, discover
from awsync.remote_write.verdicts import RECEIVER_OFF
from awsync.settings import StoreSettings
from awsync.timeline import MILLISECOND

_AREA = Area("Store")
_TENANT = "x-scope-orgid"
_ADDRESS = frozenset({400, 404, 405, 410, 501})
"""Answers of servers that do not know the path, or of a server that is no store."""
_USUAL_PATHS = (
    "/api/v1/write",
    "/prometheus/api/v1/write",
    "/api/v1/push",
    "/api/v1/receive",
    "/insert/0/prometheus/api/v1/write",
)
_VICTORIA_BEARS = 2 * 86_400.0
"""Seconds of the future that it takes (FACTS B1)."""
_PAST_BORNE = 3_600.0
"""Seconds; what is older, a Prometheus without an out-of-order window refuses (FACTS B4)."""
_CHAIN = ("authentication", "receiver", "protocol")
_REST = ("age", "retention")


async def look_at_store(walk: Walk) -> AsyncGenerator[Finding, None]:
    """The store, from its address to a sample that is queried back."""
    given = walk.settings.store
    assert given is not None, "the doctor needs prometheus-url; config.load demands it"
    store = replace(given, timeout=min(given.timeout, PATIENCE))
    try:
        client = Client(store, transport=walk.wiring.store_transport)
    except ConfigError as error:
        yield _AREA.failed("reachable", str(error), "Correct it in config.toml.")
        for finding in _unseen("There is no connection", walk):
            yield finding
        return
    async with aclosing(client):
        opened = await client.open()
        if not isinstance(opened, StoreReached) and not _answered(opened):
            yield _unreachable(opened, store)
            for finding in _unseen("The store is not reachable", walk):
                yield finding
            return
        yield _AREA.ok("reachable", f"{shown_url(store.base_url or store.write_url).rstrip('/')} answers.")
        look = (
            _taking(walk, client, store, opened)
            if isinstance(opened, StoreReached)
            else _refusing(walk, client, store, opened)
        )
        async with aclosing(look):
            async for finding in look:
                yield finding


async def _taking(
    walk: Walk, client: Client, store: StoreSettings, opened: StoreReached
) -> AsyncGenerator[Finding, None]:
    """A store that takes remote write."""
    facts = await discover(client.http, store, now_ms=walk.wiring.clock() // MILLISECOND)
    yield _engine(facts)
    if facts.relay is not None:
        yield _relay(store, facts)
    for finding in _head(walk, facts):
        yield finding
    yield _clock(walk, facts, client.skew)
    for finding in _accepted(store, opened, signed="authorization" in client.http.headers):
        yield finding
    waiting, history = await oldest_pending(walk), await oldest_history(walk, facts.retention)
    for finding in age_findings(_AREA, walk, facts, waiting, history):
        yield finding
    if walk.probe:
        yield await probe_finding(_AREA, walk, client, asked_of(store, facts), client.skew or 0.0)


async def _refusing(
    walk: Walk, client: Client, store: StoreSettings, opened: Retry | Rejected
) -> AsyncGenerator[Finding, None]:
    """A server that answers and takes nothing."""
    facts = await discover(client.http, store)
    if facts.engine != "unknown":
        yield _engine(facts)
    failed = await _refused(walk, store, opened)
    yield failed
    rest = (step for step in (*_CHAIN, *_REST, *_probe(walk)) if step != failed.step)
    for finding in _AREA.skipped("The store takes nothing yet", *rest):
        yield finding


def _unseen(why: str, walk: Walk) -> Iterator[Finding]:
    return _AREA.skipped(why, "engine", "clock", *_CHAIN, *_REST, *_probe(walk))


def _probe(walk: Walk) -> tuple[str, ...]:
    return ("probe",) if walk.probe else ()


def _answered(opened: Retry | Rejected) -> bool:
    """A store that does not prove the protocol it is told to speak has answered, too."""
    return opened.status is not None or (isinstance(opened, Rejected) and "protocol" in opened.remedy)


def _unreachable(opened: Retry | Rejected, store: StoreSettings) -> Finding:
    if isinstance(opened, Rejected):
        return _AREA.failed("reachable", opened.words, opened.remedy)
    what = re.sub(r" Is [^?]*\?$", "", opened.reason)
    url = shown_url(store.write_url)
    return _AREA.failed("reachable", what, f"Start the store, or correct prometheus-url (it leads to {url}).")


def _engine(facts: StoreFacts) -> Finding:
    if facts.engine == "unknown" and facts.relay is not None:
        return next(_AREA.skipped("What takes remote write here holds nothing itself", "engine"))
    if facts.engine == "unknown":
        what = "It does not say what it is, as Mimir and Thanos do not: its limits show when it refuses."
        return _AREA.ok("engine", what)
    return _AREA.ok("engine", f"{facts.engine} {facts.version or ''}".rstrip() + ".")


def _relay(store: StoreSettings, facts: StoreFacts) -> Finding:
    """It says 2xx before the store was asked, so that a refusal is never heard here."""
    if facts.forgetful:
        what = (
            f"{facts.relay} takes it and hands on nothing that is older than its own start: history, and "
            "what waits while it is down, is confirmed and lost."
        )
        return _AREA.warning("relay", what, "Write to the store itself in prometheus-url, or to a vmagent.")
    if store.query_url is not None:
        behind = "a store" if facts.engine == "unknown" else facts.engine
        what = (
            f"{facts.relay} takes it and hands it on to {behind}: what that refuses is not told here, "
            "and awsync verify finds it."
        )
        return _AREA.ok("relay", what)
    what = (
        f"{facts.relay} takes it and hands it on to a store that nobody named: what that holds, takes and "
        "refuses cannot be known."
    )
    remedy = (
        "Write in config.toml where that store answers queries (what stands before /api/v1/query):\n"
        '  query-url = "http://localhost:9090"'
    )
    return _AREA.warning("relay", what, remedy)


def _head(walk: Walk, facts: StoreFacts) -> Iterator[Finding]:
    """Whether a Prometheus takes history as history: its head must hold something of the present time."""
    if facts.engine != "Prometheus":
        return
    now_ms = walk.wiring.clock() // MILLISECOND
    if anchor.holds_the_present(facts, now_ms):
        yield _AREA.ok("head", "It holds samples of the present time.")
    elif anchor.is_needed(facts, now_ms):
        what = f"It holds no sample of the last hour; before the next data awsync sends one, {anchor.METRIC}."
        yield _AREA.ok("head", what)
    elif facts.series is not None:
        what = (
            "It holds no sample of the last hour, and has no out-of-order window. It may then lose history "
            "that it has acknowledged, or stop answering while that arrives."
        )
        yield _AREA.warning("head", what, _WINDOW)


def _clock(walk: Walk, facts: StoreFacts, ahead: float | None) -> Finding:
    victoria = facts.engine == "VictoriaMetrics"
    return clock_finding(
        _AREA,
        "The store's clock",
        ahead,
        others=walk.skews.values(),
        bears_past=_PAST_BORNE,
        bears_future=_VICTORIA_BEARS if victoria else SERIOUS,
    )


def _accepted(store: StoreSettings, opened: StoreReached, *, signed: bool) -> Iterator[Finding]:
    yield _AREA.ok(
        "authentication",
        "It takes awsync's credentials." if signed else "It asks for no credentials.",
    )
    if _TENANT in map(str.lower, store.headers):
        yield _AREA.ok("tenant", "It takes the tenant of the header X-Scope-OrgID.")
    yield _AREA.ok("receiver", f"It takes remote write at {shown_url(store.write_url)}.")
    forced = "" if store.protocol == "auto" else f", as protocol says ({store.protocol})"
    yield _AREA.ok("protocol", f"It speaks remote write {opened.protocol}{forced}.")


async def _refused(walk: Walk, store: StoreSettings, opened: Retry | Rejected) -> Finding:
    """What stands between awsync and a store that answers."""
    url = shown_url(store.write_url)
    status = opened.status
    if isinstance(opened, Rejected) and status is None:
        return _AREA.failed("protocol", opened.words, opened.remedy)
    words = opened.reason if isinstance(opened, Retry) else f"{url} answered {status}: {opened.words}"
    if isinstance(opened, Rejected):
        if "no org id" in opened.words:
            return _AREA.failed("tenant", words, _TENANT_REMEDY)
        if status in (401, 403, 407):
            return _AREA.failed("authentication", words, _credentials_remedy(store, opened))
        if RECEIVER_OFF in opened.words:
            remedy = "Start Prometheus with this flag more:\n  --web.enable-remote-write-receiver"
            return _AREA.failed("receiver", words, remedy)
    if status in _ADDRESS and (found := await _elsewhere(walk, store)) is not None:
        remedy = f'Remote write is taken at {found}. Write in config.toml:\n  prometheus-url = "{found}"'
        return _AREA.failed("receiver", words, remedy)
    if isinstance(opened, Rejected):
        return _AREA.failed("receiver", words, opened.remedy)
    if status in _ADDRESS:
        remedy = f"Nothing takes remote write at {url}: correct prometheus-url."
    elif status == 429:
        remedy = "It wants fewer requests: wait, or raise its limits; awsync goes on by itself."
    else:
        remedy = f"Its own log says why. If {url} is no store, correct prometheus-url."
    return _AREA.failed("receiver", words, remedy)


_WINDOW = """\
Give it one before history goes out; write in its prometheus.yml:
  storage:
    tsdb:
      out_of_order_time_window: 30d
Then reload Prometheus (SIGHUP)."""

_TENANT_REMEDY = (
    'It has several tenants; write in config.toml which is yours:\n  headers = { X-Scope-OrgID = "..." }'
)


def _credentials_remedy(store: StoreSettings, opened: Rejected) -> str:
    """Names the settings that are given: those are to be corrected."""
    if opened.status == 403:
        return opened.remedy
    names = {name.lower(): name for name in store.headers}
    if "authorization" in names:
        return f"Correct the header {names['authorization']} of headers in config.toml."
    if store.bearer_token is not None:
        return (
            "Correct bearer-token, or the file that bearer-token-file names: it is not the one of the store."
        )
    if store.username is not None:
        return f"Correct password, or password-file, of the user {store.username}."
    return 'Set what it asks for in config.toml:\n  bearer-token = "..."\nor username and password.'


async def _elsewhere(walk: Walk, store: StoreSettings) -> str | None:
    """The prometheus-url of the same server under which remote write is taken, if it is a usual one."""
    root = httpx.URL(store.write_url).copy_with(path="/", query=None)
    paths = [path for path in _USUAL_PATHS if path != httpx.URL(store.write_url).path]
    opened = await asyncio.gather(*(_opens(walk, store, str(root.join(path))) for path in paths))
    path = next((path for path, takes in zip(paths, opened, strict=True) if takes), None)
    if path is None:
        return None
    return shown_url(root.join(path.removesuffix("/api/v1/write") if path[1] != "i" else path)).rstrip("/")


async def _opens(walk: Walk, store: StoreSettings, url: str) -> bool:
    other = replace(store, write_url=url, base_url=None)
    async with aclosing(Client(other, transport=walk.wiring.store_transport)) as client:
        return isinstance(await client.open(), StoreReached)
