"""`awsync doctor` as a user meets it: each broken set-up is named, and what it prints mends it."""

import json
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from awsync.demo.aw_server import AwServer
from tests.commands import awsync, start_awsync
from tests.conftest import StartStore
from tests.doctors import Printed, fill, write_config
from tests.gateway import Gateway
from tests.servers import Store, StoreName, wait_until

PROMETHEUS: list[StoreName] = ["prometheus-3.5", "prometheus-2.42"]


@pytest.mark.servers
@pytest.mark.parametrize("name", PROMETHEUS)
def test_receiver_off(aw: AwServer, start_store: StartStore, tmp_path: Path, name: StoreName) -> None:
    """A Prometheus without its receiver is told the flag; started with it, all is well."""
    fill(aw)
    store = start_store(name, receiver=False)
    write_config(tmp_path, aw.url, store.url)
    broken = Printed(tmp_path)
    assert (broken.code, broken.failed) == (1, ["receiver"])
    (flag,) = broken.to_copy("receiver")
    store.restart(flags=[flag])
    mended = Printed(tmp_path)
    assert (mended.code, mended.failed) == (0, []), mended.text


@pytest.mark.servers
@pytest.mark.parametrize("name", PROMETHEUS)
def test_out_of_order_window_missing(
    aw: AwServer, start_store: StartStore, tmp_path: Path, name: StoreName
) -> None:
    """History that is too old is told the lines that let it in; with them in prometheus.yml it goes out."""
    fill(aw, days=9)
    store = start_store(name, out_of_order=None, scrape=True, flags=["--web.enable-lifecycle"])
    write_config(tmp_path, aw.url, store.url)
    assert Printed(tmp_path).failed == ["age"], "before the first pass"
    assert awsync("sync", "--once", folder=tmp_path).returncode == 1
    broken = Printed(tmp_path)
    assert (broken.code, broken.failed) == (1, ["age"])
    yaml = "\n".join(broken.to_copy("age"))
    assert "out_of_order_time_window: 10d" in yaml
    with (store.folder / "prometheus.yml").open("a") as file:
        file.write(yaml + "\n")
    httpx.post(f"{store.url}/-/reload").raise_for_status()
    mended = Printed(tmp_path)
    assert (mended.code, mended.failed) == (0, []), mended.text
    assert awsync("sync", "--once", folder=tmp_path).returncode == 0
    assert "Nothing is set aside" in Printed(tmp_path).text


@pytest.mark.servers
def test_wrong_token(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """A token that the store refuses is named as the setting that it is, and never shown."""
    fill(aw)
    store = start_store("prometheus-3.5")
    with Gateway(store.url, key="the-right-one") as gateway:
        config = write_config(tmp_path, aw.url, gateway.url, 'bearer-token = "not-the-right-one"')
        broken = Printed(tmp_path)
        assert (broken.code, broken.failed) == (1, ["authentication"])
        assert "Correct bearer-token" in broken.words("authentication")
        assert "not-the-right-one" not in broken.text
        config.write_text(config.read_text().replace("not-the-right-one", "the-right-one"))
        mended = Printed(tmp_path)
        assert (mended.code, mended.failed) == (0, []), mended.text
        assert "takes awsync's credentials" in mended.text


@pytest.mark.servers
def test_no_token(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """A store that asks for credentials is told the line that gives them."""
    fill(aw)
    store = start_store("prometheus-3.5")
    with Gateway(store.url, key="the-right-one") as gateway:
        config = write_config(tmp_path, aw.url, gateway.url)
        broken = Printed(tmp_path)
        assert (broken.code, broken.failed) == (1, ["authentication"])
        (line,) = broken.to_copy("authentication")
        config.write_text(config.read_text() + line.replace("...", "the-right-one") + "\n")
        assert Printed(tmp_path).code == 0


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "victoria-metrics"])
def test_wrong_path(aw: AwServer, start_store: StartStore, tmp_path: Path, name: StoreName) -> None:
    """A path that takes nothing is answered with the address that does."""
    fill(aw)
    store = start_store(name)
    config = write_config(tmp_path, aw.url, f"{store.url}/metrics/here")
    broken = Printed(tmp_path)
    assert (broken.code, broken.failed) == (1, ["receiver"])
    (line,) = broken.to_copy("receiver")
    lines = config.read_text().splitlines()
    config.write_text("\n".join(line if old.startswith("prometheus-url") else old for old in lines))
    mended = Printed(tmp_path)
    assert (mended.code, mended.failed) == (0, []), mended.text


@pytest.mark.servers
def test_aw_down(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """An ActivityWatch that is not there is said; what hangs on it is skipped, and the store is not."""
    fill(aw)
    write_config(tmp_path, aw.url, start_store("prometheus-3.5").url)
    aw.stop()
    broken = Printed(tmp_path)
    assert (broken.code, broken.failed) == (1, ["reachable"])
    assert "Start ActivityWatch" in broken.words("reachable")
    assert "ActivityWatch is not reachable" in broken.words("buckets")
    assert "It speaks remote write 2.0" in broken.text
    assert "is not known" in broken.words("age")
    aw.start()
    mended = Printed(tmp_path)
    assert (mended.code, mended.failed) == (0, []), mended.text


@pytest.mark.servers
def test_aw_behind_an_api_key(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """aw-server-rust answers /info to everybody and 401 to the rest: the doctor sees through it."""
    fill(aw)
    store = start_store("prometheus-3.5")
    with Gateway(aw.url, key="aw-api-key", open_paths=("/api/0/info",)) as gateway:
        config = write_config(tmp_path, gateway.url, store.url)
        broken = Printed(tmp_path)
        assert (broken.code, broken.failed) == (1, ["authentication"])
        (line,) = broken.to_copy("authentication")
        config.write_text(config.read_text() + line.replace("...", "aw-api-key") + "\n")
        mended = Printed(tmp_path)
        assert (mended.code, mended.failed) == (0, []), mended.text
        assert "aw-api-key" not in broken.text + mended.text


@pytest.mark.servers
@pytest.mark.parametrize(
    ("whose", "ahead"),
    [("store", 7200.0), ("store", -7200.0), ("store", 30.0), ("ActivityWatch", 7200.0)],
)
def test_skewed_clock(
    aw: AwServer, start_store: StartStore, tmp_path: Path, whose: str, ahead: float
) -> None:
    """A clock that is off by hours fails, by half a minute warns; set right, all is well."""
    fill(aw)
    store = start_store("prometheus-3.5")
    with Gateway(store.url if whose == "store" else aw.url) as gateway:
        urls = (aw.url, gateway.url) if whose == "store" else (gateway.url, store.url)
        write_config(tmp_path, *urls)
        gateway.ahead = ahead
        broken = Printed(tmp_path)
        serious = abs(ahead) > 600
        assert (broken.code, broken.failed) == ((1, ["clock"]) if serious else (0, []))
        words = broken.words("clock")
        assert ("ahead of" if ahead > 0 else "behind") in words
        assert ("2 h" if serious else "30 s") in words or "1 h 59 min" in words or "29 s" in words
        assert "timedatectl set-ntp true" in words
        gateway.ahead = 0.0
        mended = Printed(tmp_path)
        assert (mended.code, mended.failed) == (0, []), mended.text


@pytest.mark.servers
@pytest.mark.parametrize("signal_name", ["CONT", "KILL"])
def test_stale_lock(aw: AwServer, start_store: StartStore, tmp_path: Path, signal_name: str) -> None:
    """A stopped awsync that keeps the lock is named with the command that ends, or wakes, it."""
    fill(aw)
    write_config(tmp_path, aw.url, start_store("prometheus-3.5").url)
    service = start_awsync("sync", folder=tmp_path)
    try:
        wait_until(lambda: "its next pass begins" in Printed(tmp_path).text, "the service works")
        os.kill(service.pid, signal.SIGSTOP)
        broken = Printed(tmp_path)
        assert (broken.code, broken.failed) == (1, ["lock"])
        assert f"awsync sync (pid {service.pid}, since " in broken.words("lock")
        assert ", last pass " in broken.words("lock")
        assert broken.words("running") == "What holds the lock does not work."
        assert "Not everything works: State, lock." in broken.text
        commands = broken.to_copy("lock")
        assert len(commands) == 2
        command = next(each for each in commands if signal_name in each)
        subprocess.run(shlex.split(command), check=True)
        if signal_name == "KILL":
            service.wait(10)
        mended = Printed(tmp_path)
        assert (mended.code, mended.failed) == (0, []), mended.text
        expected = "which works" if signal_name == "CONT" else "did not end in order, which loses nothing"
        assert expected in mended.text
    finally:
        service.kill()
        service.communicate()


@pytest.mark.servers
def test_probe_against_every_store(store: Store, aw: AwServer, tmp_path: Path) -> None:
    """Green to the end: one sample is sent to each store and queried back; the state is not touched."""
    fill(aw)
    write_config(tmp_path, aw.url, store.url)
    green = Printed(tmp_path, "--probe")
    assert (green.code, green.failed) == (0, []), green.text
    assert "A sample of awsync_probe arrived" in green.text
    assert not (tmp_path / "state").exists()
    store.flush()
    (series,) = store.query('{__name__="awsync_probe"}[1h]')
    assert series["metric"]["user"] == "me"
    assert [value for _, value in series["values"]] == ["1"]


def test_json_has_every_finding(aw: AwServer, tmp_path: Path) -> None:
    """A machine reads the same as a person, and `ok` agrees with the exit code."""
    fill(aw)
    write_config(tmp_path, aw.url, "http://127.0.0.1:9")
    done = awsync("doctor", "--json", folder=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["ok"] is False
    assert set(told["findings"][0]) == {"area", "step", "state", "what", "remedy"}
    failed = [(each["area"], each["step"]) for each in told["findings"] if each["state"] == "failed"]
    assert failed == [("Store", "reachable")]
    skipped = [each["step"] for each in told["findings"] if each["state"] == "skipped"]
    assert {"engine", "protocol", "age"} <= set(skipped)


def test_broken_settings_are_findings(tmp_path: Path) -> None:
    """Each problem of config.toml is a finding with its line, and the exit code is that of settings."""
    (tmp_path / "config.toml").write_text('prometheus-url = 5\ncron = "never"\nunheard-of = 1\n')
    done = awsync("doctor", folder=tmp_path)
    assert done.returncode == 2
    assert len(re.findall("✗ failed", done.stdout)) == 3
    assert "config.toml:2: cron" in done.stdout
    told = json.loads(awsync("doctor", "--json", folder=tmp_path).stdout)
    assert [each["step"] for each in told["findings"]] == ["config"] * 3


def test_no_secret_is_shown(aw: AwServer, tmp_path: Path) -> None:
    """Whatever a server echoes, no token, password or key of the settings reaches the screen."""
    fill(aw)
    with Gateway(aw.url, key="another-key") as source, Gateway(aw.url) as store:
        store.refusal, store.echoes = (403, "echo:"), True
        for lines in (
            ['aw-token = "hush-of-aw"', 'bearer-token = "hush-bearer"'],
            ['headers = { Authorization = "Custom hush-header", X-Key = "hush-key" }'],
            ['username = "otto"', 'password = "hush-password"'],
        ):
            write_config(tmp_path, source.url, f"{store.url}/api/v1/write?key=hush-in-url", *lines)
            for form in ([], ["--json"]):
                done = awsync("doctor", "--probe", *form, folder=tmp_path)
                assert done.returncode == 1
                said = done.stdout + done.stderr
                assert "hush" not in said, said
                assert "b3R0bzpodXNo" not in said, "the base64 form of user and password"
                assert "echo: /api/v1/write?***" in said, "the store's words are shown"
        write_config(tmp_path, source.url, store.url.replace("//", "//anna:hush-in-url@"))
        done = awsync("doctor", folder=tmp_path)
        assert done.returncode == 2
        assert "hush" not in done.stdout + done.stderr
