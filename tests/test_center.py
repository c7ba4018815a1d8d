"""What `awsync center` writes, keeps and says: the folder itself, without any server."""

import re
import stat
from pathlib import Path

import pytest
import yaml

from awsync.center.advice import by_hand, device_lines
from awsync.center.plan import Plan
from awsync.center.tokens import known
from tests.centers import fates, lay_out
from tests.commands import awsync

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = {
    "prometheus.yml",
    "compose.yaml",
    ".env",
    "front/Caddyfile",
    "front/tokens.caddy",
    "grafana/provisioning/dashboards/awsync.yaml",
    "grafana/provisioning/datasources/awsync.yaml",
    "rules/awsync-alerts.yml",
    "rules/awsync-limit.yml",
    "rules/awsync-recording.yml",
    "rules/rules_long_test.yml",
    "rules/rules_test.yml",
    "systemd/awsync-front.service",
    "systemd/awsync-store.service",
    "systemd/grafana.conf",
}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_empty_folder_has_everything_afterwards(tmp_path: Path) -> None:
    """All files are there; secrets are for their owner alone, the rest is read by containers and units."""
    said = lay_out(tmp_path, "--device", "anna-laptop")
    centre = tmp_path / "centre"
    boards = {path for path in fates(said) if path.startswith("grafana/dashboards/")}
    assert fates(said).keys() - boards == WRITTEN | {"tokens/anna-laptop.token"}
    assert set(fates(said).values()) == {"new"}
    secret = {"tokens/anna-laptop.token", ".env", "front/tokens.caddy"}
    assert {path for path in fates(said) if mode_of(centre / path) == 0o600} == secret
    assert {mode_of(centre / path) for path in fates(said).keys() - secret} == {0o644}
    assert mode_of(centre / "tokens") == 0o700
    assert (centre / "grafana/dashboards").is_dir()
    assert not re.search(r"<<[a-z-]+>>", "".join((centre / path).read_text() for path in fates(said)))


def test_every_dashboard_of_the_package_goes_along(tmp_path: Path) -> None:
    """A dashboard that is added to the package is laid out without another word."""
    said = lay_out(tmp_path)
    shipped = {path.name for path in (ROOT / "awsync/center/dashboards").glob("*.json")}
    assert {path.name for path in (tmp_path / "centre/grafana/dashboards").iterdir()} == shipped
    assert {Path(path).name for path in fates(said) if path.startswith("grafana/dashboards/")} == shipped


@pytest.mark.parametrize(("store", "parameters"), [("prometheus", None), ("victoria-metrics", "nocache=1")])
def test_grafana_asks_for_the_steps_that_the_dashboards_mean(
    tmp_path: Path, store: str, parameters: str | None
) -> None:
    """VictoriaMetrics is told not to keep answers, or it would move the steps of a query elsewhere."""
    lay_out(tmp_path, "--store", store)
    written = tmp_path / "centre/grafana/provisioning/datasources/awsync.yaml"
    (source,) = yaml.safe_load(written.read_text())["datasources"]
    assert source["jsonData"].get("customQueryParameters") == parameters
    assert (source["uid"], source["jsonData"]["timeInterval"]) == ("awsync", "5m")


def test_again_changes_nothing(tmp_path: Path) -> None:
    """Laid out twice it is the same, tokens and password too, and choices need not be repeated."""
    arguments = ("--store", "victoria-metrics", "--retention", "3y", "--domain", "aw.example.org")
    lay_out(tmp_path, *arguments, "--device", "anna")
    centre = tmp_path / "centre"
    before = {path: path.read_bytes() for path in centre.rglob("*") if path.is_file()}
    again = lay_out(tmp_path, "--device", "anna")
    assert set(fates(again).values()) == {"same"}
    assert {path: path.read_bytes() for path in centre.rglob("*") if path.is_file()} == before
    assert "-retentionPeriod=3y" in (centre / "compose.yaml").read_text()
    assert "prometheus.yml" not in fates(again)


def test_what_somebody_changed_stays(tmp_path: Path) -> None:
    """A changed file is kept and said to be; only --force writes over it, and then it stays beside."""
    lay_out(tmp_path)
    config = tmp_path / "centre/prometheus.yml"
    mine = config.read_text() + "# mine\n"
    config.write_text(mine)
    assert fates(lay_out(tmp_path))["prometheus.yml"] == "kept"
    behind = lay_out(tmp_path, "--listen", "127.0.0.1:9999", code=1)
    assert fates(behind)["prometheus.yml"] == "behind"
    assert fates(behind)["compose.yaml"] == "updated"
    assert config.read_text() == mine
    assert "prometheus.yml was changed by hand" in behind["warnings"][0]
    assert fates(lay_out(tmp_path, "--force"))["prometheus.yml"] == "replaced"
    assert "127.0.0.1:9999" in config.read_text()
    assert config.with_name("prometheus.yml.old").read_text() == mine
    config.write_text("another\n")
    lay_out(tmp_path, "--force")
    assert config.with_name("prometheus.yml.old").read_text() == mine
    assert config.with_name("prometheus.yml.old.2").read_text() == "another\n"


def test_files_of_somebody_else_stay(tmp_path: Path) -> None:
    """In a folder that awsync did not lay out nothing is written over."""
    (tmp_path / "centre").mkdir()
    theirs = tmp_path / "centre/compose.yaml"
    theirs.write_text("services: {}\n")
    assert fates(lay_out(tmp_path, code=1))["compose.yaml"] == "behind"
    assert theirs.read_text() == "services: {}\n"


def test_another_store_takes_the_files_of_the_first_away(tmp_path: Path) -> None:
    """What no store reads any more does not lie about, unless somebody wrote in it."""
    lay_out(tmp_path)
    changed = lay_out(tmp_path, "--store", "victoria-metrics")
    assert fates(changed)["prometheus.yml"] == "removed"
    assert fates(changed)["systemd/awsync-alert.service"] == "new"
    assert not (tmp_path / "centre/prometheus.yml").exists()
    (tmp_path / "centre/systemd/awsync-alert.service").write_text("mine")
    assert fates(lay_out(tmp_path, "--store", "prometheus"))["systemd/awsync-alert.service"] == "kept"


def test_each_device_has_a_token_of_its_own(tmp_path: Path) -> None:
    """Tokens differ, stay, are never printed, and one whose file is deleted is not let in any more."""
    done = awsync("center", "centre", "--device", "anna", "--device", "bob", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    centre = tmp_path / "centre"
    tokens = known(centre)
    assert len(set(tokens.values())) == 2
    assert not [token for token in tokens.values() if token in done.stdout + done.stderr]
    password = (centre / ".env").read_text().partition("=")[2].strip()
    assert len(password) > 20
    assert password not in done.stdout + done.stderr
    assert 'bearer-token-file = "store-token"' in done.stdout
    assert "reads what every device has sent" not in done.stderr
    (centre / "tokens/bob.token").unlink()
    said = lay_out(tmp_path, "--device", "eva")
    front = (centre / "front/tokens.caddy").read_text()
    assert tokens["anna"] in front
    assert tokens["bob"] not in front
    assert known(centre)["eva"] in front
    assert any("Start the front anew" in step for step in said["next"])
    assert not any("three ways" in step for step in said["next"])
    open_to_all = awsync("center", "centre", "--with-queries", folder=tmp_path)
    assert "reads what every device has sent" in open_to_all.stderr


def test_who_may_only_write_finds_no_query(tmp_path: Path) -> None:
    """Unless told otherwise the front names no path that tells of what others have sent, for either store."""
    for store in ("prometheus", "victoria-metrics"):
        lay_out(tmp_path, "--store", store)
        front = (tmp_path / "centre/front/Caddyfile").read_text()
        assert "/api/v1/write" in front
        assert not re.search("query|series|tsdb|force_flush", front)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--retention", "long"), "90d, 52w or 10y"),
        (("--domain", "http://x"), "awsync.example.org"),
        (("--domain", "x:99999"), "awsync.example.org"),
        (("--listen", "0.0.0.0:9090"), "Only the front is reached from outside"),
        (("--device", "../anna"), "anna-laptop"),
        (("--device", "a" * 64), "63 at most"),
        (("--store", "influx"), "victoria-metrics"),
    ],
)
def test_a_mistake_is_said_before_anything_is_written(
    arguments: tuple[str, str], words: str, tmp_path: Path
) -> None:
    """Each wrong value ends with exit code 2 and what to write instead."""
    done = awsync("center", "centre", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "centre").exists()


def test_a_file_is_no_place_for_a_centre(tmp_path: Path) -> None:
    """A name that a file has already is said to be none of a folder."""
    (tmp_path / "centre").write_text("mine")
    done = awsync("center", "centre", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "awsync: centre is not a folder. Choose another name.\n")


def test_a_token_file_without_a_token_is_an_error(tmp_path: Path) -> None:
    """An empty file would let everybody in who says nothing."""
    lay_out(tmp_path, "--device", "anna")
    (tmp_path / "centre/tokens/anna.token").write_text("\n")
    done = awsync("center", "centre", folder=tmp_path)
    assert done.returncode == 2
    assert "holds no token" in done.stderr


def test_a_token_file_that_names_no_device_is_an_error(tmp_path: Path) -> None:
    """A name that somebody gave a file by hand does not become a line of the front's configuration."""
    awsync("center", "centre", "--device", "anna", folder=tmp_path)
    (tmp_path / "centre/tokens/anna.token").rename(tmp_path / 'centre/tokens/anna" "bob.token')
    done = awsync("center", "centre", folder=tmp_path)
    assert done.returncode == 2
    assert "is not named after a device" in done.stderr
    assert "bob" not in (tmp_path / "centre/front/tokens.caddy").read_text()


def test_whose_certificate_it_is() -> None:
    """Only a name that the world knows, at the port of https, gets a certificate of a public authority."""
    own = ["localhost", "aw", "aw.lan", "10.0.0.7", "aw.example.org:8443", "a.home.arpa"]
    assert [name for name in own if not Plan(domain=name).own_certificate] == []
    assert [
        name for name in ("aw.example.org", "aw.example.org:443") if Plan(domain=name).own_certificate
    ] == []


def test_the_guide_starts_it_as_the_command_says() -> None:
    """The lines in docs/fleet.md that start a centre, and those for a device, are those that are printed."""
    guide = (ROOT / "docs/fleet.md").read_text()
    assert [line for line in by_hand(Plan()) if line not in guide.splitlines()] == []
    assert "\n".join(["```toml", *device_lines(Plan(domain="awsync.example.org")), "```"]) in guide


def test_the_guide_knows_every_alert() -> None:
    """Who is woken by an alert finds its name, and what to do, in docs/fleet.md; and no other name."""
    rules = "".join(path.read_text() for path in (ROOT / "awsync/center/files/rules").glob("awsync-*.yml"))
    guide = (ROOT / "docs/fleet.md").read_text()
    assert set(re.findall(r"alert: (\w+)", rules)) == set(re.findall(r"^\| `(Awsync\w+)`", guide, re.M))
    records = set(re.findall(r"record: (\S+):sum1[hd]", rules))
    assert records == set(re.findall(r"^\| `(user_\S+):sum1h`, and `:sum1d`", guide, re.M))
