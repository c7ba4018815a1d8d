"""The [[category]] tables of config.toml: what they give, and what is told of mistakes in them."""

import tomllib
from pathlib import Path

import pytest

from awsync.config import freeze
from awsync.errors import ConfigError
from awsync.settings import Category
from tests.config_files import STORE, loaded, make_home

TABLES = """
[[category]]
name = "Work"
regex = 'code\\.py'

[[category]]
name = " Work >Mail "
regex = "mail"
ignore_case = true
select-keys = ["app"]
"""
WANTED = (
    Category(("Work",), r"code\.py"),
    Category(("Work", "Mail"), "mail", ignore_case=True, keys=("app",)),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the test's own."""
    return make_home(tmp_path, monkeypatch)


def test_tables_take_the_place_of_activitywatchs_categories(home: Path) -> None:
    """They are in force for all sources, each is shown with its place, and --toml gives the same again."""
    found = loaded(home, STORE + TABLES)
    assert found.settings.categories == WANTED
    rows = {name: (row.value, row.place) for name, row in found.origins.items() if "categor" in name}
    assert rows == {
        "categories": (None, "replaced by config.toml:3"),
        "category.1 Work": (r"code\.py", "config.toml:3"),
        "category.2 Work > Mail": ("mail (ignore-case) in app", "config.toml:7"),
    }
    again = freeze(found.settings, {name: row.value for name, row in found.origins.items()})
    assert "categories" not in tomllib.loads(again)
    assert loaded(home, again).settings.categories == WANTED


def test_the_key_beside_the_tables(home: Path) -> None:
    """ "off" switches tables off; from outside the file ActivityWatch's categories replace them for a run."""
    assert loaded(home, f'{STORE}categories = "off"\n{TABLES}').settings.categories == "off"
    for outside in ({"AWSYNC_CATEGORIES": "off"}, {"AWSYNC_CATEGORIES": "activitywatch"}):
        found = loaded(home, STORE + TABLES, outside)
        assert found.settings.categories == outside["AWSYNC_CATEGORIES"]
    (warning,) = found.warnings
    assert "replaces the 2 [[category]] tables for this run" in str(warning)


@pytest.mark.parametrize(
    ("text", "key", "line", "message"),
    [
        ('[[category]]\nname = "a"', "category.regex", 3, "is missing"),
        ('[[category]]\nregex = "a"', "category.name", 3, "is missing"),
        (
            '[[category]]\nname = "a"\nregex = "("',
            "category.regex",
            5,
            "is not an expression that Python reads",
        ),
        (
            '[[category]]\nname = "a"\nregex = ""',
            "category.regex",
            5,
            "is empty, which every event would match",
        ),
        ('[[category]]\nname = "a"\nregex = 5', "category.regex", 5, "must be text in quotes"),
        ('[[category]]\nname = "a > "\nregex = "x"', "category.name", 4, 'has nothing beside a ">"'),
        ('[[category]]\nname = "a"\nregexp = "x"', "category.regexp", 5, "did you mean regex?"),
        ('[[category]]\nname = "a"\nregex = "x"\ncron = "x"', "category.cron", 6, "but of the whole"),
        (
            '[[category]]\nname = "a"\nregex = "x"\nignore-case = 1',
            "category.ignore-case",
            6,
            "true or false",
        ),
        ('[[category]]\nname = "a"\nregex = "x"\nselect-keys = []', "category.select-keys", 6, "is empty"),
        (
            '[[category]]\nname = "a"\nregex = "x"\nselect-keys = "x"',
            "category.select-keys",
            6,
            "a list such",
        ),
        ('[category]\nname = "a"', "category", 3, "double brackets, [[category]], once for each category"),
        ('regex = "a"', "regex", 3, "it belongs in a [[category]] table"),
        ('categories = "activitywatch"' + TABLES, "categories", 3, "together with [[category]] tables"),
        ('categories = "of"', "categories", 3, "is not one of activitywatch, off"),
        ('[[categry]]\nname = "a"', "categry", 3, "did you mean"),
    ],
)
def test_mistakes_in_a_category(home: Path, text: str, key: str, line: int, message: str) -> None:
    """A broken category is refused with its line before anything leaves under a wrong name."""
    with pytest.raises(ConfigError) as caught:
        loaded(home, f"{STORE}\n{text}\n")
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == (key, line)
    assert message in problem.message
