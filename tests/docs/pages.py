"""The pages, and the blocks in them that are made from the code.

A block stands between `<!-- made: NAME -->` and `<!-- end -->`; `just docs` writes what is between them.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from awsync.config import CATEGORY_KEYS, KEYS, SOURCE_KEYS
from awsync.config.rule_keys import RULE_KEYS
from awsync.tui import actions
from tests.docs import errors, helps, settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

BLOCKS: Mapping[str, Callable[[], str]] = {
    "keys": lambda: settings.whole(KEYS),
    "source keys": lambda: settings.of_table(SOURCE_KEYS),
    "rule keys": lambda: settings.of_table(RULE_KEYS),
    "category keys": lambda: settings.of_table(CATEGORY_KEYS),
    "console keys": actions.table,
    "commands": helps.reference,
    "errors": errors.raised,
    "faults": errors.faults,
    "answers": errors.answers,
    "log": errors.log,
}
_BLOCK = re.compile(r"<!-- made: (?P<name>[^>]+?) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str) -> str:
    """The page with every block as the code has it now; raises KeyError for a block that nothing makes."""

    def made(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- made: {name} -->\n{BLOCKS[name]().strip()}\n<!-- end -->"

    return _BLOCK.sub(made, text)


def used() -> set[str]:
    """The names of the blocks that the pages hold."""
    return {found["name"] for page in PAGES for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))}


def row(*cells: str) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |\n"
