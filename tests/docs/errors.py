"""What awsync says when something is wrong, and what to do: the tables of docs/errors.md."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from awsync import errors
from awsync.errors import AwsyncError
from awsync.events import Level, describe
from tests.docs.remedies import REMEDIES
from tests.docs.sentences import (
    EITHER,
    ERRORS,
    FAULTS,
    FINDINGS,
    PACKAGE,
    VERDICTS,
    Said,
    damaged,
    is_written,
    pairs,
    said,
)
from tests.test_words_events import SENTENCES

_NOT_A_USERS = ("demo/",)
"""What only the made-up world says."""
_TEXTS_OF_SETTINGS = ("config", "rules", "schedule.py")
"""Where a ValueError becomes a fault of the settings."""
_OTHERWISE = "What was asked for cannot be done."
_BESIDE = "It is said behind the sentence, for it depends on what was found."
_BY_ITSELF = "Nothing: awsync tries again by itself."
_OWN_WORDS = "(the store's own words, or its status)"
_STATUS = "status {"
_OF_A_RULE = 'The rule "{rule}" '
_OF_PROGRAMMERS = ("next_after needs",)


def raised_sentences() -> list[Said]:
    """Every exception of awsync.errors, wherever it is made."""
    return [*said(ERRORS, but=_NOT_A_USERS), *damaged()]


def found_by_the_doctor() -> list[Said]:
    """Every finding of the doctor that is not well."""
    return said(FINDINGS, PACKAGE / "doctor")


def fault_sentences() -> list[Said]:
    """Every fault of a setting, as it stands behind file, line and key."""
    named = {name: call for name, call in FAULTS.items() if name != "ValueError"}
    found = said(named, but=_NOT_A_USERS)
    for place in _TEXTS_OF_SETTINGS:
        found += said({"ValueError": FAULTS["ValueError"]}, PACKAGE / place)
    return [each for each in found if not each.sentence.startswith(_OF_PROGRAMMERS)]


def raised() -> str:
    """The errors that end a command, by their class."""
    by_class = sorted(raised_sentences(), key=lambda each: (_code(each.kind), each.kind))
    return "\n".join(_raised(by_class))


def _raised(found: Sequence[Said]) -> Iterator[str]:
    for kind, several in groupby(found, key=lambda each: each.kind):
        cls = getattr(errors, kind)
        about = _OTHERWISE if cls is AwsyncError else (cls.__doc__ or "").splitlines()[0]
        yield f"### {kind}, exit code {_code(kind)}\n\n{about}\n"
        rows = [(each.sentence, each.remedy if is_written(each.remedy) else _BESIDE) for each in several]
        yield _table(_distinct([row for row in rows if is_written(row[0].removeprefix(_OF_A_RULE))]))


def _distinct(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without rows that differ by the name of what is known at run time only, or by their full stop."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for sentence, remedy in sorted(rows, reverse=True):
        alike = re.sub(r"\{[^}]*\}", "{}", sentence).rstrip(".")
        found.setdefault((alike, remedy), (sentence, remedy))
    return sorted(found.values())


def _code(kind: str) -> int:
    cls: type[AwsyncError] = getattr(errors, kind)
    return cls.exit_code


def faults() -> str:
    """What can be wrong with a setting; each sentence says itself what to do."""
    texts = sorted({each.sentence for each in fault_sentences() if is_written(each.sentence)}, key=_plain)
    return "".join(f"- {_cell(text)}\n" for text in texts)


def answers() -> str:
    """What a store may answer, where the words are awsync's own."""
    rows: list[tuple[str, str]] = []
    for each in said(VERDICTS, PACKAGE / "remote_write"):
        written = is_written(each.sentence) and not each.sentence.startswith(_STATUS)
        sentence = each.sentence if written else _OWN_WORDS
        rows += [(sentence, remedy or _BY_ITSELF) for remedy in each.remedy.split(EITHER)]
    return _table(_distinct([*rows, *pairs(PACKAGE / "remote_write" / "failures.py")]))


def log() -> str:
    """One example of each event that warns or says that something failed."""
    rows: dict[str, tuple[str, str]] = {}
    for event, sentence, level in SENTENCES:
        if level in (Level.WARNING, Level.ERROR):
            assert describe(event) == sentence
            rows.setdefault(type(event).__name__, (sentence, REMEDIES[type(event)]))
    return _table(list(rows.values()))


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = [("what it says", "what to do"), ("---", "---"), *rows]
    return "".join(f"| {_cell(sentence)} | {_cell(remedy)} |\n" for sentence, remedy in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _plain(text: str) -> str:
    return text.lstrip('"{').lower()
