"""`awsync demo`: the real engine between a real ActivityWatch with made-up days and a real store.

May import: typer, cli, errors; at call time demo, engine, state.
"""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.output import LogFormat, LogLines, narrate, say, table
from awsync.events import Level
from awsync.words import amount, span

if TYPE_CHECKING:
    from awsync.demo.world import World
    from awsync.engine import Engine

ROUND_SECONDS = 15.0
_TOP = 8


def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep everything running and sync on, until Ctrl-C.")
    ] = False,
) -> None:
    """Start an ActivityWatch with two weeks in it and a store, sync one into the other, show what arrived."""
    from awsync.cli.sync import run_once
    from awsync.demo.world import DAYS, World
    from awsync.engine import Engine
    from awsync.state import State

    narrate(f"Starting an ActivityWatch server and filling it with {DAYS} days of a made-up person ...")
    with World() as world:
        settings = world.settings
        assert settings.store is not None
        narrate(f"ActivityWatch at {world.aw.url} holds {amount(world.events, 'event')}.")
        narrate(
            f"The store at {world.store.url} is {world.store_name}. Syncing as `awsync sync --once` does:"
        )
        with State(settings.state_dir, settings.store.write_url, write=True) as state:
            engine = Engine(settings, state, patience=15.0)
            code = run_once(engine, LogLines(LogFormat.TEXT, Level.INFO), as_json=False, verbose=False)
            _show_arrived(world)
            if stay and code == 0:
                code = _stay(world, engine)
    narrate("Stopped; nothing of the demo is left. To look around in it: awsync demo --stay")
    narrate("For your own data: awsync config init")
    raise typer.Exit(code)


def _show_arrived(world: "World") -> None:
    totals = world.totals("app")
    whole = sum(totals.values()) or 1.0
    rows = [
        (app, span(seconds), "█" * max(1, round(30 * seconds / whole)))
        for app, seconds in sorted(totals.items(), key=lambda pair: -pair[1])[:_TOP]
    ]
    say()
    say(f"What arrived in the store, by app ({span(whole)} in all):")
    table(("app", "time", ""), rows)


def _stay(world: "World", engine: "Engine") -> int:
    from awsync.cli.sync import run_once

    narrate(f"Staying: open {world.aw.url} or {world.store.url}; Ctrl-C ends everything.")
    try:
        while True:
            time.sleep(ROUND_SECONDS)
            code = run_once(engine, LogLines(LogFormat.TEXT, Level.INFO), as_json=False, verbose=False)
            if code == 130:
                return 0
    except KeyboardInterrupt:
        return 0
