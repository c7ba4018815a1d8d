"""The HTTP connection to the store: its TLS, its credentials, its headers; and how its URL may be shown.

May import: settings, errors and httpx.
"""

import re
import ssl
from base64 import b64encode
from urllib.parse import urlsplit

import httpx

from awsync import __version__
from awsync.errors import ConfigError, Problem
from awsync.settings import Secret, StoreSettings

RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "retry-attempt",
        "transfer-encoding",
        "user-agent",
        "www-authenticate",
        "x-prometheus-remote-write-version",
    }
)
"""Lower-case names that belong to the protocol; the specification says that users must not change them."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def shown_url(url: str | httpx.URL) -> str:
    """The URL without user name, password, query and fragment: what a message may say."""
    parts = httpx.URL(url)
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def bare_url(url: str) -> str:
    """The URL without user name and password, as it is requested: httpx logs the URL of each request."""
    return str(httpx.URL(url).copy_with(username=None, password=None))


def open_http(store: StoreSettings, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Connections that carry the store's credentials to every URL they are given: give them only the store's.

    Raises ConfigError for a URL, header, certificate or key that cannot be used; never names a secret.
    """
    try:
        httpx.URL(store.write_url)
        urlsplit(store.write_url)
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigError((Problem("settings", "prometheus-url", f"is not a URL: {error}"),)) from None
    return httpx.AsyncClient(
        headers=_headers(store),
        verify=_tls(store),
        timeout=store.timeout.total_seconds(),
        follow_redirects=False,
        transport=transport,
    )


def _headers(store: StoreSettings) -> dict[str, str]:
    headers: dict[str, str] = {"User-Agent": f"awsync/{__version__}"}
    problems = []
    for name, secret in store.headers.items():
        key = f"headers.{name}"
        if not _TOKEN.fullmatch(name):
            problems.append(Problem("settings", key, "is not a valid name of an HTTP header"))
        elif name.lower() in RESERVED_HEADERS:
            problems.append(Problem("settings", key, "belongs to remote write and cannot be set; remove it"))
        elif not _VISIBLE.fullmatch(secret.value):
            problems.append(Problem("settings", key, "must be visible ASCII text without a line break"))
        headers[name] = secret.value
    authorization = _authorization(store)
    if authorization is not None:
        if not _VISIBLE.fullmatch(authorization):
            problems.append(
                Problem("settings", "bearer-token", "must be visible ASCII text without a line break")
            )
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["Authorization"] = authorization
    if problems:
        raise ConfigError(tuple(problems))
    return headers


def _authorization(store: StoreSettings) -> str | None:
    if store.bearer_token is not None:
        return f"Bearer {store.bearer_token.value}"
    url = httpx.URL(store.write_url)
    username = store.username if store.username is not None else url.username
    password = store.password if store.password is not None else Secret(url.password)
    if not username and not password.value:
        return None
    return f"Basic {b64encode(f'{username}:{password.value}'.encode()).decode()}"


def _tls(store: StoreSettings) -> ssl.SSLContext:
    urls = [url for url in (store.write_url, store.base_url, store.query_url) if url is not None]
    if not any(urlsplit(url).scheme == "https" for url in urls):
        # Trusts nobody, and costs nothing to make: nothing is read from the disk for a plain connection.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context = _trust(store)
    except (OSError, ssl.SSLError) as error:
        raise _unusable("ca-file", store.ca_file, error) from None
    if store.client_cert_file is not None:
        try:
            context.load_cert_chain(store.client_cert_file, store.client_key_file)
        except (OSError, ssl.SSLError) as error:
            raise _unusable("client-cert-file", store.client_cert_file, error) from None
    return context


def _trust(store: StoreSettings) -> ssl.SSLContext:
    if store.ca_file is not None:
        return ssl.create_default_context(cafile=store.ca_file)
    paths = ssl.get_default_verify_paths()
    context = ssl.create_default_context()
    if not paths.cafile and not paths.capath and not context.cert_store_stats()["x509_ca"]:
        # A Python that knows no certificates of the system (python.org on macOS): those that httpx brings.
        return httpx.create_ssl_context()
    return context


def _unusable(key: str, path: object, error: OSError) -> ConfigError:
    reason = error.strerror or "it holds no usable certificate and key in PEM form"
    if isinstance(error, ssl.SSLError):
        reason = "it holds no usable certificate or key in PEM form"
    return ConfigError((Problem("settings", key, f"cannot use {path}: {reason}"),))
