"""The files of aw-sync-suite: its documented examples behave as documented, its traps have a safe end."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from awsync.cli.config import app
from awsync.config import load
from awsync.config.suite import take_over
from awsync.errors import ConfigError
from awsync.rules.edits import RuleBook
from awsync.rules.steps import composed
from awsync.series import Data, Edited
from awsync.settings import Privacy, Rule

PLAIN = """
Filters:
  - Filter:
    watchers:  ## watchers where the filter will be applied
      - "aw-watcher-window"
    target:
      - key: "app"
        value: "Google.*"
      - key: "title"
        value: "mail.*"
    plain_replace:
      - key: "title"
        value: "Email"
"""
REGEX = """
Filters:
  - Filter:
    filter-name: "Partial Regex Replace of data"
    enable: "{enable}"
    watchers:
      - "aw-watcher-window"
    target:
      - key: "app"
        value: "Google.*"
      - key: "title"
        value: "test.*"
    regex-replace:
      - key: "title"
        {expression}: "test.*"
        value: "Email"
"""
DROP = """
Filters:
  filter-name: "Drop of the Record"
  watchers:
    - "aw-watcher-window"
  target:
    - key: "app"
      value: "Google.*"
    - key: "title"
      value: "test.*"
  drop: "true"
"""
CATEGORIES = """
Filters:
  - Filter:
    filter-name: Email Category
    enable: true
    watchers: []
    target:
      - key: app
        value: Google.*
      - key: title
        value: Gmail|Thunderbird|mutt|alpine|Yahoo|Hotmail
    category: Email

  - Filter:
    filter-name: "Youtube Plain Filtering"
    enable: true
    watchers:
      - "aw-watcher-window"
    target:
      - key: "app"
        value: "Google.*"
      - key: "title"
        value: "YouTube"
    plain-replace:
      - key: "title"
        value: "YouTube"
"""
WHOLE = """
Settings:
  aw-url: http://localhost:5600
  prometheus-url: http://localhost:9090
  prometheus-auth: s3cret
  excluded-watchers:
    - aw-watcher-window
    - odd[1]
  userId: DemoUser
  include-hostname: true
  plugins:
    - "filters"

Filters:

  - Filter:
      watchers:
        - "aw-watcher-window"
      target:
        - key: "app"
          value: "Google.*"
        - key: "title"
          value: "mail.*"
      replace:
        - key: "title"
          value: "Email"
"""


def rules_of(folder: Path, text: str) -> tuple[Rule, ...]:
    """The rules of a file with this text."""
    path = folder / "aw-plugin-filters.yaml"
    path.write_text(text)
    return tuple(take_over(path).rules)


def edited(rules: tuple[Rule, ...], data: Data, client: str = "aw-watcher-window") -> Edited | None:
    """What the rules make of an event."""
    return composed(RuleBook(rules).steps(Privacy("full"), client, f"{client}_pc", "pc"))(data)


def chrome(title: str) -> Data:
    """A window of Chrome's."""
    return {"app": "Google Chrome", "title": title}


def test_plain_replacement(tmp_path: Path) -> None:
    """The documented example: the whole title becomes a word, in that watcher and for that app only."""
    rules = rules_of(tmp_path, PLAIN)
    assert edited(rules, chrome("your mail - Inbox")) == Edited(chrome("Email"))
    assert edited(rules, chrome("your post")) == Edited(chrome("your post"))
    assert edited(rules, {"app": "vim", "title": "mail"}) == Edited({"app": "vim", "title": "mail"})
    assert edited(rules, chrome("mail"), "aw-watcher-other") == Edited(chrome("mail"))
    assert edited(rules, {"app": "Google Chrome"}) == Edited({"app": "Google Chrome"})


@pytest.mark.parametrize("expression", ["expression", "from"])
def test_replacement_by_expression(tmp_path: Path, expression: str) -> None:
    """The documented example changes the part that is found; the code's name of the key is taken as well."""
    rules = rules_of(tmp_path, REGEX.format(enable="true", expression=expression))
    assert edited(rules, chrome("a test case")) == Edited(chrome("a Email"))
    assert rules_of(tmp_path, REGEX.format(enable="false", expression=expression)) == ()


def test_drop(tmp_path: Path) -> None:
    """The documented example, whose filter is no list: what it is about does not leave."""
    (rule,) = rules = rules_of(tmp_path, DROP)
    assert rule.name == "Drop of the Record"
    assert edited(rules, chrome("a test case")) is None
    assert edited(rules, chrome("work")) == Edited(chrome("work"))


def test_categories_and_replacements_together(tmp_path: Path) -> None:
    """The example file of the plugins: a category, and a title that becomes one word."""
    rules = rules_of(tmp_path, CATEGORIES)
    assert edited(rules, chrome("Gmail - Inbox")) == Edited(chrome("Gmail - Inbox"), "Email")
    assert edited(rules, chrome("cats - YouTube")) == Edited(chrome("YouTube"))


def test_groups_are_written_as_go_has_them(tmp_path: Path) -> None:
    """`$1`, `${name}` and `$$` mean there what Python writes otherwise; an unknown group is empty."""
    text = REGEX.format(enable="true", expression="expression").replace('"Google.*"', '".*"')
    text = text.replace('expression: "test.*"', r"expression: '(?P<word>\w+) (\d+)'")
    text = text.replace('value: "Email"', r"value: '$2-${word}-$$-$none-\1'")
    rules = rules_of(tmp_path, text)
    assert edited(rules, chrome("test 7")) == Edited(chrome(r"7-test-$--\1"))


def test_two_targets_for_one_key(tmp_path: Path) -> None:
    """Both must be found, in whichever order."""
    rules = rules_of(tmp_path, DROP.replace('key: "app"', 'key: "title"'))
    assert edited(rules, chrome("test of Google")) is None
    assert edited(rules, chrome("Google test")) is None
    assert edited(rules, chrome("test")) == Edited(chrome("test"))


def test_a_filter_without_the_switch_is_on(tmp_path: Path) -> None:
    """aw-sync-suite leaves a filter out silently that does not say `enable`; here it holds."""
    assert len(rules_of(tmp_path, DROP)) == 1


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (DROP.replace("drop:", "dorp:"), 'did you mean "drop"?'),
        (DROP.replace("target:", "targets:"), 'did you mean "target"?'),
        (DROP.replace('value: "test.*"', "value:"), "wants key, value"),
        (DROP.replace('"test.*"', '"test(*"'), "Python does not read"),
        (DROP.replace('  drop: "true"\n', ""), "does nothing"),
        (DROP.replace("  target:", "  target: []\n  ignored:"), "no target"),
    ],
)
def test_a_broken_filter_lets_nothing_through(tmp_path: Path, broken: str, why: str) -> None:
    """A filter that is not understood is not left out: nothing is imported, and its name is said."""
    with pytest.raises(ConfigError, match='filter "Drop of the Record"') as caught:
        rules_of(tmp_path, broken)
    assert why in str(caught.value)


def test_scripts_never_ran(tmp_path: Path) -> None:
    """The plugin for scripts passes every event on unchanged; that is said, and what to do instead."""
    with pytest.raises(ConfigError, match="never ran"):
        rules_of(tmp_path, "Scripts:\n  - Script:\n    name: test-script.sh\n    path: /home/x/\n")


def test_one_rule_after_the_other(tmp_path: Path) -> None:
    """With two plugins aw-sync-suite forgets what the first dropped; rules are a chain."""
    first = rules_of(tmp_path, DROP)
    second = rules_of(tmp_path, PLAIN)
    for rules in (first + second, second + first):
        assert edited(rules, chrome("a test")) is None
        assert edited(rules, chrome("my mail")) == Edited(chrome("Email"))


def run(*words: str) -> Result:
    """`awsync config import ...`"""
    return CliRunner().invoke(app, ["import", *words])


def test_import_prints_a_config_that_loads(tmp_path: Path) -> None:
    """Standard output is TOML that awsync reads; a secret is not printed, and what has no equal is said."""
    path = tmp_path / "aw-sync-agent.yaml"
    path.write_text(WHOLE)
    done = run(str(path))
    assert done.exit_code == 0, done.output
    assert "s3cret" not in done.output
    assert "label `host`" in done.stderr
    assert "bearer-token" in done.stderr
    target = tmp_path / "config.toml"
    target.write_text(done.stdout)
    settings = load({"config": str(target)}, {}).settings
    assert settings.sources[0].user_id == "DemoUser"
    assert settings.sources[0].excluded_watchers == ("aw-watcher-window", "odd[[]1]")
    assert edited(settings.rules, chrome("my mail")) == Edited(chrome("Email"))


def test_every_key_of_the_old_settings_is_known(tmp_path: Path) -> None:
    """Each key of each of its versions becomes a setting, or is named with the reason why it has no equal."""
    path = tmp_path / "aw-sync-settings.yaml"
    for key, value in {
        "awUrl": "http://aw:5600", "AwUrl": "http://aw:5600", "aw-url": "http://aw:5600",
        "prometheusUrl": "http://store:9090", "prometheus-url": "http://store:9090",
        "prometheusAuth": "one-secret", "prometheus-secret-key": "one-secret",
        "excludedWatchers": "[aw-watcher-afk]", "excluded-watchers": "[aw-watcher-afk]",
        "userId": "anna", "cron": "'@hourly'", "min-data": "'7'",
    }.items():  # fmt: skip
        path.write_text(f"Settings:\n  {key}: {value}\n")
        taken = take_over(path)
        assert len(taken.settings) == 1, key
        assert not taken.notes
    for key, value in {
        "includeHostname": "true", "include-hostname": "false", "plugins": "[filters]",
        "pluginsStrictOrder": "true", "checkpoint": "/data/checkpoint.json",
    }.items():  # fmt: skip
        path.write_text(f"Settings:\n  {key}: {value}\n")
        taken = take_over(path)
        assert not taken.settings
        assert [note.partition(":")[0] for note in taken.notes] == [key]


def test_import_into_a_config(tmp_path: Path) -> None:
    """With --write the file grows: what was there stays, comments too, and the secret is in it."""
    path, target = tmp_path / "filters.yaml", tmp_path / "config.toml"
    path.write_text(WHOLE)
    target.write_text('# mine\nprometheus-url = "http://other:9090"\n\n[hosts]\nunknown = "phone"\n')
    done = run(str(path), "--write", "--config", str(target))
    assert done.exit_code == 0, done.output
    text = target.read_text()
    assert text.startswith("# mine\n")
    settings = load({"config": str(target)}, {}).settings
    assert settings.store is not None
    assert settings.store.base_url == "http://other:9090"
    assert settings.store.bearer_token is not None
    assert settings.hosts == {"unknown": "phone"}
    assert len(settings.rules) == 1
    assert "prometheus-url" in done.stderr
    again = run(str(path), "--write", "--config", str(target))
    assert again.exit_code == 2
    assert target.read_text() == text


def test_a_refused_file_writes_nothing(tmp_path: Path) -> None:
    """One broken filter of several files, and config.toml is as it was; exit code 2."""
    good, bad, target = tmp_path / "good.yaml", tmp_path / "bad.yaml", tmp_path / "config.toml"
    good.write_text(PLAIN)
    bad.write_text(DROP.replace("drop:", "dorp:"))
    done = run(str(good), str(bad), "--write", "--config", str(target))
    assert done.exit_code == 2
    assert not target.exists()
