"""What each level of privacy lets through, seen by somebody who looks for what it should not."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awsync.rules.edits import RuleBook
from awsync.rules.levels import LEVELS, level_of
from awsync.rules.pseudonyms import pseudonym
from awsync.rules.scrub import domain, text
from awsync.rules.steps import composed
from awsync.series import Edited, data_labels
from awsync.settings import Privacy, PrivacyLevel, Rule, Secret

KEY = Secret("a key of more than sixteen characters")
C = "c4n4ry"
"""What must not leave."""


def edited(data: Mapping[str, object], privacy: Privacy | PrivacyLevel, *rules: Rule) -> Edited | None:
    """What a level, and rules, leave of an event."""
    privacy = privacy if isinstance(privacy, Privacy) else Privacy(privacy)
    return composed(RuleBook(rules, KEY).steps(privacy, "aw-watcher-window", "b_laptop", "laptop"))(data)


def labels(
    data: Mapping[str, object], privacy: Privacy | PrivacyLevel, *rules: Rule
) -> dict[str, str] | None:
    """The labels that leave; None for an event that is dropped."""
    found = edited(data, privacy, *rules)
    return None if found is None else data_labels(found.data)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://anna:secret@Example.org:8443/private?token=1#x", "example.org"),
        ("http://[::1]:8000/", "::1"),
        ("http://[broken/", "invalid"),
        ("about:blank", "about:"),
        ("file:///home/anna/diary.txt", "file:"),
        ("chrome-extension://abc/page.html", "chrome-extension:"),
        ("no address", "invalid"),
        (f"{C}:password@host", "invalid"),
        (f"https://example.org;{C}=1/", "invalid"),
        (f"https://example.org%2F{C}/", "invalid"),
        (f"https://example.org\\@{C}.example/", f"{C}.example"),
        (f"https:{C}", "https:"),
    ],
)
def test_an_address_leaves_as_its_domain(url: str, label: str) -> None:
    """Paths, queries, passwords and file names of addresses never leave the machine."""
    assert domain(url) == label
    assert labels({"url": url}, "standard") == {"domain": label}


@pytest.mark.parametrize("level", ["full", "standard"])
def test_no_address_has_no_domain(level: PrivacyLevel) -> None:
    """A rule that takes an address away leaves no domain in its place."""
    assert labels({"url": ""}, level) == {}


@pytest.mark.parametrize(
    ("given_text", "clean"),
    [
        (f"see https://u:{C}@git.example:8/{C}/x?y={C}#z now", "see git.example now"),
        (f"see http:\\/\\/git.example\\/{C}", "see git.example"),
        (f"see http:\\\\\\/\\\\\\/git.example\\\\\\/{C}", "see git.example"),
        (f"git.example\\/{C}", "git.example"),
        (f"https%3A%2F%2Fgit.example%2F{C}", "git.example"),
        (f"www.example.org/{C}?q={C}", "www.example.org"),
        (f"example.org?{C}", "example.org"),
        (f"localhost:8080/{C}", "localhost"),
        (f"10.0.0.1/{C}", "10.0.0.1"),
        (f"git@git.example:{C}/repo.git", "git.example"),
        (f"u:{C}@db.example", "db.example"),
        (f"mailto:{C}@example.org", "mailto:"),
        (f"data:text/html,{C}", "data:"),
        (f"file:///home/{C}/notes.txt?{C}", "notes.txt"),
        (f"file:///home/{C}%2Fa/notes%20b.txt", "notes b.txt"),
        (f"/home/{C}/My {C}/notes.txt", "notes.txt"),
        (f"  /home/{C}/notes/", "notes"),
        (f"~/{C}/notes.txt", "notes.txt"),
        (f"~{C}/notes.txt", "notes.txt"),
        (f"C:\\Users\\{C}\\notes.txt", "notes.txt"),
        (f"c:/Users/{C}/notes.txt", "notes.txt"),
        (f"\\\\server\\{C}\\notes.txt", "notes.txt"),
        (f"vim /home/{C}/My {C}/notes.txt", "vim notes.txt"),
        (f'vim "/home/{C}/notes.txt" and ~/{C}/b', 'vim "notes.txt" and b'),
        (f"vim --file=/home/{C}/notes.txt", "vim --file=notes.txt"),
        (f"cwd:/home/{C}/notes.txt", "cwd:notes.txt"),
        (f"https%253A%252F%252Fgit.example%252F{C}", "git.example"),
        (f"at %2Fhome%2F{C}%2Fnotes.txt", "at notes.txt"),
        (f'https://git.example/?q="{C}" and {C}', "git.example"),
        (f"$HOME/{C}/notes.txt", "notes.txt"),
        (f"%USERPROFILE%\\{C}\\notes.txt", "notes.txt"),
        (f"vim ${{HOME}}/{C}/notes.txt", "vim notes.txt"),
        (f"s3://{C}/{C}", "invalid"),
        ("and/or 3 / 4, 12:30, 50%, #5, what?", "and/or 3 / 4, 12:30, 50%, #5, what?"),
        ("text/html", "text/html"),
        ("feature/login", "feature/login"),
        ("plain words", "plain words"),
    ],
)
def test_addresses_and_paths_in_texts(given_text: str, clean: str) -> None:
    """Any text but a title has of an address its domain, of a path its last name; other texts stay."""
    assert text(given_text) == clean
    assert labels({"note": given_text}, "standard") == {"note": clean}
    nested = labels({"x": {"a": [given_text, {given_text: 1}]}}, "standard")
    assert nested is not None
    assert C not in json.dumps(nested)
    keyed = labels({given_text: "x"}, "standard")
    assert keyed is not None
    assert C not in json.dumps(keyed)


@pytest.mark.parametrize("key", ["file", "Path", "project", "folder", "cwd"])
@pytest.mark.parametrize(
    "path", [f"/home/{C}/x", f"{C}/x", f"{C}\\x\\", f"https://x/{C}", f"file:///{C}/x", f"u:{C}@x/{C}"]
)
def test_files_and_projects_leave_by_their_last_name(key: str, path: str) -> None:
    """The value of a key that holds paths loses its folders, whether it begins at the root or not."""
    assert labels({key: path}, "standard") == {key: "x"}
    assert labels({"x": {key: path}}, "standard") == {"x": json.dumps({key: "x"}, separators=(",", ":"))}


def test_titles_leave_by_default() -> None:
    """Titles are what the standard level lets through, with what stands in them; a path alone is a path."""
    titled = f"Mail {C} https://example.org/{C}"
    assert labels({"app": "Firefox", "title": titled}, "standard") == {"app": "Firefox", "title": titled}
    assert labels({"title": f"/home/{C}/notes.txt"}, "standard") == {"title": "notes.txt"}


@pytest.mark.parametrize(
    "marker",
    [
        "Mozilla Firefox Private Browsing",
        "Google Chrome (Incognito)",
        "[InPrivate] - Microsoft Edge",
        "Tor Browser",
        "Firefox (Navigation privée)",
        "Google Chrome (Inkognito)",
        "Firefox — Privater Modus",
    ],
)
def test_private_windows_have_no_title(marker: str) -> None:
    """The title of a private window does not leave, nor where a rule takes its mark away."""
    data = {"app": "Firefox", "title": f"{C} - {marker}"}
    assert labels(data, "standard") == {"app": "Firefox"}
    hides = Rule(name="r", match={"title": "^(.*) - .*$"}, set={"title": r"\1", "other": r"\1"})
    assert labels(data, "standard", hides) == {"app": "Firefox"}


@pytest.mark.parametrize(
    "sign",
    [{"incognito": True}, {"Incognito": "true"}, {"tab": {"incognito": 1}}, {"tabs": [{"incognito": True}]}],
)
@pytest.mark.parametrize("level", ["standard", "strict"])
def test_private_tabs_are_dropped(sign: dict[str, object], level: PrivacyLevel) -> None:
    """No time of a private tab leaves, also where a rule keeps other keys only, or sets the sign anew."""
    data = {"app": "a", "title": C, **sign}
    assert labels(data, level) is None
    assert labels(data, level, Rule(name="r", keep=("app", "title"))) is None
    assert labels(data, level, Rule(name="r", set={"incognito": "false"})) is None
    assert labels(data, Privacy(level, {}, ("incognito", "title", "tab", "tabs"))) is None
    for no in (False, "false", None, 0):
        assert labels({"app": "a", "incognito": no}, level) is not None


def test_how_many_tabs_are_open_does_not_leave() -> None:
    """A number that changes all day makes no series; `full`, and who allows it, lets it through."""
    data = {"title": "t", "tabCount": 7}
    for level in ("standard", "strict"):
        assert "tabCount" not in (labels(data, level) or {})
    assert labels(data, "standard", Rule(name="r", set={"tabCount": "many"})) == {"title": "t"}
    assert labels(data, Privacy("standard", {}, ("tabCount",))) == {"title": "t", "tabCount": "7"}
    assert labels(data, "full") == {"title": "t", "tabCount": "7"}


def test_what_full_lets_through() -> None:
    """Everything leaves, an address whole with its domain beside it, private tabs too."""
    data = {"url": "https://example.org/a?b", "title": "t", "incognito": True, "file": "/a/b"}
    assert labels(data, "full") == {
        "url": "https://example.org/a?b",
        "domain": "example.org",
        "title": "t",
        "incognito": "true",
        "file": "/a/b",
    }


def test_what_strict_lets_through() -> None:
    """App, AFK status and category leave; no other key, and nothing nested under those."""
    data = {"app": "vim", "status": "afk", "title": C, "url": f"https://{C}", C: C, "App": C, "file": C}
    assert labels(data, "strict") == {"app": "vim", "status": "afk"}
    for value in (f"watching {C}", {"a": C}, [C], 7):
        assert labels({"status": value}, "strict") == {}
    assert labels({"app": {"a": C}}, "strict") == {}
    assert labels({"app": f"/opt/{C}/vim"}, "strict") == {"app": "vim"}
    rule = Rule(name="r", set={"more": C, "app": "editor"}, category=("Work", "Mail"))
    assert edited(data, "strict", rule) == Edited({"app": "editor", "status": "afk"}, "Work > Mail")


def test_what_is_allowed_leaves_as_it_is() -> None:
    """A key that the user allows leaves whatever the level says of it; an address has its domain too."""
    data = {"url": "https://example.org/a", "project": "/a/b", "title": "t"}
    assert labels(data, Privacy("standard", {}, ("url", "project"))) == {**data, "domain": "example.org"}
    assert labels(data, Privacy("strict", {}, ("project",))) == {"project": "/a/b"}


def test_nothing_forbidden_comes_out_of_a_rule() -> None:
    """The level has the last word: what a rule puts elsewhere is cut there."""
    rule = Rule(name="r", match={"url": "(.*)"}, set={"domain": r"\1", "note": r"at \1", "file": r"x/\1"})
    found = labels({"url": f"https://u:{C}@example.org/{C}?{C}"}, "standard", rule)
    assert found == {"domain": "example.org", "note": "at example.org", "file": "example.org"}


def test_pseudonyms_leave_as_they_are() -> None:
    """A pseudonym tells nothing, so the standard level does not take it for an address or a path."""
    url = f"https://example.org/{C}"
    found = labels({"url": url, "file": f"/a/{C}"}, "standard", Rule(name="r", pseudonymise=("url", "file")))
    assert found == {"url": pseudonym(KEY.value, url), "file": pseudonym(KEY.value, f"/a/{C}")}
    assert labels({"title": C}, "strict", Rule(name="r", pseudonymise=("title",))) == {}


def test_the_level_of_a_watcher() -> None:
    """A glob on client or bucket beats the level of the source; of several the strictest counts."""
    watchers: dict[str, PrivacyLevel] = {"aw-watcher-*": "full", "*_laptop": "strict", "*win*": "standard"}
    assert level_of(Privacy("standard", watchers), "aw-watcher-window", "b_laptop") == "strict"
    assert level_of(Privacy("standard", watchers), "aw-watcher-web", "b") == "full"
    assert level_of(Privacy("standard", watchers), "other", "b") == "standard"


@pytest.mark.parametrize("depth", [49, 51, 900])
@pytest.mark.parametrize("kind", [lambda inner: {"x": inner}, lambda inner: [inner]], ids=["table", "list"])
def test_depth_hides_nothing(depth: int, kind: Any) -> None:  # noqa: ANN401 makes a container
    """What is nested deeply is cut like everything else, or left out as a whole."""
    deep: Any = {"url": f"https://x/{C}", "incognito": False}
    private: Any = {"incognito": True}
    for _ in range(depth):
        deep, private = kind(deep), kind(private)
    found = labels({"deep": deep}, "standard")
    assert found is not None
    assert C not in str(found)
    assert labels({"deep": private}, "standard") is None


parts = st.sampled_from(
    ["/", "\\", "~", "C:", "//", "https:", "file:", "?", "@", "#", ".", " ", '"', "a", "b.c", "%2F", "x"]
)
values = st.recursive(
    st.lists(parts, max_size=8).map("".join) | st.integers() | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.lists(parts, max_size=4).map("".join), inner)
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(["url", "title", "file", "app", "x", "/a/b", "https://a/b"]), values))
def test_a_level_never_fails(data: dict[str, Any]) -> None:
    """Whatever a watcher sends, a level makes labels of it, and of a file no folder is left."""
    for level in LEVELS:
        found = edited(data, level)
        if found is None:
            continue
        data_labels(found.data)
        file = found.data.get("file")
        assert level == "full" or not isinstance(file, str) or "/" not in file
        if level == "strict":
            assert set(found.data) <= {"app"}
