"""What a level forbids is nowhere: not at the store, in what is said, in the metrics, in the state folder."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from awsync.config import load
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.events import Event, SourceFailed
from awsync.settings import Privacy, Rule
from awsync.telemetry.families import Exposition
from awsync.telemetry.figures import Figures
from tests.commands import awsync
from tests.conftest import StartStore
from tests.passes import make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store

PLAIN = ("windowtitle", "tabtitle", "nestedtext", "nestedkey", "plainkey", "plaintext", "opentitle")
"""Texts that the standard level lets through."""
HIDDEN = (
    *("privatetitle", "urluser", "urlpath", "urlquery", "urlfragment", "privateurl", "privatetab", "folder"),
    *("projectfolder", "nestedfolder", "nestedurl", "keyurl", "keyfolder", "textpath", "texturl", "tilde"),
    *("winfolder", "openurl", "tabcount"),
)
"""Texts that it does not."""
KINDS = {
    "window": ("aw-watcher-window", "currentwindow"),
    "web": ("aw-watcher-web-firefox", "web.tab.current"),
    "editor": ("aw-watcher-vscode", "app.editor.activity"),
    "other": ("aw-watcher-other", "something"),
}


def c(name: str) -> str:
    """The canary of a place."""
    assert name in PLAIN + HIDDEN
    return f"canary{name}"


DATA: Mapping[str, list[dict[str, Any]]] = {
    "window": [
        {"app": "kate", "title": f"{c('windowtitle')} - notes"},
        {"app": "firefox", "title": f"{c('privatetitle')} - Mozilla Firefox Private Browsing"},
    ],
    "web": [
        {
            "url": f"https://{c('urluser')}:pw@site.example/{c('urlpath')}?q={c('urlquery')}#{c('urlfragment')}",
            "title": c("tabtitle"),
            "audible": False,
            "incognito": False,
            "tabCount": c("tabcount"),
        },
        {"url": f"https://{c('privateurl')}.example/", "title": c("privatetab"), "incognito": True},
    ],
    "editor": [
        {
            "file": f"/home/{c('folder')}/notes.py",
            "project": f"/home/{c('projectfolder')}/awsync",
            "language": "py",
        },
        {
            "file": f"C:\\Users\\{c('winfolder')}\\notes.py",
            "project": f"~/{c('tilde')}/awsync",
            "language": "py",
        },
    ],
    "other": [
        {
            "deep": {
                "list": [{"note": c("nestedtext"), "at": f"/srv/{c('nestedfolder')}/a"}],
                "link": f"http:\\/\\/x.example\\/{c('nestedurl')}",
                c("nestedkey"): 1,
            },
            c("plainkey"): c("plaintext"),
            f"https://x.example/{c('keyurl')}": 1,
            f"/srv/{c('keyfolder')}/a": 2,
            "note": f"vim /srv/{c('textpath')}/a, https://x.example/{c('texturl')}",
        }
    ],
}
RULES = """
[[rule]]
name = "titles"
match = { title = "canary(window|private)" }
drop = true
[[rule]]
name = "tabs"
watchers = ["*web*"]
pseudonymise = ["title"]
[[rule]]
name = "launder"
match = { url = "(.*)" }
set = { more = '\\1', file = '\\1' }
[[rule]]
name = "other"
watchers = ["aw-watcher-other"]
keep = ["deep"]
replace = { deep = { find = 'canarynested(text|key)', with = 'x' } }
[[rule]]
name = "open"
replace = { title = { find = 'canaryopen', with = 'x' } }
"""
LEVELS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "full": ('privacy = "full"\n', ()),
    "standard": ("", HIDDEN),
    "strict": ('privacy = "strict"\n', (*PLAIN, *HIDDEN)),
    "rules": (RULES, (*PLAIN, *HIDDEN)),
    "web strict": ('[privacy-for]\n"*web*" = "strict"\n', (*HIDDEN, "tabtitle")),
}
"""Settings, and what they forbid."""


@pytest.fixture
def planted(aw: AwServer) -> AwServer:
    """Four watchers with two hours of canaries; the last event of each is still open."""
    begin = utc_now() - timedelta(hours=2)
    for kind, (client, type_) in KINDS.items():
        aw.create_bucket(f"{client}_pc", client, type_, "pc")
        events = [
            _event(begin + timedelta(minutes=4 * i), 238, DATA[kind][i % len(DATA[kind])]) for i in range(28)
        ]
        aw.insert(f"{client}_pc", events)
        aw.insert(f"{client}_pc", [_event(begin + timedelta(minutes=112), 400, _open(kind))])
    return aw


def _open(kind: str) -> dict[str, Any]:
    if kind == "editor":
        return {"file": f"/srv/{c('openurl')}/x"}
    return {"app": "a", "title": c("opentitle"), "url": f"https://x.example/{c('openurl')}"}


def _event(at: datetime, seconds: float, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"timestamp": at.isoformat(), "duration": seconds, "data": data}


def _found(text: bytes, names: tuple[str, ...]) -> list[str]:
    """Which canaries a text holds, as they are or in base64."""
    found = []
    for name in names:
        canary = c(name).encode()
        coded = (base64.b64encode(b"x" * n + canary)[(4 * n + 2) // 3 + 1 : -4] for n in range(3))
        if any(each in text for each in (canary, *coded)):
            found.append(name)
    return found


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), str(path).encode() + path.read_bytes()


@pytest.mark.servers
def test_no_canary_leaves_that_a_level_forbids(
    planted: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """For every level and a set of rules, after two passes nothing forbidden is anywhere."""
    store = start_store("prometheus-3.5")
    for user, (toml, _) in LEVELS.items():
        folder = tmp_path / user
        folder.mkdir()
        (folder / "config.toml").write_text(
            f'prometheus-url = "{store.url}"\naw-url = "{planted.url}"\nmin-data = 1\n'
            f'state-dir = "state"\nuser-id = "{user}"\nresolution = "1m"\n{toml}'
        )
        assert _said(
            folder, "sync", "--once", "-v", "--log-format", "json", "--json", forbids=LEVELS[user][1]
        )
    for kind, (client, _) in KINDS.items():
        planted.insert(f"{client}_pc", [_event(utc_now() - timedelta(seconds=70), 69, _open(kind))])
    for user, (_, forbidden) in LEVELS.items():
        folder = tmp_path / user
        finished, said = run_pass(load({"config": str(folder / "config.toml")}, {}, folder).settings)
        assert finished.complete
        assert finished.totals.samples
        assert _found(sentences(said).encode() + repr(said).encode(), forbidden) == [], user
        assert _found(_exposition(said), forbidden) == [], user
        for path, content in _folder(folder / "state"):
            assert _found(content, forbidden) == [], (user, path)
        assert _found(_held(store, user), forbidden) == [], user
    assert set(_found(_held(store, "standard"), PLAIN)) == set(PLAIN)
    assert {"urlpath", "folder", "privatetab", "tabtitle", "tabcount"} <= set(
        _found(_held(store, "full"), (*PLAIN, *HIDDEN))
    )
    assert b'"app":"kate"' in _held(store, "strict")


def _said(folder: Path, *command: str, forbids: tuple[str, ...]) -> str:
    """What a command says, and that it says nothing forbidden."""
    done = awsync(*command, folder=folder)
    assert done.returncode == 0, done.stderr
    assert _found((done.stdout + done.stderr).encode(), forbids) == [], (folder.name, command)
    return done.stdout


def _exposition(said: Iterable[Event]) -> bytes:
    """What the metrics endpoint shows after a pass."""
    figures = Figures(0)
    for event in said:
        figures.apply(event)
    text, _ = Exposition(figures, lambda: 0).text({})
    assert b"aw-watcher-window_pc" in text
    return text


def _held(store: Store, user: str) -> bytes:
    """Every label of every series that the store holds of a user."""
    answer = httpx.get(
        f"{store.url}/api/v1/series", params={"match[]": f'{{user="{user}"}}'}, trust_env=False
    )
    found = answer.json()["data"]
    assert found
    return json.dumps(found, separators=(",", ":")).encode()


def test_a_rule_that_fails_stops_its_bucket(planted: AwServer, tmp_path: Path) -> None:
    """An expression that takes too long: nothing of that bucket is sent or settled, the others go on.

    It is said once, with the rule's name and without the text; once the rule is mended all of it arrives.
    """
    slow = Rule(name="too clever", watchers=("*window*",), match={"title": r"(\w|\w\w)+$"}, drop=True)
    planted.insert(
        "aw-watcher-window_pc", [_event(utc_now() - timedelta(hours=1), 1, {"title": "canary" * 60 + "!"})]
    )
    with Receiver() as store:
        settings = make_settings(
            tmp_path, planted.url, store.url, rules=(slow,), min_data=1, source={"privacy": Privacy("full")}
        )
        for _ in range(2):
            finished, said = run_pass(settings)
            assert not finished.complete
            failed = [event for event in said if isinstance(event, SourceFailed)]
            assert [event.bucket for event in failed] == ["aw-watcher-window_pc"]
            assert 'The rule "too clever" takes longer than' in failed[0].reason
            assert "canary" not in sentences(said)
            buckets = {dict(labels)["bucket"] for labels in store.samples()}
            assert buckets == {f"{client}_pc" for client, _ in KINDS.values()} - {"aw-watcher-window_pc"}
            with open_state(settings) as state:
                assert state.checkpoint("default", "aw-watcher-window_pc").position is None
                assert state.checkpoint("default", "aw-watcher-other_pc").position is not None
        mended = make_settings(
            tmp_path, planted.url, store.url, min_data=1, source={"privacy": Privacy("full")}
        )
        finished, _ = run_pass(mended)
        assert finished.complete
        assert position_of(mended, "aw-watcher-window_pc")
        assert {"canary" * 60 + "!"} & {
            dict(labels).get("title", "")[:361] for labels in store.samples()
        } == set()
        assert any(dict(labels).get("title", "").startswith("canarycanary") for labels in store.samples())
