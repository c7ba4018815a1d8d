"""What goes with each request and what never shows: headers, credentials, certificates, addresses."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.errors import ConfigError
from awsync.remote_write.client import Client
from awsync.settings import Secret, StoreSettings
from tests.test_client import SAMPLES, STORE, TWO, URL, WRITTEN, Scripted, answer, speaks_2_0


async def test_headers_of_the_request() -> None:
    """The headers are those of the specification, the user's tenant and token go with them."""
    store = Scripted(speaks_2_0(), answer(204, headers=WRITTEN))
    settings = replace(STORE, bearer_token=Secret("t0ken"), headers={"X-Scope-OrgID": Secret("me")})
    await store.client(settings).send(SAMPLES, attempt=3)
    headers = store.requests[1].headers
    assert headers["content-encoding"] == "snappy"
    assert headers["content-type"] == TWO
    assert headers["x-prometheus-remote-write-version"] == "2.0.0"
    assert headers["user-agent"].startswith("awsync/")
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["x-scope-orgid"] == "me"
    assert headers["retry-attempt"] == "3"
    assert "retry-attempt" not in store.requests[0].headers


@pytest.mark.parametrize(
    "settings",
    [
        replace(STORE, username="me", password=Secret("p:ä")),
        replace(STORE, write_url="http://me:p%3A%C3%A4@store.test:9090/api/v1/write"),
    ],
    ids=["settings", "address"],
)
async def test_basic_authentication(settings: StoreSettings) -> None:
    """User name and password go in the header, from the settings or the address, and never in the URL."""
    store = Scripted(answer(204))
    await store.client(settings).open()
    assert store.requests[0].headers["authorization"] == "Basic bWU6cDrDpA=="
    assert str(store.requests[0].url) == URL


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (replace(STORE, headers={"Content-Type": Secret("s3cret")}), "headers.Content-Type"),
        (replace(STORE, headers={"USER-AGENT": Secret("s3cret")}), "headers.USER-AGENT"),
        (replace(STORE, headers={"X-Prometheus-Remote-Write-Version": Secret("s3cret")}), "headers.X-Prom"),
        (replace(STORE, headers={"a b": Secret("s3cret")}), "headers.a b"),
        (replace(STORE, headers={"x": Secret("s3cret\r\ny: z")}), "headers.x"),
        (replace(STORE, headers={"x": Secret("s3cretä")}), "headers.x"),
        (replace(STORE, bearer_token=Secret("s3cret\n")), "bearer-token"),
        (replace(STORE, write_url="http://["), "prometheus-url"),
        (replace(STORE, write_url="https://x/write", ca_file=Path("/nowhere/ca")), "ca-file"),
        (replace(STORE, write_url="https://x/write", ca_file=Path(__file__)), "ca-file"),
        (replace(STORE, write_url="https://x/write", client_cert_file=Path(__file__)), "client-cert-file"),
    ],
    ids=[
        "reserved",
        "reserved in capitals",
        "reserved version",
        "name",
        "line break",
        "not ASCII",
        "token",
        "url",
        "no ca",
        "no ca in it",
        "no certificate in it",
    ],
)
def test_unusable_settings(settings: StoreSettings, key: str) -> None:
    """A reserved header, a broken one, a wrong file: said at once, by its key, without the secret."""
    with pytest.raises(ConfigError) as caught:
        Client(settings)
    assert key in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_secrets_stay_out_of_messages() -> None:
    """Neither user, password nor query of the address is ever in a verdict."""
    settings = replace(STORE, write_url="http://me:hidden@store.test/api/v1/write?token=hidden")
    for scripted in (
        answer(503),
        answer(404),
        answer(401),
        answer(302, headers={"Location": "/x?token=hidden"}),
    ):
        verdict = await Scripted(scripted).client(settings).open()
        assert "hidden" not in str(verdict)
        assert "store.test/api/v1/write" in str(verdict)
