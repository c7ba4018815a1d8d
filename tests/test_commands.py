"""The commands as a user types them: output, exit codes, one writer, a clean stop."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from awsync.cli.output import table
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from tests.commands import awsync, environment, running_service, start_awsync
from tests.doctors import fill, write_config
from tests.passes import utc_now
from tests.servers import wait_until
from tests.tmux import Terminal

BUCKET = "aw-watcher-window_x"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def filled(aw: AwServer) -> AwServer:
    """Two hours of one bucket, three events of another."""
    now = utc_now()
    for bucket, client, events in ((BUCKET, "aw-watcher-window", 24), ("few_x", "aw-few", 3)):
        aw.create_bucket(bucket, client, "currentwindow", "x")
        aw.insert(
            bucket,
            [
                {
                    "timestamp": (now - timedelta(minutes=15 + 5 * i)).isoformat(),
                    "duration": 299.5,
                    "data": {"app": f"[b]app {i % 3}", "title": "title"},
                }
                for i in range(events)
            ],
        )
    return aw


@pytest.fixture
def configured(filled: AwServer, tmp_path: Path) -> Iterator[Path]:
    """A folder with a config.toml for that server and a receiver that runs."""
    with Receiver() as store:
        (tmp_path / "config.toml").write_text(
            f'prometheus-url = "{store.url}"\naw-url = "{filled.url}"\n'
            f'state-dir = "{tmp_path / "state"}"\nuser-id = "me"\n'
        )
        yield tmp_path


def test_a_pass_and_its_summary(configured: Path) -> None:
    """`sync --once` tells on stdout what each bucket got; a second pass has nothing to do."""
    first = awsync("sync", "--once", "--json", folder=configured)
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert summary["complete"] is True
    rows = {row["bucket"]: row for row in summary["buckets"]}
    assert rows[BUCKET]["events"] >= 24, "an event on the border of two pages is read twice"
    assert rows[BUCKET]["samples"] > 24
    assert rows["few_x"]["state"] == "skipped: 3 events are fewer than min-data 5"

    second = awsync("sync", "--once", folder=configured)
    assert second.returncode == 0
    assert "nothing new" in second.stdout
    assert "0 samples of 0 series delivered" in second.stdout
    assert "Pass complete" in second.stderr


def test_log_lines_as_json(configured: Path) -> None:
    """With --log-format json every line of narration is a document with a level and a sentence."""
    done = awsync("sync", "--once", "--log-format", "json", "-v", folder=configured)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["event"] for line in lines} >= {"PassStarted", "BatchDelivered", "PassFinished"}
    assert all(line["message"] and line["level"] and line["time"].endswith("Z") for line in lines)


def test_buckets_says_what_is_synced_and_why_not(configured: Path) -> None:
    """`buckets` lists everything, with the reason for what is left out; --json is the same data."""
    plain = awsync("buckets", "--excluded-watchers", "aw-watcher-*", folder=configured)
    assert plain.returncode == 0, plain.stderr
    assert 'no: excluded by "aw-watcher-*"' in plain.stdout
    assert "no: fewer events than min-data 5" in plain.stdout
    (source,) = json.loads(awsync("buckets", "--json", folder=configured).stdout)
    assert [(b["bucket"], b["events"], b["why_not"]) for b in source["buckets"]] == [
        (BUCKET, 24, None),
        ("few_x", 3, "fewer events than min-data 5"),
    ]


def test_preview_is_what_then_arrives(filled: AwServer, tmp_path: Path) -> None:
    """Every sample that `preview` shows is in the store after a pass, with the same labels and value."""
    with Receiver() as store:
        settings = (
            "--aw-url", filled.url, "--prometheus-url", store.url, "--state-dir", str(tmp_path / "state"),
        )  # fmt: skip
        (shown,) = json.loads(
            awsync("preview", BUCKET, "--last", "2h", "--json", *settings, folder=tmp_path).stdout
        )
        assert awsync("sync", "--once", *settings, folder=tmp_path).returncode == 0
        held = store.samples()
    assert len(shown["samples"]) > 20
    for sample in shown["samples"]:
        labels = tuple(sorted(sample["labels"].items()))
        assert held[labels][sample["timestamp_ms"]] == sample["seconds"]


def test_preview_of_an_unknown_bucket(configured: Path) -> None:
    """A bucket that no source has is named, with the command that lists them."""
    done = awsync("preview", "nothing", folder=configured)
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == 'awsync: No source has a bucket "nothing". awsync buckets lists those there are.'
    )


def test_status_and_a_rewound_checkpoint(configured: Path) -> None:
    """`status` shows where each bucket stands; a rewind asks first, and the next pass sends again."""
    awsync("sync", "--once", folder=configured)
    before = json.loads(awsync("status", "--json", folder=configured).stdout)
    assert [c["bucket"] for c in before["checkpoints"] if c["position"]] == [BUCKET]
    assert before["passes"][0]["complete"] is True
    assert before["running"] is None
    assert "in sync" in awsync("status", folder=configured).stdout

    refused = awsync("checkpoint", "reset", BUCKET, folder=configured)
    assert refused.returncode != 0, "without an answer nothing moves"
    assert json.loads(awsync("status", "--json", folder=configured).stdout) == before

    assert awsync("checkpoint", "reset", "--all", "--yes", folder=configured).returncode == 0
    again = json.loads(awsync("sync", "--once", "--json", folder=configured).stdout)
    assert again["totals"]["samples"] == before["passes"][0]["totals"]["samples"]

    moment = (utc_now() - timedelta(hours=1)).isoformat(timespec="seconds")
    assert awsync("checkpoint", "rewind", BUCKET, "--to", moment, "-y", folder=configured).returncode == 0
    part = json.loads(awsync("sync", "--once", "--json", folder=configured).stdout)
    assert 0 < part["totals"]["samples"] < again["totals"]["samples"]


def test_checkpoint_wants_one_bucket_or_all(configured: Path) -> None:
    """Neither or both is a usage error; a date that is none is named."""
    assert awsync("checkpoint", "reset", folder=configured).returncode == 2
    assert awsync("checkpoint", "reset", BUCKET, "--all", folder=configured).returncode == 2
    wrong = awsync("checkpoint", "rewind", BUCKET, "--to", "soon", folder=configured)
    assert wrong.returncode == 2
    assert "soon" in wrong.stderr


@pytest.fixture
def service(configured: Path) -> Iterator[subprocess.Popen[str]]:
    """A running `awsync sync` that has done its first pass."""
    with running_service(configured) as process:
        yield process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_service_stops_cleanly(service: subprocess.Popen[str], number: int, code: int) -> None:
    """SIGTERM ends the service with 0, Ctrl-C with 130, within two seconds and without a traceback."""
    service.send_signal(number)
    _, said = service.communicate(timeout=2)
    assert service.returncode == code
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "command",
    [
        ("sync",),
        ("sync", "--once"),
        ("checkpoint", "rewind", "--all", "--to", "2026-01-01", "--yes"),
        ("checkpoint", "reset", "--all", "--yes"),
    ],
)
def test_the_second_writer_is_told_who_is_the_first(
    command: tuple[str, ...], service: subprocess.Popen[str], configured: Path
) -> None:
    """Beside a running service whatever writes ends with 3 and names its process; `status` works."""
    second = awsync(*command, folder=configured)
    assert second.returncode == 3
    assert f"pid {service.pid}, awsync sync, since" in second.stderr
    running = json.loads(awsync("status", "--json", folder=configured).stdout)["running"]
    assert f"pid {service.pid}" in running


def test_a_service_reads_a_changed_config(configured: Path) -> None:
    """Settings that change while the service runs hold from its next pass; broken ones are refused."""
    config = configured / "config.toml"
    process = start_awsync("sync", folder=configured)
    said: list[str] = []
    try:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if "Next pass at" in line:
                break
        before = config.read_text()
        config.write_text(before + "min-data = few\n")
        assert "Settings kept" in next(process.stderr)
        config.write_text(before + 'cron = "* * * * *"\n')
        assert "Settings read again." in next(process.stderr)
        assert "Next pass at" in next(process.stderr)
    finally:
        process.kill()
        process.communicate()
    wait_until(lambda: process.poll() is not None, "the service has ended")
    assert json.loads(awsync("status", "--json", folder=configured).stdout)["running"] is None


def test_no_prometheus_url_says_what_to_do(tmp_path: Path) -> None:
    """Without the one mandatory setting the error names the key, the variable, the flag and the command."""
    done = awsync("sync", "--once", folder=tmp_path)
    assert done.returncode == 2
    for hint in ("prometheus-url", "PROMETHEUS_URL", "--prometheus-url", "awsync config init"):
        assert hint in done.stderr


def test_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    """A mistyped option ends with 2 and no traceback."""
    done = awsync("sync", "--onec", folder=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_the_signs(configured: Path, encoding: str) -> None:
    """Where output goes to something that has no tick or block, a command says what it has to say."""
    done = awsync("doctor", folder=configured, PYTHONIOENCODING=encoding)
    assert "? ok" in done.stdout
    assert "Traceback" not in done.stderr
    assert awsync("today", folder=configured, PYTHONIOENCODING=encoding).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["config show", "buckets --json"])
def test_output_that_cannot_be_written(configured: Path, command: str) -> None:
    """A full disk behind stdout is an error with a remedy; a reader that left is none worth a word."""
    shell = f'"{sys.executable}" -P -m awsync {command}'
    for line, said in (
        (f"{shell} >/dev/full", "awsync: Standard output cannot be written: No space left on device. Make"),
        (f"set -o pipefail; {shell} | true", ""),
        (f"{shell} >&- 2>&- || exit 7; exit 1", ""),
    ):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=configured,
            env=environment(configured, PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            check=False,
        )
        told = [line for line in done.stderr.splitlines() if not line.startswith("Settings from")]
        assert (done.returncode, len(told)) == (1, bool(said))
        assert "".join(told).startswith(said)


def test_listings_fit_a_terminal(aw: AwServer, tmp_path: Path) -> None:
    """At 80 columns no id is cut for the sake of a column that says the same in every row."""
    bucket = "aw-watcher-window_laptop"
    fill(aw, host="laptop")
    with Receiver() as store:
        write_config(tmp_path, aw.url, store.url)
        awsync("sync", "--once", folder=tmp_path)
        for command in ("buckets", "sync --once"):
            line = [sys.executable, "-m", "awsync", *command.split()]
            environ = environment(tmp_path)
            with Terminal(line, folder=tmp_path, environment=environ, size=(80, 24)) as terminal:
                assert terminal.until_exit(30) == 0
                screen = terminal.screen()
            assert f" {bucket} " in screen
            assert " source " not in screen
    assert awsync("buckets", folder=tmp_path).stdout.startswith("source ")


def test_a_table_tells_a_terminal_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What a title holds reaches no terminal as a command, also not behind a pipe that leads to one."""
    table(("title",), [("\x1b[31mred\u202e",)])
    assert capsys.readouterr().out.splitlines()[1] == "\ufffd[31mred\ufffd"


def test_an_activitywatch_without_a_bucket(aw: AwServer, tmp_path: Path) -> None:
    """Who looks before any watcher has reported is told so, and not shown an empty screen."""
    for command in ("buckets", "preview", "plan"):
        done = awsync(command, folder=tmp_path, ACTIVITY_WATCH_URL=aw.url)
        assert (done.returncode, done.stdout) == (0, "")
        assert "ActivityWatch has no bucket yet" in done.stderr
