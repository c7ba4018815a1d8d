"""README.md and docs/ say what the code says, lack no error, and lead nowhere that does not exist."""

import re
from pathlib import Path
from typing import get_args

import pytest

from awsync.events import Event, Level
from tests.docs import errors
from tests.docs.pages import BLOCKS, PAGES, ROOT, filled, used
from tests.docs.remedies import REMEDIES
from tests.docs.sentences import is_written
from tests.servers import Store
from tests.test_words_events import SENTENCES

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<picture>[^)\s]+)\)")
_FENCE = re.compile(r"```.*?```", re.DOTALL)

MIGRATING = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")

PASSED_ON = {
    ("cli/sync.py", "run_once"),
    ("verify/__init__.py", "verify"),
}
"""Errors that carry on the sentence of another, which is found where it is made."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_what_the_code_says(page: Path) -> None:
    """A key, default, flag, help text, error or shortcut cannot change without its page: run `just docs`."""
    text = page.read_text(encoding="utf-8")
    assert text == filled(text)


def test_every_block_is_in_a_page() -> None:
    """What is made is shown somewhere."""
    assert used() == set(BLOCKS)


def test_a_value_is_named_by_what_it_is() -> None:
    """No help text asks for a type of Python, as it does where an option is given no name for its value."""
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert re.findall(r"<(?:str|int|float|path)\b[^>]*>", commands) == []


def test_every_error_says_what_to_do() -> None:
    """Each error that can end a command, or stop a source, comes with a remedy, and each finding too."""
    lacking = [each for each in errors.raised_sentences() if not each.remedy]
    assert lacking == []
    assert [each for each in errors.found_by_the_doctor() if not each.remedy] == []


def test_every_error_is_written_out() -> None:
    """No error hides its sentence from the page, unless it carries on that of another."""
    hidden = {
        (each.file, each.function) for each in errors.raised_sentences() if not is_written(each.sentence)
    }
    assert hidden <= PASSED_ON


def test_every_warning_of_the_log_has_a_remedy() -> None:
    """Each event that can warn has an example among the sentences, and a line that says what to do."""
    warning = {type(event) for event, _, level in SENTENCES if level in (Level.WARNING, Level.ERROR)}
    assert warning == set(REMEDIES)
    assert set(REMEDIES) <= set(get_args(Event))


def test_the_collector_reads_what_is_there() -> None:
    """A sentence of each kind is found as it is said; otherwise an empty page would pass."""
    raised = {each.sentence: each.remedy for each in errors.raised_sentences()}
    assert raised['ActivityWatch at {url} has no bucket "{bucket}".'].startswith("It was deleted")
    assert len(raised) > 60
    faults = {each.sentence for each in errors.fault_sentences()}
    assert "is not a setting: did you mean {meant}?" in faults
    assert len(faults) > 120
    assert "The certificate is not trusted: set ca-file" in errors.answers()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A file, heading or picture that is renamed leaves no dead link."""
    dead = []
    for found in _LINK.finditer(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        target, _, anchor = (found["target"] or found["picture"]).partition("#")
        if target.startswith(("http://", "https://")):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            dead.append(found[0])
    assert dead == []


@pytest.mark.servers
def test_the_new_queries_of_migrating_answer(shared_store: Store) -> None:
    """What those who come from aw-sync-suite are told to ask is a query that a store understands."""
    rows = re.findall(
        r"^\| .* \| `.*aw_.*` \| `(.*)` \|$|^\| active .*\| `(.*)` \|$", MIGRATING, re.MULTILINE
    )
    queries = [first or second for first, second in rows]
    assert len(queries) > 5
    for query in queries:
        asked = query.replace("$Host", ".*").replace("$__interval", "1h")
        assert "_seconds" in asked
        shared_store.query(asked, at=1_800_000_000)


def test_every_page_is_reached_from_the_readme() -> None:
    """No page is left for nobody to find."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name}" not in text] == []


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
