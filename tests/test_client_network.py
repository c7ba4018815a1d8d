"""One request over a real socket: a store that is away, hangs or breaks, TLS, and the real stores."""

import asyncio
import shutil
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.demo.receiver import Fault, Receiver
from awsync.remote_write.client import Cause, Client, Delivered, Rejected, Retry, StoreReached
from awsync.series import Labels, Sample
from awsync.settings import Secret, StoreSettings
from tests.conftest import StartStore
from tests.servers import Store, StoreName, wait_until

STORE = StoreSettings(write_url="http://127.0.0.1:1/w", base_url=None)
A: Labels = (("__name__", "aw_test_seconds"), ("bucket", "b"), ("user", "u"))
NOW_MS = int(time.time() * 1000)
SAMPLES = [Sample(A, NOW_MS - 600_000, 1.0), Sample(A, NOW_MS - 300_000, 2.0)]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/w", "Cannot connect to http://127.0.0.1:1/w: Connection refused"),
        ("http://nosuch.invalid/w", "not known to the resolver"),
    ],
)
async def test_a_store_that_is_away(url: str, words: str) -> None:
    """Nothing listens, or the name is unknown: it is tried again, for a laptop leaves its network."""
    client = Client(replace(STORE, write_url=url))
    verdict = await client.open()
    await client.aclose()
    assert isinstance(verdict, Retry)
    assert words in verdict.reason


async def test_an_address_of_another_scheme_parks() -> None:
    """ftp:// can never become reachable."""
    client = Client(replace(STORE, write_url="ftp://store.test/w"))
    verdict = await client.open()
    await client.aclose()
    assert isinstance(verdict, Rejected)
    assert verdict.cause is Cause.PARKED


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def settings_of(receiver: Receiver, seconds: float = 30) -> StoreSettings:
    return StoreSettings(receiver.write_url, receiver.url, timeout=timedelta(seconds=seconds))


@pytest.mark.parametrize("protocol", ["1.0", "2.0"])
async def test_delivery_to_the_receiver(protocol: str) -> None:
    """What is sent is what is held, in either protocol, over one connection."""
    with Receiver(protocols={protocol}, token="right") as receiver:
        client = Client(replace(settings_of(receiver), bearer_token=Secret("right")))
        verdict = await client.send(SAMPLES)
        assert isinstance(verdict, Delivered)
        assert (verdict.samples, client.protocol) == (2, protocol)
        assert verdict.bytes > 0
        assert verdict.elapsed > 0
        assert receiver.samples() == {A: {sample.timestamp_ms: sample.value for sample in SAMPLES}}
        await client.aclose()
        client = Client(replace(settings_of(receiver), bearer_token=Secret("wrong")))
        verdict = await client.send(SAMPLES)
        assert isinstance(verdict, Rejected)
        assert verdict.cause is Cause.PARKED
        assert "refused the credentials" in verdict.remedy
        await client.aclose()


@pytest.mark.parametrize("hang", ["before", "after"])
async def test_a_store_that_hangs(receiver: Receiver, hang: str) -> None:
    """The timeout ends the wait with a Retry, whether the samples were stored or not: they may go again."""
    client = Client(settings_of(receiver, 0.3))
    await client.open()
    receiver.fail(Fault(0, hang="before" if hang == "before" else "after"))
    verdict = await client.send(SAMPLES)
    assert verdict == Retry(f"{receiver.write_url} did not answer within 0.3 s.")
    receiver.release()
    assert isinstance(await client.send(SAMPLES), Delivered)
    assert receiver.total_seconds() == 3.0
    await client.aclose()


async def test_a_connection_that_breaks(receiver: Receiver) -> None:
    """A broken connection is tried again, and the next request finds a new one."""
    client = Client(settings_of(receiver))
    await client.open()
    receiver.fail(Fault(reset=True))
    verdict = await client.send(SAMPLES)
    assert isinstance(verdict, Retry)
    assert "broke" in verdict.reason
    assert isinstance(await client.send(SAMPLES), Delivered)
    await client.aclose()


async def test_cancelling_is_not_swallowed(receiver: Receiver) -> None:
    """A send that is cancelled ends as cancelled, at once, and not as a verdict."""
    client = Client(settings_of(receiver))
    await client.open()
    receiver.fail(Fault(0, hang="before"))
    task = asyncio.create_task(client.send(SAMPLES))
    await asyncio.to_thread(wait_until, receiver.hung, "the request hangs")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.aclose()


Certificates = Callable[..., Path]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Makes a file with a self-signed certificate and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on PATH")
    folder = tmp_path_factory.mktemp("tls")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], check=True, capture_output=True, cwd=folder)

    def make(name: str, host: str = "IP:127.0.0.1", *, expired: bool = False) -> Path:
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key")
        run(
            "req",
            "-x509",
            *key,
            "-out",
            "cert",
            "-days",
            "2",
            "-subj",
            f"/CN={name}",
            "-addext",
            f"subjectAltName={host}",
        )
        if expired:
            run("x509", "-in", "cert", "-signkey", "key", "-days", "-1", "-out", "cert")
        file = folder / f"{name}.pem"
        file.write_text((folder / "cert").read_text() + (folder / "key").read_text())
        return file

    return make


def _serve_once(listening: socket.socket, context: ssl.SSLContext | None) -> None:
    """Answers one request as a store that speaks 1.0, or breaks off as a server does whose TLS failed."""
    raw = listening.accept()[0]
    raw.settimeout(20)
    if context is None:
        raw.recv(4096)
        raw.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        raw.close()
        return
    connection = context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
    with suppress(OSError):
        connection.do_handshake()
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(4096)
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    with socket.socket(fileno=connection.detach()) as plain, suppress(OSError):
        plain.settimeout(20)
        # Read to the end before closing: a close with unread data resets, and what was sent would be lost.
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(4096):
            continue


async def probe_tls(
    server: ssl.SSLContext | None, settings: StoreSettings
) -> StoreReached | Retry | Rejected:
    """What the probe says of a server with this TLS (None: plain) under an https address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        serving = asyncio.create_task(asyncio.to_thread(_serve_once, listening, server))
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/api/v1/write"
        client = Client(replace(settings, write_url=url, base_url=None))
        try:
            return await client.open()
        finally:
            await client.aclose()
            await serving


def tls_server(
    certificate: Path, wants: Path | None = None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(certificate)
    if wants is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants)
    return context


async def test_tls_with_an_own_authority(certificate: Certificates) -> None:
    """`ca-file` makes a store with a private certificate reachable."""
    own = certificate("own")
    assert isinstance(await probe_tls(tls_server(own), replace(STORE, ca_file=own)), StoreReached)


@pytest.mark.parametrize("case", ["untrusted", "expired", "wrong name", "plain"])
async def test_tls_failures_say_what_to_do(certificate: Certificates, case: str) -> None:
    """Each way in which TLS fails parks the store with its own sentence."""
    server: ssl.SSLContext | None = None
    settings = STORE
    if case == "untrusted":
        server = tls_server(certificate("stranger"))
    if case == "expired":
        file = certificate("old", expired=True)
        server, settings = tls_server(file), replace(STORE, ca_file=file)
    if case == "wrong name":
        file = certificate("elsewhere", "DNS:elsewhere.test")
        server, settings = tls_server(file), replace(STORE, ca_file=file)
    verdict = await probe_tls(server, settings)
    assert isinstance(verdict, Rejected)
    assert verdict.cause is Cause.PARKED
    sentence = {
        "untrusted": "set ca-file",
        "expired": "has expired",
        "wrong name": "is for another name",
        "plain": "Write http:// in prometheus-url",
    }
    assert sentence[case] in verdict.remedy


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_client_certificate(certificate: Certificates, newest: ssl.TLSVersion) -> None:
    """A store that wants a client certificate takes ours, and says so when we have none."""
    own, mine = certificate("server"), certificate("client")
    with_it = replace(STORE, ca_file=own, client_cert_file=mine, client_key_file=mine)
    assert isinstance(await probe_tls(tls_server(own, mine, newest), with_it), StoreReached)
    verdict = await probe_tls(tls_server(own, mine, newest), replace(STORE, ca_file=own))
    assert isinstance(verdict, Rejected)
    assert "client-cert-file" in verdict.remedy


@pytest.mark.parametrize("tidy", [False, True], ids=["reset", "closed"])
async def test_a_connection_that_breaks_under_tls(certificate: Certificates, tidy: bool) -> None:
    """A server that goes away under TLS is a matter of the network, to be tried again, and not of trust."""
    own = certificate("own")

    def serve(listening: socket.socket) -> None:
        raw = listening.accept()[0]
        raw.settimeout(20)
        with tls_server(own).wrap_socket(raw, server_side=True) as connection:
            connection.recv(10)
            if not tidy:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        serving = asyncio.create_task(asyncio.to_thread(serve, listening))
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/api/v1/write"
        client = Client(replace(STORE, write_url=url, ca_file=own))
        verdict = await client.open()
        await client.aclose()
        await serving
    assert isinstance(verdict, Retry)


def settings_for(store: Store) -> StoreSettings:
    return StoreSettings(store.write_url, store.url)


async def test_real_store_delivery(shared_store: Store) -> None:
    """A real store proves its protocol at the probe, holds what was delivered, and takes the same again."""
    labels = (("__name__", "wire_delivery_seconds"), ("bucket", 'a "b"\\'), ("title", "größe 日本"))
    samples = [Sample(labels, stamp, value) for _, stamp, value in SAMPLES]
    client = Client(settings_for(shared_store))
    reached = await client.open()
    assert isinstance(reached, StoreReached)
    assert reached.protocol == ("2.0" if shared_store.name == "prometheus-3.5" else "1.0")
    assert isinstance(await client.send(samples), Delivered)
    await client.aclose()

    def total() -> bool:
        shared_store.flush()
        found = shared_store.query("wire_delivery_seconds[20m]", NOW_MS / 1000)
        if not found:
            return False
        assert found[0]["metric"] == dict(labels)
        return [float(value) for _, value in found[0]["values"]] == [1.0, 2.0]

    await asyncio.to_thread(wait_until, total, "both samples are held")


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.53", "prometheus-2.42"])
async def test_real_refusals(start_store: StartStore, name: StoreName) -> None:
    """The words of each Prometheus for old and double samples lead to the right cause."""
    store = start_store(name, out_of_order="1d", scrape=True)
    client = Client(settings_for(store))
    assert isinstance(await client.send(SAMPLES), Delivered)
    old = await client.send([Sample(A, NOW_MS - 3 * 86_400_000, 1.0)])
    double = await client.send([Sample(A, SAMPLES[1].timestamp_ms, 7.0)])
    assert isinstance(old, Rejected)
    assert isinstance(double, Rejected)
    assert (old.cause, double.cause) == (Cause.TOO_OLD, Cause.INVALID)
    store.reload(out_of_order=None)
    order = await client.send([Sample(A, NOW_MS - 400_000, 1.0)])
    bounds = await client.send([Sample((*A, ("zone", "x")), NOW_MS - 7_300_000, 1.0)])
    assert isinstance(order, Rejected)
    assert isinstance(bounds, Rejected)
    assert (order.cause, bounds.cause) == (Cause.TOO_OLD, Cause.TOO_OLD)
    await client.aclose()


@pytest.mark.servers
async def test_real_receiver_that_is_off(start_store: StartStore) -> None:
    """A Prometheus without the receiver flag parks with the flag in the sentence."""
    client = Client(settings_for(start_store("prometheus-3.5", receiver=False)))
    verdict = await client.open()
    await client.aclose()
    assert isinstance(verdict, Rejected)
    assert verdict.cause is Cause.PARKED
    assert "--web.enable-remote-write-receiver" in verdict.remedy


async def test_real_wrong_paths(shared_store: Store) -> None:
    """A wrong path, a slash too many and TLS where there is none park, whatever the store says to them."""
    for url in (f"{shared_store.url}/wrong/write", shared_store.write_url.replace("http:", "https:")):
        client = Client(StoreSettings(url, None))
        verdict = await client.open()
        await client.aclose()
        assert isinstance(verdict, Rejected)
        assert verdict.cause is Cause.PARKED
