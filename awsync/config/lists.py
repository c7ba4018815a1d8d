"""The kinds of value that hold several texts: lists, and tables of names and values.

May import: the standard library and config.values.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from awsync.config.values import Kind, choice, sort_of, text_of


def _read_globs(value: object, _: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'must be a list such as ["aw-watcher-*"], but is {sort_of(value)}')
    globs = (text_of(each, "aw-watcher-*") for each in value)
    return tuple(dict.fromkeys(globs))


def _split_globs(texts: Sequence[str]) -> object:
    return [part.strip() for each in texts for part in each.split("|") if part.strip()]


GLOBS: Kind[tuple[str, ...]] = Kind("GLOB|GLOB", _read_globs, list, _split_globs, repeats=True)


def _read_words(value: object, _: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'must be a list such as ["title"], but is {sort_of(value)}')
    return tuple(dict.fromkeys(text_of(each, "title") for each in value))


WORDS: Kind[tuple[str, ...]] = Kind("KEY|KEY", _read_words, list, _split_globs, repeats=True)


def _read_names(value: object, _: Path) -> Mapping[str, str]:
    return {
        text_of(name, "unknown"): text_of(each, "laptop")
        for name, each in pairs_of(value, 'unknown = "laptop"').items()
    }


def pairs_of(value: object, example: str) -> Mapping[str, object]:
    """Return the names and values of a table. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table such as {{ {example} }}, but is {sort_of(value)}")
    return value


def split_pairs(texts: Sequence[str]) -> object:
    """Split "name=value|name=value" of the environment or a flag into a table. Raises ValueError."""
    pairs: dict[str, str] = {}
    for part in (part.strip() for each in texts for part in each.split("|")):
        name, equals, value = part.partition("=")
        if not part:
            continue
        if not equals or not name.strip():
            # The text may be half a secret, so it is not repeated.
            raise ValueError("must be name=value; several are separated by |")
        if name.strip() in pairs:
            raise ValueError(f'"{name.strip()}" is given twice')
        pairs[name.strip()] = value.strip()
    return pairs


def choices(*allowed: str) -> Kind[Mapping[str, str]]:
    """Return the kind of a table that gives one of a few words to each of its globs."""
    word = choice(*allowed)

    def read(value: object, base: Path) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for glob, each in pairs_of(value, f'"aw-watcher-web*" = "{allowed[-1]}"').items():
            try:
                found[text_of(glob, "aw-watcher-web*")] = word.read(each, base)
            except ValueError as error:
                raise ValueError(f'the value of "{glob}" {error}') from error
        return found

    return Kind("GLOB=WORD", read, dict, split_pairs, repeats=True)


NAMES: Kind[Mapping[str, str]] = Kind("FROM=TO", _read_names, dict, split_pairs, repeats=True)
