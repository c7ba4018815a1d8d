"""What the doctor says, and what its parts know of each other while it walks from ActivityWatch to the store.

May import: the standard library, msgspec, httpx, and of awsync activitywatch, errors, ledger, service,
settings, state.
"""

import shutil
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import httpx
from msgspec import Struct, field
from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket
from awsync.errors import ServiceError
from awsync.ledger import Quarantined, Range
from awsync.neighbours import Neighbours
from awsync.records import Checkpoint, PassRecord
from awsync.service import Service, found, here
from awsync.settings import Settings, SourceSettings

PATIENCE = timedelta(seconds=10)
"""How long one answer is waited for: a person sits before it."""
_SHORTEST_SECRET = 6
"""A shorter one would blank out half of what is said, and is none."""


class State(StrEnum):
    """How a step of the walk stands; skipped is what could not be looked at, because of another step."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Finding(Struct, frozen=True):
    """One step: how it stands, in a sentence, and what to do about it.

    The lines of a remedy that begin with two spaces are to be taken as they are: a command, lines of a file.
    """

    area: str
    step: str
    state: State
    what: str
    remedy: str = ""


class Area(Struct, frozen=True):
    """A stretch of the way, which makes its findings."""

    name: str

    def ok(self, step: str, what: str) -> Finding:
        """It works."""
        return Finding(self.name, step, State.OK, what)

    def warning(self, step: str, what: str, remedy: str) -> Finding:
        """It works, and something is not as it should be."""
        return Finding(self.name, step, State.WARNING, what, remedy)

    def failed(self, step: str, what: str, remedy: str) -> Finding:
        """It does not work."""
        return Finding(self.name, step, State.FAILED, what, remedy)

    def skipped(self, why: str, *steps: str) -> Iterator[Finding]:
        """They could not be looked at."""
        return (Finding(self.name, step, State.SKIPPED, f"{why}.") for step in steps)


def _free_space(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _system_clock() -> int:
    return time.time_ns() // 1000


def _service() -> Service | None:
    if not here():
        raise ServiceError(
            "Nothing that awsync knows starts programs by itself here.",
            "Let what does (the container, cron) run:\n  awsync sync",
        )
    return found().look()


class Wiring(Struct, frozen=True):
    """What tests replace. `clock` gives microseconds since the epoch, `free_space` bytes.

    `service` gives the service that is installed; it raises ServiceError where there can be none.
    """

    clock: Callable[[], int] = _system_clock
    free_space: Callable[[Path], int] = _free_space
    hostname: Callable[[], str] = socket.gethostname
    service: Callable[[], Service | None] = _service
    aw_transport: httpx.AsyncBaseTransport | None = None
    store_transport: httpx.AsyncBaseTransport | None = None


class Walk(Struct):
    """One examination: what it was given, and what was learnt on the way.

    `wanted` are the buckets that would be synced, of the sources whose names are in `read`; `skews` are the
    seconds that each source's clock is ahead, `among` is what several sources said of themselves.
    `checkpoints` is None where the state could not be read; `working` says whether an awsync runs and works;
    None where one holds the lock and does not.
    """

    settings: Settings
    wiring: Wiring
    probe: bool
    wanted: list[tuple[SourceSettings, Bucket]] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    skews: dict[str, float] = field(default_factory=dict)
    among: Neighbours = Neighbours()
    checkpoints: Sequence[Checkpoint] | None = None
    set_aside: Sequence[tuple[str, str, Range]] = ()
    quarantined: Sequence[Quarantined] = ()
    passes: Sequence[PassRecord] = ()
    working: bool | None = None

    @property
    def saw_all(self) -> bool:
        """Whether every source could be read, so that what waits is known."""
        return self.read == {source.name for source in self.settings.sources}


def presentable(finding: Finding, secrets: Sequence[str]) -> Finding:
    """The finding without a secret and without what moves a cursor, whatever a server answered."""
    return replace(
        finding, what=_presentable(finding.what, secrets), remedy=_presentable(finding.remedy, secrets)
    )


def _presentable(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def secrets_of(settings: Settings) -> list[str]:
    """Every secret text of the settings, the longest first, also in the form in which it is sent."""
    urls = [source.aw_url for source in settings.sources]
    texts = [source.token.value for source in settings.sources if source.token is not None]
    store = settings.store
    if store is not None:
        urls += [url for url in (store.write_url, store.base_url, store.query_url) if url]
        texts += [secret.value for secret in (store.bearer_token, store.password) if secret is not None]
        texts += [
            value for secret in store.headers.values() for value in (secret.value, *secret.value.split())
        ]
        if store.password is not None:
            texts.append(b64encode(f"{store.username}:{store.password.value}".encode()).decode())
    for url in map(httpx.URL, urls):
        texts += [url.query.decode(), *(value for _, value in url.params.multi_items())]
    return sorted({text for text in texts if len(text) >= _SHORTEST_SECRET}, key=len, reverse=True)
