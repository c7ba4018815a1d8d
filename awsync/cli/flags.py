"""Gives a command one flag for each setting, without the command naming any of them.

May import: typer, config.key and config.keys; nothing that makes `awsync --help` slow (a test watches it).
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from awsync.config.key import Key
from awsync.config.keys import CONFIG_ENV, CONFIG_FLAG, KEYS

P = ParamSpec("P")
R = TypeVar("R")

CONFIG = "config"
FLAGS = "flags"
_PANEL = "Settings"
_OLD = "old_"


def settings_flags(command: Callable[..., R]) -> Callable[..., R]:
    """Add `--config` and one option for each key to a typer command.

    The command has a parameter `flags: dict[str, object]`; it gets the flags that were given, by name of
    key, as text (a list where the flag repeats), just as config.load() wants them. The spellings of the
    tool that awsync replaces are understood and hidden.
    """
    own = inspect.signature(command)
    kept = [parameter for name, parameter in own.parameters.items() if name != FLAGS]
    added = list(_parameters())

    @functools.wraps(command)
    def wrapper(*args: object, **kwargs: object) -> R:
        given = {parameter.name: kwargs.pop(parameter.name, None) for parameter in added}
        return command(*args, **kwargs, **{FLAGS: _by_key(given)})

    # typer reads the signature and the annotations, and would follow __wrapped__ to the command's own.
    del wrapper.__wrapped__
    wrapper.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    hints = {name: hint for name, hint in inspect.get_annotations(command).items() if name != FLAGS}
    wrapper.__annotations__ = hints | {parameter.name: parameter.annotation for parameter in added}
    return wrapper


def _parameters() -> Iterator[inspect.Parameter]:
    help_text = f"The config.toml to read ({CONFIG_ENV})."
    yield _parameter(
        CONFIG, typer.Option(CONFIG_FLAG, metavar="PATH", help=help_text, rich_help_panel=_PANEL)
    )
    for key in KEYS:
        if key.flag is None:
            continue
        option = typer.Option(
            key.flag, metavar=key.kind.metavar, help=f"{key.help} ({key.env[-1]})", rich_help_panel=_PANEL
        )
        yield _parameter(_identifier(key), option, repeats=key.kind.repeats)
        if key.old_flags:
            old = typer.Option(*key.old_flags, hidden=True)
            yield _parameter(_OLD + _identifier(key), old, repeats=key.kind.repeats)


def _parameter(name: str, option: object, *, repeats: bool = False) -> inspect.Parameter:
    hint: object = Annotated[list[str] | None, option] if repeats else Annotated[str | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)


def _by_key(given: dict[str, object]) -> dict[str, object]:
    flags: dict[str, object] = {CONFIG: given[CONFIG]} if given[CONFIG] else {}
    for key in KEYS:
        values = [given.get(name) for name in (_identifier(key), _OLD + _identifier(key))]
        # typer gives an empty list for a repeatable flag that is absent.
        present = [value for value in values if value is not None and value != []]
        if len(present) > 1:
            raise typer.BadParameter(
                f"{key.flag} and {key.old_flags[0]} are the same setting: give one of them"
            )
        if present:
            flags[key.name] = present[0]
    return flags


def _identifier(key: Key[Any]) -> str:
    return "setting_" + key.name.replace("-", "_")
