"""The keys of the tables of config.toml that may come several times, beside those of a [[source]].

May import: the standard library and the kinds of config and config.key.
"""

from typing import Any

from awsync.config import matching
from awsync.config.key import Key

CATEGORY_TABLE = "category"

CATEGORY_NAME: Key[tuple[str, ...]] = Key(
    name="name",
    kind=matching.CATEGORY,
    help='What it is called, below which others: "Work > Programming" lies deeper than "Work".',
    example="Work > Programming",
)
CATEGORY_REGEX: Key[str] = Key(
    name="regex",
    kind=matching.EXPRESSION,
    help="What is searched for in the texts of an event; of all that match the deepest, or last, counts.",
    example="GitHub|vim|code",
)
CATEGORY_IGNORE_CASE: Key[bool] = Key(
    name="ignore-case",
    kind=matching.FLAG,
    help="Whether capital and small letters are the same.",
    example=True,
    default=False,
    aliases=("ignore_case",),
)
CATEGORY_SELECT_KEYS: Key[tuple[str, ...]] = Key(
    name="select-keys",
    kind=matching.DATA_KEYS,
    help="Only the texts of these keys of an event are searched.",
    example=["app", "title"],
    default_words="all of them",
    aliases=("select_keys",),
)

CATEGORY_KEYS: tuple[Key[Any], ...] = (
    *(CATEGORY_NAME, CATEGORY_REGEX, CATEGORY_IGNORE_CASE, CATEGORY_SELECT_KEYS),
)
"""Every key inside a [[category]] table."""
