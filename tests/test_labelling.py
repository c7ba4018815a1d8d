"""Who makes the labels of a source's buckets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.errors import UncategorizedError
from awsync.labelling import Labelling
from awsync.rules.levels import LEVELS, Level
from awsync.settings import Category, Privacy, Settings
from tests.passes import make_settings

WINDOW = Bucket("w", "currentwindow", "aw-watcher-window", "laptop", None)
AFK = Bucket("a", "afkstatus", "aw-watcher-afk", "laptop", None)
EVENT = b'{"app": "code", "title": "main.py"}'
SAVED = {"classes": [{"name": ["Work", "Code"], "rule": {"type": "regex", "regex": "main"}}]}


def settings_of(folder: Path, **changes: Any) -> Settings:  # noqa: ANN401 fields of Settings
    return make_settings(folder, "http://aw", "http://store", **changes)


def labelling_of(settings: Settings, answer: Callable[[httpx.Request], httpx.Response]) -> Labelling:
    (source,) = settings.sources
    return Labelling(ActivityWatch(source, transport=httpx.MockTransport(answer)), source, settings)


async def labels_of(labelling: Labelling, bucket: Bucket, data: bytes = EVENT) -> dict[str, str]:
    return dict((await labelling.of(bucket)).labels(data) or ())


def nothing(request: httpx.Request) -> httpx.Response:
    raise AssertionError(request.url)


async def test_hosts_are_renamed(tmp_path: Path) -> None:
    """The [hosts] table renames a host; other hosts keep their names."""
    for hostname, host in (("unknown", "phone"), ("laptop", "laptop")):
        labelling = labelling_of(settings_of(tmp_path, hosts={"unknown": "phone"}, categories="off"), nothing)
        bucket = Bucket("b", "currentwindow", "aw-watcher-window", hostname, None)
        assert (await labels_of(labelling, bucket))["host"] == host


async def test_events_get_the_category_that_activitywatch_gives_them(tmp_path: Path) -> None:
    """The server is asked once, when the first bucket needs it; an AFK watcher's events have no category."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json=SAVED)

    labelling = labelling_of(settings_of(tmp_path), answer)
    labelling.identity(WINDOW)
    assert "category" not in await labels_of(labelling, AFK, b'{"status": "afk"}')
    assert asked == []
    assert (await labels_of(labelling, WINDOW))["category"] == "Work > Code"
    assert (await labels_of(labelling, WINDOW, b'{"app": "x"}'))["category"] == "Uncategorized"
    assert asked == ["/api/0/settings"]


async def test_a_server_that_keeps_nothing_has_the_web_pages_categories(tmp_path: Path) -> None:
    """aw-server 0.12 has no settings: the list that its web page begins with is in force."""
    labelling = labelling_of(settings_of(tmp_path), lambda _: httpx.Response(404))
    assert (await labels_of(labelling, WINDOW, b'{"app": "vim"}'))["category"] == "Work > Programming"


async def test_without_activitywatchs_categories_it_is_not_asked(tmp_path: Path) -> None:
    """Categories of config.toml need no server, and "off" gives no label."""
    tree = (Category(("Mine",), "code"),)
    labels = await labels_of(labelling_of(settings_of(tmp_path, categories=tree), nothing), WINDOW)
    assert labels["category"] == "Mine"
    labels = await labels_of(labelling_of(settings_of(tmp_path, categories="off"), nothing), WINDOW)
    assert "category" not in labels


async def test_a_level_with_other_rules_makes_other_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that changes a level is noticed where a bucket may have that level, and nowhere else."""
    strict_web = {"privacy": Privacy("full", {"aw-watcher-web*": "strict"})}
    sources: tuple[dict[str, Any], ...] = ({}, {"privacy": Privacy("full")}, strict_web)
    labellings = [
        labelling_of(settings_of(tmp_path, categories="off", source=source), nothing) for source in sources
    ]
    before = [await each.made_of() for each in labellings]
    standard = LEVELS["standard"]
    monkeypatch.setitem(LEVELS, "standard", Level(standard.first, standard.last[:-1]))
    now = [await each.made_of() for each in labellings]
    changed = [{name for name in a if a[name] != b[name]} for a, b in zip(before, now, strict=True)]
    assert changed == [{"privacy"}, set(), set()]


async def test_settings_that_cannot_be_read_stop_what_needs_a_category(tmp_path: Path) -> None:
    """Nothing is guessed: the error says what could not be read, and how to do without."""
    labelling = labelling_of(settings_of(tmp_path), lambda _: httpx.Response(500, text="boom"))
    await labelling.of(AFK)
    with pytest.raises(UncategorizedError, match=r"The categories cannot be read: .* answered 500") as told:
        await labelling.of(WINDOW)
    assert 'categories = "off"' in told.value.remedy
