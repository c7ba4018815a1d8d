"""`awsync demo`: the real engine between a real ActivityWatch with made-up days and a real store.

May import: typer, cli, errors; at call time demo, engine, state, and the console.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.output import LogFormat, LogLines, has_terminal, narrate, say, table
from awsync.events import Level
from awsync.words import amount, span

if TYPE_CHECKING:
    from awsync.demo.world import World
    from awsync.engine import Engine

ROUND_SECONDS = 15.0
_TOP = 8
_OWN_DATA = "For your own data: awsync tui"


def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep everything running and sync on, until Ctrl-C; no console.")
    ] = False,
    no_console: Annotated[
        bool, typer.Option("--no-console", help="One pass and what arrived, as where there is no terminal.")
    ] = False,
) -> None:
    """Start an ActivityWatch with two weeks in it and a store, sync one into the other, show what arrived."""
    if has_terminal() and not (stay or no_console):
        raise typer.Exit(run_console())
    with _open_world() as world:
        code = _run_plainly(world, stay=stay)
    narrate("Stopped; nothing of the demo is left. To look around in it: awsync demo --stay")
    narrate(_OWN_DATA)
    raise typer.Exit(code)


def run_console() -> int:
    """The console over a world of its own until it is left, and then what arrived; returns the exit code."""
    from awsync.cli.tui import show

    with _open_world() as world:
        code = show({"config": str(_write_config(world))}, {}, tidy=world.close)
        _show_arrived(world)
    narrate("Stopped; nothing of the demo is left.")
    narrate(_OWN_DATA)
    return code


@contextmanager
def _open_world() -> Iterator["World"]:
    from awsync.demo import prometheus
    from awsync.demo.world import DAYS, World

    narrate(f"Starting an ActivityWatch server and filling it with {DAYS} days of a made-up person ...")
    with _ending_in_order(), World(prometheus.found()) as world:
        narrate(f"ActivityWatch at {world.aw.url} holds {amount(world.events, 'event')}.")
        narrate(f"The store at {world.store.url} is {world.store_name}.")
        yield world


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Who ends the process, or closes its window, ends it as Ctrl-C does: nothing of it stays behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    names = ("SIGTERM", "SIGHUP")
    numbers = [number for name in names if (number := getattr(signal, name, None)) is not None]
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_plainly(world: "World", *, stay: bool) -> int:
    from awsync.cli.sync import run_once
    from awsync.engine import Engine
    from awsync.state import State

    settings = world.settings
    assert settings.store is not None
    narrate("Syncing as `awsync sync --once` does:")
    with State(settings.state_dir, settings.store.write_url, write=True) as state:
        engine = Engine(settings, state, patience=15.0)
        code = run_once(engine, LogLines(LogFormat.TEXT, Level.INFO), as_json=False, verbose=False)
        _show_arrived(world)
        return _stay(world, engine) if stay and code == 0 else code


def _write_config(world: "World") -> Path:
    """A config.toml for a demo's world, so that the console can edit it."""
    from awsync.config import write_text

    path = world.folder / "config.toml"
    source = world.settings.sources[0]
    lines = [
        "# The settings of this demo; they go with it.",
        f'prometheus-url = "{world.store.url}"',
        f'aw-url = "{source.aw_url}"',
        f'user-id = "{source.user_id}"',
        f'cron = "{world.settings.cron}"',
        'resolution = "1m"',
        f"state-dir = '{world.settings.state_dir}'",
    ]
    write_text(path, "\n".join(lines) + "\n")
    return path


def _show_arrived(world: "World") -> None:
    totals = world.totals("app")
    whole = sum(totals.values())
    say()
    if not whole:
        say("Nothing of the window watcher has arrived in the store yet.")
        return
    rows = [
        (app, span(seconds), "█" * max(1, round(30 * seconds / whole)))
        for app, seconds in sorted(totals.items(), key=lambda pair: -pair[1])[:_TOP]
    ]
    say(f"What arrived in the store, by app ({span(whole)} in all):")
    table(("app", "time", ""), rows)


def _stay(world: "World", engine: "Engine") -> int:
    from awsync.cli.sync import run_once

    try:
        narrate(f"Staying: open {world.aw.url} or {world.store.url}; Ctrl-C ends everything.")
        while True:
            time.sleep(ROUND_SECONDS)
            code = run_once(engine, LogLines(LogFormat.TEXT, Level.INFO), as_json=False, verbose=False)
            if code == 130:
                return 0
    except KeyboardInterrupt:
        return 0
