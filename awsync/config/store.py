"""The settings of the store: its addresses, and the one way in which awsync shows who it is.

May import: the standard library, settings and the other modules of config.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from awsync.config import store_keys
from awsync.config.credentials import Vault
from awsync.config.layers import FILE, Findings, Found, Place
from awsync.settings import Protocol, Secret, StoreSettings

_WRITE_ENDINGS = ("/write", "/push", "/receive")
_WRITE_PATH = "/api/v1/write"


def build_store(flat: Findings, vault: Vault, file: Path | None) -> StoreSettings | None:
    """Return the store, None where no prometheus-url is given.

    `file` is the config.toml to name in the complaint about that, None where it is no fault.
    """
    url = flat.pick(store_keys.PROMETHEUS_URL)
    bearer = vault.one_of(flat, store_keys.BEARER_TOKEN, store_keys.BEARER_TOKEN_FILE)
    password = vault.one_of(flat, store_keys.PASSWORD, store_keys.PASSWORD_FILE)
    headers = _headers(flat, vault)
    _check_credentials(flat, headers)
    for key in (store_keys.CA_FILE, store_keys.CLIENT_CERT_FILE, store_keys.CLIENT_KEY_FILE):
        _check_readable(flat, flat.get(key), key.name, vault)
    cert, private = flat.pick(store_keys.CLIENT_CERT_FILE), flat.get(store_keys.CLIENT_KEY_FILE)
    if private.value is not None and cert is None:
        message = f"is of no use without {store_keys.CLIENT_CERT_FILE.name}"
        flat.complain(private.place, store_keys.CLIENT_KEY_FILE.name, message)
    if url is None:
        if file and store_keys.PROMETHEUS_URL.name not in flat.mentioned:
            _no_store(flat, file)
        return None
    write_url, base_url = store_urls(url)
    return StoreSettings(
        write_url=write_url,
        base_url=base_url,
        bearer_token=bearer,
        username=flat.pick(store_keys.USERNAME),
        password=password,
        headers=headers,
        ca_file=flat.pick(store_keys.CA_FILE),
        client_cert_file=cert,
        client_key_file=private.value,
        timeout=flat.need(store_keys.TIMEOUT),
        protocol=cast(Protocol, flat.need(store_keys.PROTOCOL)),
        query_url=flat.pick(store_keys.QUERY_URL),
    )


def _no_store(flat: Findings, file: Path) -> None:
    key = store_keys.PROMETHEUS_URL
    message = (
        "is not set, so awsync does not know where to deliver. Run `awsync config init`, or set it: "
        f'{key.name} = "http://localhost:9090" in {file}, {key.env[-1]} in the environment, '
        f"or {key.flag} URL"
    )
    where = str(file) if file.exists() else "settings"
    flat.complain(Place(FILE, where, file.parent), key.name, message)


def _headers(flat: Findings, vault: Vault) -> dict[str, Secret]:
    found = flat.get(store_keys.HEADERS)
    headers: dict[str, Secret] = {}
    for name, ref in found.value.items():
        try:
            headers[name] = vault.fetch(ref, found.place, store_keys.HEADERS.name)
        except ValueError as error:
            flat.complain(found.place, f"{store_keys.HEADERS.name}.{name}", str(error))
    return headers


def _check_credentials(flat: Findings, headers: Mapping[str, Secret]) -> None:
    """One way to authenticate: two would fight for the header Authorization."""
    user, passwords = store_keys.USERNAME, (store_keys.PASSWORD, store_keys.PASSWORD_FILE)
    if user.name in flat.found and not any(key.name in flat.mentioned for key in passwords):
        message = f"needs {store_keys.PASSWORD.name} or {store_keys.PASSWORD_FILE.name} beside it"
        flat.complain(flat.get(user).place, user.name, message)
    for key in passwords:
        if key.name in flat.found and user.name not in flat.mentioned:
            flat.complain(flat.get(key).place, key.name, f"needs {user.name} beside it")
    ways = [
        (flat.get(key).place, key.name)
        for key in (store_keys.BEARER_TOKEN, store_keys.BEARER_TOKEN_FILE, user)
        if key.name in flat.found
    ]
    # A token and its file are one way; Vault.one_of has its own word for the pair.
    ways = ways[1:] if len(ways) > 1 and ways[1][1] == store_keys.BEARER_TOKEN_FILE.name else ways
    if "authorization" in map(str.lower, headers):
        ways.append((flat.get(store_keys.HEADERS).place, "the header Authorization"))
    if len(ways) > 1:
        place, name = ways[0]
        flat.complain(place, name, f"and {ways[1][1]} are two ways to authenticate: keep one of them")


def _check_readable(flat: Findings, found: Found, name: str, vault: Vault) -> None:
    if found.value is None:
        return
    vault.files.add(found.value)
    try:
        with found.value.open("rb"):
            return
    except OSError as error:
        message = f"points to {found.value}, which cannot be read: {error.strerror or error}"
        flat.complain(found.place, name, message)


def store_urls(url: str) -> tuple[str, str | None]:
    """Return the write URL and the base of a store, from either; None where the write URL hides the base.

    A path that ends in /write, /push or /receive is a write URL. Only /api/v1/write tells the base: Mimir
    and Thanos answer queries elsewhere, and so does a VictoriaMetrics cluster (/insert/...).
    """
    parts = urlsplit(url)
    if not parts.path.endswith(_WRITE_ENDINGS):
        return parts._replace(path=parts.path + _WRITE_PATH).geturl(), parts._replace(query="").geturl()
    if not parts.path.endswith(_WRITE_PATH) or "/insert/" in parts.path:
        return url, None
    return url, parts._replace(path=parts.path.removesuffix(_WRITE_PATH), query="").geturl()
