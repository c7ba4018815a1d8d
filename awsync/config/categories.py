"""Where categories come from: ActivityWatch, the [[category]] tables of config.toml, or nowhere.

May import: the standard library, settings, errors and the other modules of config.
"""

from collections.abc import Sequence

from awsync.config import keys, tables
from awsync.config.layers import FILE, Findings, Layers, Place
from awsync.config.values import Shown
from awsync.errors import Problem
from awsync.settings import Category, CategorySource


def build_categories(layers: Layers, warnings: list[Problem]) -> CategorySource | tuple[Category, ...]:
    """What the settings want; the tables count unless the key beside them says otherwise."""
    flat = layers.flat
    wanted: CategorySource = "off" if flat.need(keys.CATEGORIES) == "off" else "activitywatch"
    built = [_category(place, findings) for place, findings in layers.categories]
    if not built or wanted == "off":
        return wanted
    given = flat.get(keys.CATEGORIES).place
    if given.layer > FILE:
        message = f"replaces the {len(built)} [[{tables.CATEGORY_TABLE}]] tables for this run"
        warnings.append(Problem(given.where, keys.CATEGORIES.name, message))
        return wanted
    if given.layer == FILE:
        message = (
            f"is given together with [[{tables.CATEGORY_TABLE}]] tables: remove it to use the tables, "
            'or remove them; "off" switches them off'
        )
        flat.complain(given, keys.CATEGORIES.name, message)
    return tuple(built)


def shown(categories: Sequence[Category]) -> dict[str, Shown]:
    """Each category as `config show` prints it, by the name of its row."""
    rows: dict[str, Shown] = {}
    for number, each in enumerate(categories, 1):
        words = [each.regex]
        words += ["(ignore-case)"] if each.ignore_case else []
        words += [f"in {', '.join(each.keys)}"] if each.keys else []
        rows[f"{tables.CATEGORY_TABLE}.{number} {' > '.join(each.name)}"] = " ".join(words)
    return rows


def document(categories: Sequence[Category]) -> list[dict[str, object]]:
    """The tables of config.toml that give these categories."""
    return [
        {
            tables.CATEGORY_NAME.name: " > ".join(each.name),
            tables.CATEGORY_REGEX.name: each.regex,
            tables.CATEGORY_IGNORE_CASE.name: each.ignore_case,
            **({} if each.keys is None else {tables.CATEGORY_SELECT_KEYS.name: list(each.keys)}),
        }
        for each in categories
    ]


def _category(place: Place, findings: Findings) -> Category:
    for key in (tables.CATEGORY_NAME, tables.CATEGORY_REGEX):
        if key.name not in findings.mentioned:
            findings.complain(place, key.name, f"is missing: {key.help}")
    return Category(
        findings.pick(tables.CATEGORY_NAME) or (),
        findings.pick(tables.CATEGORY_REGEX) or "",
        findings.need(tables.CATEGORY_IGNORE_CASE),
        findings.pick(tables.CATEGORY_SELECT_KEYS),
    )
