"""Pages of browsers wait for those of windows: nothing is asked twice, and no gap remains where one fails."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from awsync import presence, reader, source_pass, waiting
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Wiring
from awsync.events import CheckpointMoved, SourceFailed
from tests.passes import open_state, position_of, run_pass, utc_now
from tests.test_active import (
    AWAY,
    FILM,
    GONE,
    MINUTE,
    TABS,
    THERE,
    TYPES,
    WINDOW,
    WORK,
    minutes_of,
    settings_of,
)
from tests.test_active import event as happening
from tests.test_source_reader import Passing


@pytest.fixture
def noon() -> datetime:
    """A full hour of today or yesterday, some hours ago."""
    return utc_now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)


@pytest.fixture
def evening(aw: AwServer, noon: datetime) -> AwServer:
    """An hour of work, then nobody moves: by turns ten minutes of a film that is heard and of an editor."""
    for bucket, type_ in TYPES.items():
        aw.create_bucket(bucket, bucket.partition("_")[0], type_, "desk", created=noon)
    aw.insert(AWAY, [happening(noon, 60, THERE), happening(noon + 60 * MINUTE, 60, GONE)])
    shown = [FILM if number % 2 else WORK for number in range(12)]
    aw.insert(WINDOW, [happening(noon + 10 * n * MINUTE, 10, data) for n, data in enumerate(shown)])
    tabs = [{"audible": True, "title": f"part {number}"} for number in range(24)]
    aw.insert(TABS, [happening(noon + 5 * n * MINUTE, 5, data) for n, data in enumerate(tabs)])
    return aw


@pytest.fixture
def crumbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has a few events, and goes out by itself; questions begin off the grid of the slots."""
    monkeypatch.setattr(reader, "PAGE_BYTES", 400)
    monkeypatch.setattr(reader, "PAGE_EVENTS", 1)
    monkeypatch.setattr(reader, "DAY", 15 * 60_000_000)
    monkeypatch.setattr(source_pass, "BATCH_SAMPLES", 1)
    monkeypatch.setattr(presence, "_LEAD", 7 * 60_000_000)


class Asked:
    """Counts the requests for events of each bucket."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        """Lets it through."""
        bucket, _, rest = request.url.path.partition("/buckets/")[2].partition("/")
        if rest == "events":
            self.of[bucket] += 1
        return None


HEARD = {("true",): 90, ("false",): 30}


@pytest.mark.parametrize(("room", "questions"), [(waiting.WAITING_EVENTS, 0), (0, 3)])
def test_what_a_pass_reads_anyway_is_not_asked_for(
    evening: AwServer,
    noon: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    questions: int,
) -> None:
    """With room for the pages of a browser no bucket is read twice; without it the answer is the same."""
    monkeypatch.setattr(waiting, "WAITING_EVENTS", room)
    moment, asked = round((noon + timedelta(hours=3)).timestamp() * 1e6), Asked()
    with Receiver() as store:
        settings = settings_of(tmp_path, evening, store)
        assert run_pass(settings, wiring=Wiring(clock=lambda: moment, aw_transport=Passing(asked)))[
            0
        ].complete
        assert minutes_of(store, TABS, "active") == HEARD
        assert minutes_of(store, WINDOW, "active") == HEARD
        assert asked.of == {AWAY: 1, TABS: 1, WINDOW: 1 + questions}


@pytest.mark.usefixtures("crumbs")
def test_a_page_that_waits_goes_out_as_soon_as_it_can(
    evening: AwServer, noon: datetime, tmp_path: Path
) -> None:
    """A browser's pages leave between those of the windows, in order, and none is left behind."""
    with Receiver() as store:
        settings = settings_of(tmp_path, evening, store)
        finished, said = run_pass(settings, now=noon + timedelta(hours=3))
        assert finished.complete
        moved = [event for event in said if isinstance(event, CheckpointMoved)]
        tabs = [event.position for event in moved if event.bucket == TABS]
        assert len(tabs) > 3
        assert tabs == sorted(tabs)
        assert [event.bucket for event in moved].index(TABS) < len(moved) - len(tabs)
        assert minutes_of(store, TABS, "active") == minutes_of(store, WINDOW, "active") == HEARD
        assert run_pass(settings, now=noon + timedelta(hours=3), look_back=True)[0].totals.samples == 0


@pytest.mark.usefixtures("crumbs")
def test_behind_a_waiting_page_that_fails_nothing_of_its_bucket_goes_out(
    evening: AwServer, noon: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ActivityWatch answers nonsense to one question about a page, its bucket stops there: no gap."""
    monkeypatch.setattr(waiting, "WAITING_EVENTS", 15)

    questions: list[str] = []

    def garbled(request: httpx.Request) -> httpx.Response | None:
        since = request.url.params.get("start")
        if since is None or datetime.fromisoformat(since).minute % 5 == 0:
            return None
        questions.append(since)
        return httpx.Response(200, content=b"[{}]") if len(questions) == 1 else None

    moment = round((noon + timedelta(hours=3)).timestamp() * 1e6)
    with Receiver() as store:
        settings = settings_of(tmp_path, evening, store)
        wiring = Wiring(clock=lambda: moment, aw_transport=Passing(garbled))
        finished, said = run_pass(settings, wiring=wiring)
        assert not finished.complete
        assert {event.bucket for event in said if isinstance(event, SourceFailed)} == {TABS}
        with open_state(settings) as state:
            stopped = state.checkpoint("default", TABS).position
        left = sum(minutes_of(store, TABS).values())
        begun = round(noon.timestamp() * 1e6)
        assert left == ((stopped or begun) - begun) / 60e6 < 120
        assert run_pass(settings, now=noon + timedelta(hours=3))[0].complete
        assert minutes_of(store, TABS, "active") == HEARD
        assert position_of(settings, TABS) == position_of(settings, WINDOW)
