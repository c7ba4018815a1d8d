"""/metrics, /-/healthy and /-/ready by real HTTP: of a service, and of the server alone."""

import asyncio
import gc
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from awsync.demo.aw_server import AwServer, free_port
from awsync.demo.receiver import Receiver
from awsync.errors import ConfigError
from awsync.settings import Listen
from awsync.telemetry.endpoint import Endpoint, Page, bind
from tests.commands import awsync, start_awsync
from tests.doctors import fill, write_config

PAGES = {"/page": lambda headers: Page(f"accept: {headers.get('accept')}\n".encode())}


@pytest.fixture
def configured(aw: AwServer, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder with a config.toml that shows metrics, and where."""
    port = free_port()
    fill(aw)
    aw.create_bucket("canary-bucket", "canary-client", "currentwindow", "canary-host")
    aw.insert(
        "aw-watcher-window_pc",
        [{"timestamp": "2026-01-02T10:00:00Z", "duration": 5, "data": {"title": "canary"}}],
    )
    with Receiver() as store:
        write_config(
            tmp_path, aw.url, store.url, f"metrics-listen = {port}", 'excluded-watchers = ["canary*"]'
        )
        yield tmp_path, f"http://127.0.0.1:{port}"


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Reads what a service says until it says this."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"it never said: {words}")


def test_a_service_shows_itself(configured: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A scraper gets the metrics, a watchdog both answers; no private word is in them; it ends cleanly."""
    folder, base = configured
    monkeypatch.setenv("PYTHONWARNINGS", "always::ResourceWarning")
    process = start_awsync("sync", "--log-format", "json", folder=folder)
    try:
        wait_for(process, "Next pass at")
        metrics = httpx.get(f"{base}/metrics")
        assert metrics.status_code == 200
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert 'awsync_passes_total{result="complete"} 1.0' in metrics.text
        assert 'awsync_source_up{source="default"} 1.0' in metrics.text
        assert 'awsync_bucket_lag_seconds{bucket="aw-watcher-window_pc",source="default"}' in metrics.text
        assert "process_resident_memory_bytes" in metrics.text
        assert "canary" not in metrics.text
        assert httpx.get(f"{base}/-/healthy").status_code == 200
        assert httpx.get(f"{base}/-/ready").text == "awsync is ready.\n"
        second = awsync("sync", "--state-dir", str(folder / "other"), folder=folder)
        assert second.returncode == 2
        assert "metrics-listen: cannot listen on 127.0.0.1:" in second.stderr
        assert "Traceback" not in second.stderr
        once = awsync("sync", "--once", "--state-dir", str(folder / "other"), folder=folder)
        assert once.returncode == 0, "one pass shows nothing, and so needs no port"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=5)
        assert process.returncode == 0
        assert "Traceback" not in said
        assert "ResourceWarning" not in said
    finally:
        process.kill()
        process.communicate()


def test_a_store_that_is_down_is_not_ready(configured: tuple[Path, str]) -> None:
    """While the first pass waits for its store the agent lives, and does not do its work."""
    folder, base = configured
    process = start_awsync("sync", "--prometheus-url", f"http://127.0.0.1:{free_port()}", folder=folder)
    try:
        wait_for(process, "Next try in")
        assert httpx.get(f"{base}/-/healthy").status_code == 200
        ready = httpx.get(f"{base}/-/ready")
        assert (ready.status_code, ready.text) == (503, "awsync is not ready. No pass has ended yet.\n")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def listen() -> Listen:
    """A free address."""
    return Listen("127.0.0.1", free_port())


async def test_the_server_answers_what_http_asks(listen: Listen) -> None:
    """GET and HEAD are answered, another path or method is refused in words, `/` lists what there is."""
    async with Endpoint(bind(listen), PAGES), httpx.AsyncClient(base_url=f"http://{listen}") as http:
        answer = await http.get("/page?x=1", headers={"Accept": "text/x"})
        assert (answer.status_code, answer.text) == (200, "accept: text/x\n")
        head = await http.head("/page")
        assert (head.status_code, head.text) == (200, "")
        assert head.headers["content-length"] == "12"
        assert ((await http.get("/")).status_code, (await http.get("/")).text) == (200, "/page\n")
        assert (await http.get("/etc/passwd")).status_code == 404
        assert (await http.post("/page", content=b"x" * 100)).status_code == 405


@pytest.mark.parametrize(
    "words", [b"", b"nonsense\r\n\r\n", b"GET /page HTTP/1.1\r\n", b"x" * 100_000, b"\xff\r\n\r\n"]
)
async def test_who_does_not_speak_http_is_let_go(words: bytes, listen: Listen) -> None:
    """A connection that says nothing, half a request or nonsense ends in time, and the next one is served."""
    async with Endpoint(bind(listen), PAGES, patience=0.2), httpx.AsyncClient() as http:
        reader, writer = await asyncio.open_connection(listen.host, listen.port)
        writer.write(words)
        try:
            async with asyncio.timeout(5):
                await reader.read()
        except ConnectionError:
            pass
        writer.close()
        assert (await http.get(f"http://{listen}/page")).status_code == 200


async def test_it_closes_what_is_open(listen: Listen) -> None:
    """A connection that waits does not outlive the server, whose address is free at once."""
    for _ in range(2):
        async with Endpoint(bind(listen), PAGES):
            reader, writer = await asyncio.open_connection(listen.host, listen.port)
            # Whoever comes later is served later: the first connection is the server's by then.
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(f"http://{listen}/page")).status_code == 200
        try:
            async with asyncio.timeout(5):
                assert await reader.read() == b""
        except ConnectionError:
            pass
        writer.close()
    gc.collect()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="not on this machine: /proc")
async def test_it_keeps_no_connection(listen: Listen) -> None:
    """A scraper that comes for years, in order or not, costs no descriptor."""

    def held() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async with Endpoint(bind(listen), PAGES):
        before = 0
        for number in range(60):
            reader, writer = await asyncio.open_connection(listen.host, listen.port)
            writer.write(b"GET /page HTTP/1.1\r\n\r\n" if number % 2 else b"nonsense\r\n\r\n")
            assert await reader.read()
            writer.close()
            await writer.wait_closed()
            before = before or held()
        assert held() <= before + 1


def test_an_address_that_cannot_be_had(listen: Listen) -> None:
    """A port that is taken, and an address of another machine, are faults of the setting."""
    with socket.create_server((listen.host, listen.port)):
        for each in (listen, Listen("192.0.2.1", 9877), Listen("no.such.host.invalid", 9877)):
            with pytest.raises(ConfigError, match=f"metrics-listen: cannot listen on {each}"):
                bind(each)


def test_ipv6_is_an_address_too() -> None:
    """Where the machine has it, [::1] is listened on."""
    listen = Listen("::1", free_port())
    try:
        bound = bind(listen)
    except ConfigError:
        pytest.skip("not on this machine: IPv6")
    assert bound.getsockname()[:2] == ("::1", listen.port)
    bound.close()
