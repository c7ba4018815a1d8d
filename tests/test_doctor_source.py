"""The doctor at ActivityWatch, and at the settings and the service around it."""

import asyncio
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.doctor import Finding, State, Wiring
from awsync.doctor.findings import presentable
from awsync.errors import ServiceError
from awsync.events import NextPass, Paused
from awsync.journal import Recorder
from awsync.service import Service
from awsync.settings import SourceSettings
from tests.conftest import StartAw
from tests.doctors import AFK, WINDOW, add_bucket, examined, fill
from tests.gateway import Gateway
from tests.passes import make_settings, open_state, run_pass

NOWHERE = "http://127.0.0.1:9"


async def test_an_empty_activitywatch(aw: AwServer, tmp_path: Path) -> None:
    """A server that no watcher has ever reported to is not broken, and what is missing is said."""
    found = await examined(make_settings(tmp_path, aw.url, NOWHERE))
    assert found.of("buckets").state is State.WARNING
    assert "no watcher has ever reported" in found.of("buckets").what
    assert "watchers" not in [finding.step for finding in found.findings]


async def test_nothing_is_wanted(aw: AwServer, tmp_path: Path) -> None:
    """Settings that leave everything out are doubtful."""
    fill(aw)
    settings = make_settings(tmp_path, aw.url, NOWHERE, source={"excluded_watchers": ("*",)})
    found = await examined(settings)
    assert found.of("buckets").what == "None of 2 buckets is synced."


async def test_stale_watchers(aw: AwServer, tmp_path: Path) -> None:
    """A watcher that is silent for days while its host is active is named; one that ended long ago is not.

    A host of its own that sleeps is none of that.
    """
    fill(aw)
    add_bucket(aw, "aw-watcher-web_pc", "aw-watcher-web", "web.tab.current", "pc", until=3)
    add_bucket(aw, "aw-watcher-vim_pc", "aw-watcher-vim", "app.editor.activity", "pc", until=90)
    add_bucket(aw, "aw-watcher-afk_old", "aw-watcher-afk", "afkstatus", "old", until=9)
    settings = make_settings(tmp_path, aw.url, NOWHERE)
    watchers = (await examined(settings)).of("watchers")
    assert watchers.state is State.WARNING
    assert "aw-watcher-web_pc for 2 d" in watchers.what or "aw-watcher-web_pc for 3 d" in watchers.what
    assert "vim" not in watchers.what
    assert "old" not in watchers.what
    excluded = make_settings(tmp_path, aw.url, NOWHERE, source={"excluded_watchers": ("aw-watcher-web_pc",)})
    mended = (await examined(excluded)).of("watchers")
    assert mended.state is State.OK
    assert "1 bucket ended long ago" in mended.what


async def test_no_watcher_reports(aw: AwServer, tmp_path: Path) -> None:
    """Where all are silent for more than a day nobody is compared with anybody."""
    add_bucket(aw, WINDOW, "aw-watcher-window", "currentwindow", "pc", until=2)
    add_bucket(aw, AFK, "aw-watcher-afk", "afkstatus", "pc", until=2)
    watchers = (await examined(make_settings(tmp_path, aw.url, NOWHERE))).of("watchers")
    assert watchers.state is State.WARNING
    assert watchers.what.startswith("No watcher has reported for 2 d (since ")


async def test_a_host_without_an_afk_bucket(aw: AwServer, tmp_path: Path) -> None:
    """A host with windows and no AFK bucket is named, unless `hosts` says that it is one that has."""
    fill(aw)
    fill(aw, host="unknown", afk=False)
    add_bucket(aw, "phone", "aw-watcher-android", "currentwindow", "phone")
    afk = (await examined(make_settings(tmp_path, aw.url, NOWHERE))).of("AFK")
    assert afk.state is State.WARNING
    assert afk.what.startswith("No AFK bucket for unknown:")
    renamed = make_settings(tmp_path, aw.url, NOWHERE, hosts={"unknown": "pc"})
    assert (await examined(renamed)).of("AFK").state is State.OK


async def test_several_sources(start_aw: StartAw, tmp_path: Path) -> None:
    """Each source has its own area, and one that is dead stops no other."""
    alive = start_aw("alive")
    fill(alive)
    settings = make_settings(
        tmp_path, alive.url, NOWHERE,
        sources=(SourceSettings("phone", "http://127.0.0.1:9", "me"), SourceSettings("pc", alive.url, "me")),
    )  # fmt: skip
    found = await examined(settings)
    assert found.of("reachable", "ActivityWatch phone").state is State.FAILED
    assert found.of("buckets", "ActivityWatch phone").state is State.SKIPPED
    assert found.of("watchers", "ActivityWatch pc").state is State.OK


def test_text_of_strangers_is_harmless() -> None:
    """A bucket's name, or a server's answer, moves no cursor."""
    finding = presentable(Finding("a", "s", State.FAILED, "evil \x1b[2J\u202ename", "a\n  b\x07"), [])
    assert (finding.what, finding.remedy) == ("evil  [2J name", "a\n  b ")


async def test_something_else_answers(tmp_path: Path) -> None:
    """A server that is no ActivityWatch is said to be none."""
    with Receiver() as other:
        found = await examined(make_settings(tmp_path, other.url, NOWHERE))
    reachable = found.of("reachable", "ActivityWatch")
    assert reachable.state is State.FAILED
    assert "Is aw-url the address of an ActivityWatch server?" in reachable.remedy


async def test_a_server_that_asks_for_a_key_at_once(aw: AwServer, tmp_path: Path) -> None:
    """A proxy that lets nobody see even /info is a matter of credentials, not of the address."""
    with Gateway(aw.url, key="some-key") as gateway:
        found = await examined(make_settings(tmp_path, gateway.url, NOWHERE))
    assert found.of("authentication").state is State.FAILED
    assert "It asks for an API key." in found.of("authentication").what
    assert found.of("buckets").state is State.SKIPPED


async def test_the_service(aw: AwServer, tmp_path: Path) -> None:
    """Who runs, what it means to do next, and that somebody paused it; nobody is a warning."""
    fill(aw)
    with Receiver() as store:
        settings = make_settings(tmp_path, aw.url, store.url)
        assert (await examined(settings)).of("running").state is State.WARNING
        with open_state(settings) as state, Recorder(settings.state_dir) as recorder:
            state.database.announce("awsync sync", 1_700_000_000_000_000)
            recorder.record(NextPass(at=4_000_000_000_000_000))
            recorder.settle()
            running = await examined(settings)
            assert running.of("lock").state is State.OK
            assert "its next pass begins 2096-10-02 07:06:40 UTC" in running.of("running").what
            recorder.record(Paused())
            recorder.settle()
            paused = (await examined(settings)).of("running")
            assert paused.state is State.WARNING
            assert "paused" in paused.what


def _service(**changes: object) -> Service:
    known = Service(
        "systemd user unit", Path("/u/awsync.service"), (sys.executable, "-m", "awsync", "sync"),
        enabled=True, state="running", outlives=True,
    )  # fmt: skip
    return replace(known, **changes)


@pytest.mark.parametrize(
    ("service", "state", "words"),
    [
        (None, State.WARNING, "awsync service install"),
        (_service(), State.OK, "The systemd user unit runs, and goes on after logout."),
        (_service(outlives=False), State.OK, "loginctl enable-linger"),
        (_service(state="stopped"), State.WARNING, "awsync service start"),
        (_service(state="failed", why="exit-code, status 2"), State.WARNING, "exit-code, status 2"),
        (_service(state="unknown", why="no bus"), State.WARNING, "cannot be asked (no bus)"),
        (_service(enabled=False), State.WARNING, "will not be started by itself"),
        (_service(command=("/gone/python", "-m", "awsync")), State.FAILED, "/gone/python, which is gone"),
        (_service(command=("/bin/false", "-m", "awsync")), State.WARNING, "no awsync that works"),
        (_service(command=()), State.FAILED, "does not say what it runs"),
        (_service(writes=Path("/elsewhere")), State.WARNING, "may write to /elsewhere alone"),
    ],
)
async def test_the_installed_service(
    tmp_path: Path, service: Service | None, state: State, words: str
) -> None:
    """A service that will not do its work is named with what mends it; that there is none is a warning."""
    found = await examined(make_settings(tmp_path, NOWHERE, NOWHERE), wiring=Wiring(service=lambda: service))
    finding = found.of("service", "Service")
    assert finding.state is state
    assert words in f"{finding.what} {finding.remedy}"


async def test_where_there_can_be_no_service(tmp_path: Path) -> None:
    """In a container there is nothing to install under: no advice is given."""

    def nothing() -> Service | None:
        raise ServiceError("Nothing that runs here starts programs by itself")

    found = await examined(make_settings(tmp_path, NOWHERE, NOWHERE), wiring=Wiring(service=nothing))
    assert found.of("service", "Service").state is State.SKIPPED


def test_a_last_pass_that_lacked_something(aw: AwServer, tmp_path: Path) -> None:
    """An incomplete pass says the first of its faults, and is no failure of now."""
    fill(aw)
    with Receiver(token="wanted") as store:
        settings = make_settings(tmp_path, aw.url, store.url)
        run_pass(settings)
        found = asyncio.run(examined(settings))
    assert found.of("last pass").state is State.WARNING
    assert "a bearer token is wanted" in found.of("last pass").what
