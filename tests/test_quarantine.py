"""Samples that the store refuses: kept with its words, tried again for a reason, and decided about."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from awsync.demo.aw_server import AwServer
from awsync.demo.checks import read_v1, read_v2
from awsync.engine import Wiring
from awsync.events import SamplesSetAside, SetAsideDelivered
from awsync.ledger import Mark, Quarantined
from awsync.series import Sample
from awsync.settings import Settings
from tests.commands import awsync
from tests.conftest import StartStore
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store

BUCKET = "aw-watcher-window_x"
WORDS = "label value refused by policy"


@pytest.fixture
def day(aw: AwServer) -> AwServer:
    """Three hours of one bucket, an app of ten minutes after the other."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begin = utc_now() - timedelta(hours=3)
    aw.insert(
        BUCKET,
        [
            {
                "timestamp": (begin + timedelta(minutes=10 * i)).isoformat(),
                "duration": 599.5,
                "data": {"app": f"app {i % 3}"},
            }
            for i in range(17)
        ],
    )
    return aw


class Gate(httpx.AsyncHTTPTransport):
    """Lets through what a store may take, and refuses a request with `unwanted` samples as a whole."""

    def __init__(self, unwanted: Callable[[Sample], bool]) -> None:
        super().__init__()
        self.unwanted = unwanted
        self.refused = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers one request."""
        if request.url.path.endswith("/write"):
            read = read_v2 if "v2" in request.headers["content-type"] else read_v1
            samples, _ = read(await request.aread())
            if any(map(self.unwanted, samples)):
                self.refused += 1
                return httpx.Response(400, text=f"{WORDS}\n")
        return await super().handle_async_request(request)


def is_app_1(sample: Sample) -> bool:
    return ("app", "app 1") in sample.labels


def quarantine(settings: Settings) -> list[Quarantined]:
    with open_state(settings) as state:
        return state.quarantine()


def assert_equal(aw: AwServer, store: Store, settings: Settings) -> None:
    position = position_of(settings, BUCKET)
    wanted = closed_hours(aw, BUCKET, position)
    last = position // HOUR_US * HOUR_US
    found = stored_hours(store, last - 48 * HOUR_US, last)
    assert sum(wanted.values()) > 3600
    assert_equal_hours(wanted, found.get(BUCKET, {}), BUCKET)


@pytest.fixture
def refused(day: AwServer, start_store: StartStore, tmp_path: Path) -> tuple[Store, Settings, Gate]:
    """A pass through a gate that does not take one of the three apps."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, day.url, store.url)
    gate = Gate(is_app_1)
    finished, said = run_pass(settings, wiring=Wiring(store_transport=gate))
    assert not finished.complete
    (aside,) = [event for event in said if isinstance(event, SamplesSetAside)]
    assert (
        aside.samples
        == finished.totals.set_aside
        == finished.totals.held_samples
        == len(quarantine(settings))
    )
    assert WORDS in sentences(said)
    assert "awsync quarantine list" in aside.remedy
    return store, settings, gate


@pytest.mark.servers
def test_the_good_ones_arrive_and_the_others_wait(
    day: AwServer, refused: tuple[Store, Settings, Gate]
) -> None:
    """Samples of two apps are in the store, those of the third wait, and none is sent for nothing."""
    store, settings, gate = refused
    held = quarantine(settings)
    assert all(is_app_1(each.entry.sample) and each.words == WORDS for each in held)
    apps = {series["metric"]["app"] for series in store.query("aw_watcher_window_seconds[5h]")}
    assert apps == {"app 0", "app 2"}

    before = gate.refused
    for look_back in (False, True, True):
        finished, _ = run_pass(settings, look_back=look_back, wiring=Wiring(store_transport=gate))
        assert finished.complete, "what waits is no fault of this pass"
        assert finished.totals.held_samples == len(held)
    assert gate.refused == before
    assert quarantine(settings) == held

    with open_state(settings) as state:
        state.rewind("default", BUCKET, None, now=1)
    run_pass(settings, wiring=Wiring(store_transport=gate))
    assert gate.refused == before, "a checkpoint that is moved back does not send what waits either"
    assert quarantine(settings) == held


@pytest.mark.servers
def test_a_retry_delivers_what_the_store_takes_now(
    day: AwServer, refused: tuple[Store, Settings, Gate]
) -> None:
    """Asked for by its id one sample goes out; asked for all, the store equals ActivityWatch."""
    store, settings, gate = refused
    first, *others = quarantine(settings)
    with open_state(settings) as state:
        assert state.mark_aside([f"s{first.id}", "s999", "r1", "nonsense"], Mark.RETRY) == 1
    finished, _ = run_pass(settings, wiring=Wiring(store_transport=gate))
    again = quarantine(settings)
    assert [each.id for each in again] == [first.id, *(each.id for each in others)], "it was refused again"
    assert again[0].tried > first.tried
    assert (again[0].since, again[0].mark) == (first.since, Mark.HELD)

    with open_state(settings) as state:
        assert state.mark_aside([f"s{each.id}" for each in again], Mark.RETRY) == len(again)
    finished, said = run_pass(settings)
    assert finished.complete, sentences(said)
    (delivered,) = [event for event in said if isinstance(event, SetAsideDelivered)]
    assert delivered.samples == len(again)
    assert quarantine(settings) == []
    assert_equal(day, store, settings)
    finished, _ = run_pass(settings, look_back=True)
    assert finished.totals.samples == 0, "it is in the ledger"


@pytest.mark.servers
def test_a_store_that_changed_is_tried_by_itself(
    day: AwServer, refused: tuple[Store, Settings, Gate]
) -> None:
    """An out-of-order window that was not there may be what the samples waited for."""
    store, settings, _ = refused
    assert run_pass(settings)[0].totals.samples == 0, "the same store is not asked again"
    store.reload(out_of_order="1y")
    finished, said = run_pass(settings)
    assert finished.complete, sentences(said)
    assert quarantine(settings) == []
    assert_equal(day, store, settings)


@pytest.mark.servers
def test_changed_history_takes_its_place(day: AwServer, refused: tuple[Store, Settings, Gate]) -> None:
    """Where events behind a waiting sample change, the new sample goes out and the old one is forgotten."""
    store, settings, _ = refused
    event = next(each for each in day.events(BUCKET)[3:] if each["data"]["app"] == "app 1")
    day.insert(BUCKET, [event | {"duration": 17.25}])
    before = quarantine(settings)
    finished, said = run_pass(settings, look_back=True)
    assert finished.complete, sentences(said)
    left = quarantine(settings)
    assert 0 < len(left) < len(before)
    with open_state(settings) as state:
        state.mark_aside([f"s{each.id}" for each in left], Mark.RETRY)
    assert run_pass(settings)[0].complete
    assert_equal(day, store, settings)


@pytest.mark.servers
def test_what_is_given_up_stays_away(day: AwServer, refused: tuple[Store, Settings, Gate]) -> None:
    """Dropped samples are not sent by a look back or a changed store; a checkpoint moved back sends them."""
    store, settings, _ = refused
    held = quarantine(settings)
    with open_state(settings) as state:
        state.mark_aside([f"s{each.id}" for each in held], Mark.DROPPED)
        assert state.quarantine() == []
        assert len(state.quarantine(dropped=True)) == len(held)
    store.reload(out_of_order="1y")
    for _ in range(2):
        finished, _ = run_pass(settings, look_back=True)
        assert (finished.complete, finished.totals.samples, finished.totals.held_samples) == (True, 0, 0)
    with open_state(settings) as state:
        state.rewind("default", BUCKET, None, now=1)
    finished, _ = run_pass(settings)
    assert finished.totals.samples == len(held)
    assert_equal(day, store, settings)


@pytest.mark.servers
def test_what_waits_of_a_bucket_that_is_gone(day: AwServer, refused: tuple[Store, Settings, Gate]) -> None:
    """Samples do not need their events any more; only where globs leave watchers out they stay."""
    _, settings, _ = refused
    held = quarantine(settings)
    day.delete_bucket(BUCKET)
    with open_state(settings) as state:
        state.mark_aside([f"s{each.id}" for each in held], Mark.RETRY)
    (source,) = settings.sources
    picky = replace(settings, sources=(replace(source, excluded_watchers=("private-*",)),))
    assert run_pass(picky)[0].totals.samples == 0
    assert len(quarantine(settings)) == len(held)
    assert run_pass(settings)[0].totals.samples == len(held)
    assert quarantine(settings) == []


def command(settings: Settings, folder: Path, *arguments: str) -> tuple[int, str, str]:
    assert settings.store is not None
    done = awsync(
        "quarantine", *arguments, "--prometheus-url", settings.store.base_url or "",
        "--state-dir", str(settings.state_dir), folder=folder,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def ids_of(listing: Sequence[dict[str, str]]) -> list[str]:
    return [each["id"] for each in listing]


@pytest.mark.servers
def test_the_command_lists_shows_and_decides(
    day: AwServer, refused: tuple[Store, Settings, Gate], tmp_path: Path
) -> None:
    """What a person does with it: look at the list, at one, give one up, let the rest be tried."""
    _, settings, _ = refused
    code, out, _ = command(settings, tmp_path, "list", "--json")
    listing = json.loads(out)
    assert code == 0
    assert ids_of(listing) == [f"s{each.id}" for each in quarantine(settings)]
    assert {each["words"] for each in listing} == {WORDS}
    first = listing[0]["id"]

    code, out, _ = command(settings, tmp_path, "list")
    assert code == 0
    assert out.count(WORDS) == len(listing)
    code, out, _ = command(settings, tmp_path, "show", first)
    assert code == 0
    assert "app = 'app 1'" in out
    assert json.loads(command(settings, tmp_path, "show", first, "--json")[1])["seconds"] > 0

    assert command(settings, tmp_path, "drop", first)[0] == 1, "without an answer nothing is given up"
    code, out, _ = command(settings, tmp_path, "drop", first, "--yes")
    assert (code, out) == (0, "1 set-aside item given up.\n")
    assert ids_of(json.loads(command(settings, tmp_path, "list", "--json")[1])) == ids_of(listing)[1:]
    assert len(json.loads(command(settings, tmp_path, "list", "--json", "--dropped")[1])) == len(listing)

    code, _, err = command(settings, tmp_path, "retry", "s9999")
    assert (code, "s9999" in err) == (1, True)
    assert command(settings, tmp_path, "retry")[0] == 2
    code, out, _ = command(settings, tmp_path, "retry", "--all")
    assert (code, "by the next pass" in out) == (0, True)
    finished, _ = run_pass(settings)
    assert finished.totals.samples == len(listing) - 1
    code, out, err = command(settings, tmp_path, "list")
    assert (code, out) == (0, "")
    assert "Nothing is set aside" in err


@pytest.mark.servers
def test_a_range_is_decided_about_as_well(day: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """What is too old can be given up, and then no pass tries it; its id stays while it waits."""
    store = start_store("prometheus-3.5", out_of_order=None, scrape=True)
    settings = make_settings(tmp_path, day.url, store.url)
    finished, _ = run_pass(settings)
    assert (finished.complete, finished.totals.held_ranges) == (False, 1)
    (listed,) = json.loads(command(settings, tmp_path, "list", "--json")[1])
    assert listed["kind"] == "range"
    assert command(settings, tmp_path, "retry", listed["id"])[0] == 0
    finished, _ = run_pass(settings)
    (again,) = json.loads(command(settings, tmp_path, "list", "--json")[1])
    assert (again["id"], again["since"], again["mark"]) == (listed["id"], listed["since"], "")

    assert command(settings, tmp_path, "drop", "--all", "--yes")[0] == 0
    store.reload(out_of_order="1y")
    for _ in range(2):
        finished, _ = run_pass(settings, look_back=True)
        assert (finished.complete, finished.totals.samples, finished.totals.held_ranges) == (True, 0, 0)
