"""The first-run screen: what it finds, asks, tests and writes, over scripted answers and real servers."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Input

from awsync.agent import ConsoleAgent
from awsync.config import Watched, load
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.errors import ConfigError, Problem
from awsync.firstrun import FirstRun, Outcome
from awsync.tui.app import Console
from awsync.tui.firstrun import FirstRunPage
from awsync.tui.watchers import WatchersPage
from tests.commands import awsync
from tests.conftest import StartStore
from tests.consoles import filled, screen, until
from tests.passes import utc_now
from tests.scripted import NOW, ScriptedAgent

HERE = Outcome("Found ActivityWatch v0.13.2 of laptop at http://localhost:5600: 7 buckets.", good=True)
DOWN = Outcome("ActivityWatch at http://localhost:5600 cannot be reached.", good=False)
TAKES = Outcome("http://localhost:9090/api/v1/write is Prometheus 3.5.0, remote write 2.0.", good=True)
UNREADY = Outcome("http://localhost:9090: 404. Nothing takes remote write: check the path.", good=False)
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


@dataclass
class Scripted:
    """What the screen asks, answered from lists; the last answer of a list stays. `asked` is in order."""

    looks: Sequence[Outcome] = (HERE,)
    tests: Sequence[Outcome] = (TAKES,)
    store: tuple[str, str] = ("http://localhost:9090", "Found Prometheus 3.5.0 at http://localhost:9090.")
    refuses: str = ""
    path: Path = Path("/home/anna/.config/awsync/config.toml")
    aw_url: str = "http://localhost:5600"
    fixed: str = ""
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def look(self, aw_url: str) -> Outcome:
        """The next of the looks."""
        self.asked.append(("look", aw_url))
        return self._next("look", self.looks)

    async def usual_store(self) -> tuple[str, str]:
        """The one there is."""
        return self.store

    async def test(self, store_url: str) -> Outcome:
        """The next of the tests."""
        self.asked.append(("test", store_url))
        return self._next("test", self.tests)

    def write(self, aw_url: str, store_url: str) -> None:
        """Writes it down, or refuses as a folder does that cannot be written."""
        self.asked.append(("write", aw_url, store_url))
        if self.refuses:
            raise ConfigError((Problem(str(self.path), "file", self.refuses),))

    @property
    def written(self) -> bool:
        """Whether it came to that."""
        return any(each[0] == "write" for each in self.asked)

    def _next(self, what: str, outcomes: Sequence[Outcome]) -> Outcome:
        number = sum(each[0] == what for each in self.asked) - 1
        return outcomes[min(number, len(outcomes) - 1)]


def console(setup: Scripted) -> tuple[Console, ScriptedAgent]:
    """A console without a store, whose clock and cursor stand still."""
    agent = ScriptedAgent()
    app = Console(
        lambda: agent,
        config_path=setup.path,
        clock=lambda: NOW,
        cursor_blinks=False,
        first=lambda: FirstRunPage(setup),
    )
    return app, agent


def focused(app: Console) -> str:
    """The id of what has the focus."""
    return "" if app.focused is None else app.focused.id or ""


def said(app: Console) -> str:
    """What a person reads, whatever the lines it is broken into."""
    return " ".join(screen(app).replace("│", " ").split())


def store_field(app: Console) -> Input:
    """Where the store is typed."""
    return app.screen.query_one("#prometheus-url", Input)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_two_enters_from_nothing_to_the_console(size: tuple[int, int]) -> None:
    """Where all is found, enter tests it, enter writes it, and the console runs and says where it wrote."""
    setup = Scripted()
    app, _ = console(setup)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "✓ Found ActivityWatch v0.13.2 of laptop" in screen(app))
        assert "Found Prometheus 3.5.0" in screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "[ Write config.toml and start ]" in screen(app))
        assert "remote write 2.0." in said(app)
        assert "esc Leave" in screen(app).splitlines()[-1]
        assert not setup.written
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WatchersPage))
        await filled(pilot)
        await until(pilot, lambda: f"Written to {setup.path}." in screen(app))
    assert setup.asked == [
        ("look", "http://localhost:5600"),
        ("test", "http://localhost:9090"),
        ("write", "http://localhost:5600", "http://localhost:9090"),
    ]


async def test_activitywatch_is_found_once_it_runs() -> None:
    """Where it is not running the screen says what to do; ctrl+r looks again, also while one types."""
    setup = Scripted(looks=(DOWN, HERE), store=("", "No Prometheus answers."))
    app, _ = console(setup)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "✗ ActivityWatch at http://localhost:5600" in screen(app))
        assert "ctrl+r looks again" in said(app)
        await until(pilot, lambda: focused(app) == "prometheus-url")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "✓ Found ActivityWatch" in screen(app))


async def test_another_address_of_activitywatch() -> None:
    """Another address is typed, enter looks there, and it is the one that is written."""
    setup = Scripted(looks=(DOWN, HERE))
    app, _ = console(setup)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "✗ ActivityWatch" in screen(app))
        await pilot.press("shift+tab", "shift+tab")
        await until(pilot, lambda: focused(app) == "aw-url")
        await pilot.press("end", "backspace", "1")
        await until(pilot, lambda: "Enter looks there." in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "✓ Found ActivityWatch" in screen(app) and focused(app) != "aw-url")
        await pilot.press("enter")
        await until(pilot, lambda: "[ Write config.toml" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WatchersPage))
    assert setup.asked[1] == ("look", "http://localhost:5601")
    assert setup.asked[-1] == ("write", "http://localhost:5601", "http://localhost:9090")


async def test_a_store_that_refuses_is_asked_again_until_it_takes() -> None:
    """A refusal stands with its remedy and nothing is written; the address is mended and tested anew."""
    setup = Scripted(tests=(UNREADY, TAKES))
    app, _ = console(setup)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Found Prometheus" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "✗ http://localhost:9090: 404." in screen(app))
        assert focused(app) == "prometheus-url"
        await pilot.press("slash", "q")
        await until(pilot, lambda: "Enter tests it." in screen(app))
        assert app.is_running, "q is a letter in a field"
        await pilot.press("enter")
        await until(pilot, lambda: "[ Write config.toml" in screen(app))
        await pilot.press("shift+tab", "end", "x")
        await until(pilot, lambda: "[ Test the store ]" in screen(app))
        assert not setup.written
    assert [each for each in setup.asked if each[0] == "test"] == [
        ("test", "http://localhost:9090"),
        ("test", "http://localhost:9090/q"),
    ]


async def test_a_file_that_cannot_be_written_is_said_and_keeps_the_screen() -> None:
    """The reason stands on the screen, nothing runs, and the person can try again."""
    setup = Scripted(refuses="cannot be written: Permission denied.")
    app, agent = console(setup)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Found Prometheus" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "[ Write config.toml" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Permission denied." in screen(app))
        assert app.agent is None
        setup.refuses = ""
        await pilot.press("enter")
        await until(pilot, lambda: app.agent is agent)


@pytest.mark.parametrize("key", ["q", "ctrl+q", "escape"])
async def test_leaving_writes_nothing(key: str) -> None:
    """Each key that leaves elsewhere leaves here too, with nothing written and no engine started."""
    setup = Scripted()
    app, agent = console(setup)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Found Prometheus" in screen(app))
        await pilot.press(key)
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 0
    assert not setup.written
    assert not agent.asked


@pytest.mark.parametrize("key", ["ctrl+q", "escape"])
async def test_leaving_from_a_field(key: str) -> None:
    """While an address is typed, q is a letter; these two leave all the same."""
    setup = Scripted(store=("", "No Prometheus answers."))
    app, _ = console(setup)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: focused(app) == "prometheus-url")
        await pilot.press(key)
        await until(pilot, lambda: not app.is_running)
    assert not setup.written


async def test_keys_of_the_console_wait_for_the_store() -> None:
    """A key that has nothing to act on yet says so; help opens over the screen and goes back to it."""
    app, agent = console(Scripted())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: "Found Prometheus" in screen(app))
        await pilot.press("s")
        await until(pilot, lambda: "First the store" in screen(app))
        await pilot.press("l")
        assert isinstance(app.screen, FirstRunPage)
        await pilot.press("question_mark")
        await until(pilot, lambda: "In the first run" in screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, FirstRunPage))
    assert not agent.asked


async def test_the_keys_of_the_first_run_are_over_with_it() -> None:
    """From the palette of the running console they only say that there is nothing left to do."""
    agent = ScriptedAgent()
    app = Console(lambda: agent, config_path=Path("config.toml"), clock=lambda: NOW, cursor_blinks=False)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("colon")
        await until(pilot, lambda: app.screen.is_modal)
        await pilot.press(*"go on")
        await until(pilot, lambda: "Go on (enter)" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "The first run is over." in screen(app))


@pytest.fixture
def quiet_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and no store where one usually is."""
    monkeypatch.setattr("awsync.firstrun.USUAL_STORES", (NOWHERE,))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(aw: AwServer) -> None:
    """One bucket with an hour of work in it."""
    aw.create_bucket("aw-watcher-window_x", "aw-watcher-window", "currentwindow", "x")
    aw.insert(
        "aw-watcher-window_x",
        [
            {
                "timestamp": (utc_now() - timedelta(minutes=30 + 5 * i)).isoformat(),
                "duration": 200.0,
                "data": {"app": "editor", "title": "x"},
            }
            for i in range(12)
        ],
    )


async def test_from_nothing_to_samples_in_the_store(aw: AwServer, quiet_home: Path) -> None:
    """By keys alone, over real servers: a wrong address, a right one, a file that holds, and samples."""
    fill(aw)
    path = quiet_home / "new" / "config.toml"
    flags: dict[str, object] = {"config": str(path)}
    environ = {"AWSYNC_STATE_DIR": str(quiet_home / "state"), "ACTIVITY_WATCH_URL": aw.url}
    setup = FirstRun(flags, environ)
    assert setup.needed
    app = Console(
        lambda: ConsoleAgent(Watched(flags, environ)),
        config_path=setup.path,
        cursor_blinks=False,
        first=lambda: FirstRunPage(setup),
    )
    with Receiver() as store:
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: "1 bucket." in screen(app))
            assert "It is given by environment ACTIVITY_WATCH_URL." in screen(app)
            await until(pilot, lambda: focused(app) == "prometheus-url")
            await pilot.press(*f"{store.url}/wrong/write", "enter")
            await until(pilot, lambda: "check the path in prometheus-url" in said(app))
            store_field(app).value = store.url
            await pilot.pause()
            await pilot.press("enter")
            await until(pilot, lambda: "[ Write config.toml" in screen(app))
            assert not path.exists()
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, WatchersPage))
            await until(pilot, lambda: any("app" in dict(labels) for labels in store.samples()))
            await pilot.press("q")
    assert tomllib.loads(path.read_text()) == {"prometheus-url": store.url}
    checked = awsync("config", "check", "--config", str(path), folder=quiet_home)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.servers
async def test_a_prometheus_without_the_receiver(start_store: StartStore, quiet_home: Path) -> None:
    """The sentence of a store that takes nothing is the engine's, with the flag to start it with."""
    store = start_store("prometheus-3.5", receiver=False)
    outcome = await FirstRun({}, {}).test(store.url)
    assert not outcome.good
    assert (
        "does not take remote write: start Prometheus with --web.enable-remote-write-receiver."
        in outcome.text
    )
    store.restart(receiver=True)
    outcome = await FirstRun({}, {}).test(store.url)
    assert outcome.good
    assert outcome.text.startswith(f"{store.write_url} is Prometheus 3.")


async def test_a_token_that_is_put_into_the_file_meanwhile_counts(quiet_home: Path) -> None:
    """A store that wants credentials says where their place is; once they stand there it takes them."""
    setup = FirstRun({"config": "c.toml"}, {})
    path = quiet_home / "c.toml"
    with Receiver(token="s3cret") as store:
        refused = await setup.test(store.url)
        assert "wants credentials: set bearer-token" in refused.text
        assert str(path) in refused.text
        path.write_text('# mine\nbearer-token = "s3cret"\n')
        path.chmod(0o600)
        assert (await setup.test(store.url)).good
        setup.write("http://localhost:5600", store.url)
    assert path.read_text().startswith('# mine\nbearer-token = "s3cret"\n')
    assert tomllib.loads(path.read_text()) == {"bearer-token": "s3cret", "prometheus-url": store.url}


async def test_addresses_that_are_none(quiet_home: Path) -> None:
    """What cannot be an address is said before anything is asked or written."""
    setup = FirstRun({}, {})
    assert 'did you mean "http://localhost:9090"?' in (await setup.test("localhost:9090")).text
    assert "must begin with http" in (await setup.look("x")).text
    with pytest.raises(ConfigError, match="must begin with http"):
        setup.write("x", "http://h")
    assert not setup.path.exists()


async def test_a_store_that_is_down(quiet_home: Path) -> None:
    """A store that does not answer is named with the reason."""
    outcome = await FirstRun({}, {}).test(NOWHERE)
    assert not outcome.good
    assert "Cannot connect" in outcome.text
    assert "Check that the store runs." in outcome.text


def test_the_sources_of_a_file_stay(quiet_home: Path) -> None:
    """A file with source tables gets its store above them, with its comments, and no aw-url."""
    path = quiet_home / "config.toml"
    path.write_text('# two\nmin-data = 7\n\n[[source]] # one\nname = "a"\naw-url = "http://a"\n')
    setup = FirstRun({}, {})
    assert setup.fixed == f"They are the sources of {path}."
    setup.write("http://ignored", "http://store:9090")
    assert load({}, {}, quiet_home).settings.sources[0].aw_url == "http://a"
    assert path.read_text().startswith("# two\nmin-data = 7\n")
    assert "[[source]] # one" in path.read_text()


def test_flags_of_the_run_are_written_too(quiet_home: Path) -> None:
    """Who leaves a watcher out with a flag finds it left out the next time as well."""
    setup = FirstRun({"config": "c.toml", "excluded-watchers": ["a|b"]}, {})
    setup.write("http://aw:5600", "http://store:9090")
    assert tomllib.loads((quiet_home / "c.toml").read_text()) == {
        "prometheus-url": "http://store:9090",
        "aw-url": "http://aw:5600",
        "excluded-watchers": ["a", "b"],
    }


def test_a_folder_that_cannot_be_written(quiet_home: Path) -> None:
    """The reason, and the way without a file."""
    (quiet_home / "file").write_text("")
    setup = FirstRun({"config": "file/c.toml"}, {})
    with pytest.raises(ConfigError, match="cannot be written") as raised:
        setup.write("http://localhost:5600", "http://store:9090")
    assert "awsync tui --prometheus-url http://store:9090" in str(raised.value)
    assert not setup.written


@pytest.mark.parametrize("text", ["crn = 1\n", "not toml", 'prometheus-url = "nonsense"\n'])
def test_wrong_settings_are_no_first_run(quiet_home: Path, text: str) -> None:
    """A file with a fault is an error before any screen, not a reason to ask."""
    (quiet_home / "config.toml").write_text(text)
    with pytest.raises(ConfigError):
        FirstRun({}, {})
