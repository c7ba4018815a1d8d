"""Everything that `awsync center` lays out, shown to the programs that are to read it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.centers import lay_out, require_program

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "awsync/center/files/rules"
TESTS = sorted(RULES.glob("*_test.yml"))
STORES = ("prometheus", "victoria-metrics")


def run(*command: str, cwd: Path | None = None, home: Path | None = None) -> str:
    """What a program says; it must be content."""
    homes = {} if home is None else dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(home))
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=os.environ | homes
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.servers
def test_promtool_takes_the_configuration_and_the_rules(tmp_path: Path) -> None:
    """promtool finds nothing wrong with prometheus.yml, nor with any rule, also the one that is optional."""
    lay_out(tmp_path)
    promtool, centre = require_program("promtool"), tmp_path / "centre"
    said = run(promtool, "check", "config", "--lint=all", "--lint-fatal", str(centre / "prometheus.yml"))
    assert "2 rule files found" in said
    files = [str(path) for path in sorted((centre / "rules").glob("awsync-*.yml"))]
    assert len(files) == 3
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *files)


@pytest.mark.servers
def test_every_rule_does_what_it_says() -> None:
    """The unit tests of the rules, as an administrator runs them."""
    run(require_program("promtool"), "test", "rules", *map(str, TESTS))


def test_every_rule_has_a_unit_test() -> None:
    """Each alert fires in one case and is silent in another; each record is looked at."""
    rules = "".join(path.read_text() for path in RULES.glob("awsync-*.yml"))
    tests = [test for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    cases = [case for test in tests for case in test["promql_expr_test"]]
    for alert in re.findall(r"alert: (\w+)", rules):
        of_it = [case for case in cases if f'alertname="{alert}"' in case["expr"]]
        firing = [case for case in of_it if 'alertstate="firing"' in str(case["exp_samples"])]
        assert firing, alert
        assert [case for case in of_it if not case["exp_samples"]], alert
    for record in set(re.findall(r"record: (\S+:sum1d)", rules)):
        assert [case for case in cases if record in case["expr"]], record


def test_every_alert_says_what_to_do() -> None:
    """Each has a sentence for whoever is woken, and one that names a command or a file."""
    for path in RULES.glob("awsync-*.yml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" not in rule:
                    continue
                texts = rule["annotations"]
                assert texts["summary"].endswith("."), rule["alert"]
                assert re.search(r"`awsync|Start|limit", texts["description"]), rule["alert"]
                assert rule["labels"]["severity"] in ("info", "warning", "critical")


@pytest.mark.servers
def test_vmalert_takes_the_rules() -> None:
    """The same rules stand beside VictoriaMetrics."""
    rules = [f"-rule={path}" for path in RULES.glob("awsync-*.yml")]
    run(require_program("vmalert"), "-dryRun", *rules)


@pytest.mark.servers
@pytest.mark.parametrize("store", STORES)
def test_the_compose_file_is_one(store: str, tmp_path: Path) -> None:
    """docker-compose takes it, by its own schema; only the front is reached from outside."""
    lay_out(tmp_path, "--store", store, "--domain", "aw.example.org")
    centre = tmp_path / "centre"
    said = run(require_program("docker-compose"), "config", cwd=centre)
    services = yaml.safe_load(said)["services"]
    assert set(services) == {"store", "grafana", "front"} | ({"vmalert"} if store != "prometheus" else set())
    for name, service in services.items():
        assert {port.get("host_ip") for port in service["ports"]} == {
            None if name == "front" else "127.0.0.1"
        }
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["healthcheck"]["test"], name
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", service["image"]), name
        for volume in service["volumes"]:
            assert volume["type"] == "volume" or volume["read_only"]
            assert volume["type"] == "volume" or Path(volume["source"]).exists()
    assert services["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"] in (centre / ".env").read_text()


@pytest.mark.servers
def test_a_compose_file_that_is_wrong_is_found(tmp_path: Path) -> None:
    """The check above would notice a key that nobody knows."""
    lay_out(tmp_path)
    path = tmp_path / "centre/compose.yaml"
    path.write_text(path.read_text().replace("read_only: true", "readonly: true"))
    with pytest.raises(AssertionError, match="readonly"):
        run(require_program("docker-compose"), "config", cwd=path.parent)


@pytest.mark.servers
@pytest.mark.parametrize("caddy", ["caddy", "caddy-2.6"])
@pytest.mark.parametrize("store", STORES)
def test_caddy_takes_the_front(store: str, caddy: str, tmp_path: Path) -> None:
    """The oldest and the newest Caddy find the front valid, and laid out as they would."""
    program = require_program(caddy)
    for arguments in (("--domain", "aw.example.org", "--device", "anna"), ("--domain", "aw.lan")):
        lay_out(tmp_path, "--store", store, *arguments)
        front = str(tmp_path / "centre/front/Caddyfile")
        said = run(program, "validate", "--config", front, "--adapter", "caddyfile", home=tmp_path)
        assert "Valid configuration" in said
        assert "not formatted" not in said


@pytest.mark.parametrize("store", STORES)
def test_systemd_takes_the_units(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd-analyze verify has nothing to say of the units, nor much of what they are allowed."""
    analyze = require_program("systemd-analyze")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("prometheus", "victoria-metrics", "vmalert", "caddy"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    lay_out(tmp_path, "--store", store)
    units = [str(path) for path in sorted((tmp_path / "centre/systemd").glob("*.service"))]
    assert len(units) == (2 if store == "prometheus" else 3)
    assert run(analyze, "verify", "--man=no", *units) == ""
    run(analyze, "security", "--offline=true", "--threshold=25", "--no-pager", *units)
