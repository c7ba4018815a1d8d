"""The kinds of value that are an address: of ActivityWatch, of the store, and one to listen on.

May import: the standard library, settings and config.values.
"""

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from awsync.config.values import MASK, Kind, text_of
from awsync.settings import Listen


def _url_parts(value: object, example: str) -> SplitResult:
    written = text_of(value, example)
    # What stands before an @ may be a password, and the text of an error ends up in logs.
    safe = re.sub(r"//[^/@]*@", "//***@", written).partition("?")[0]
    if re.search(r"\s", written):
        raise ValueError(f'"{safe}" holds a space: an address has none')
    if not re.match(r"https?://", written, re.IGNORECASE):
        hint = "" if "://" in written else f': did you mean "http://{safe}"?'
        raise ValueError(f'"{safe}" must begin with http:// or https://{hint}')
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError as error:
        raise ValueError(f'"{safe}" is not an address: {error}') from error
    if not parts.hostname or port == 0:
        raise ValueError(f'"{safe}" names no host and port: write it like "{example}"')
    if parts.username is not None:
        raise ValueError(f'"{safe}" holds a user name: take it out of the address; it has keys of its own')
    if parts.fragment:
        raise ValueError(f'"{safe}" has a part behind "#", which no server ever sees: remove it')
    return parts


def _read_aw_url(value: object, _: Path) -> str:
    example = "http://localhost:5600"
    parts = _url_parts(value, example)
    if parts.query:
        raise ValueError(f'has a part behind "?": give the address of the server alone, such as "{example}"')
    path = re.sub(r"/api(/0)?$", "", parts.path.rstrip("/"))
    return parts._replace(scheme=parts.scheme.lower(), path=path.rstrip("/")).geturl()


def _read_store_url(value: object, _: Path) -> str:
    parts = _url_parts(value, "http://localhost:9090")
    return parts._replace(scheme=parts.scheme.lower(), path=parts.path.rstrip("/")).geturl()


def _read_query_url(value: object, _: Path) -> str:
    example = "http://localhost:8080/prometheus"
    parts = _url_parts(value, example)
    if parts.query:
        raise ValueError(f'has a part behind "?": give what stands before /api/v1/query, such as "{example}"')
    path = re.sub(r"/api/v1(/query(_range)?)?$", "", parts.path.rstrip("/"))
    return parts._replace(scheme=parts.scheme.lower(), path=path.rstrip("/")).geturl()


def show_url(url: str) -> str:
    """The address as it may be shown: what stands behind `?` may be a token."""
    base, question, _ = url.partition("?")
    return f"{base}{question}{MASK}" if question else base


AW_URL: Kind[str] = Kind("URL", _read_aw_url, show_url)
STORE_URL: Kind[str] = Kind("URL", _read_store_url, show_url)
QUERY_URL: Kind[str] = Kind("URL", _read_query_url, show_url)


def _read_listen(value: object, _: Path) -> Listen:
    example = "127.0.0.1:9877"
    written = (
        str(value) if isinstance(value, int) and not isinstance(value, bool) else text_of(value, example)
    )
    host, colon, port = written.rpartition(":")
    host = host if colon else "127.0.0.1"
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f'"{written}" is not an address and port: write it like "[{host}]:{port}"')
    if not host:
        raise ValueError(f'"{written}" names no address: write "0.0.0.0{written}" to listen on all there are')
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65_536 or re.search(r"[\s/]", host):
        raise ValueError(
            f'"{written}" is not an address and port: write it like "{example}", or the port alone'
        )
    return Listen(host, int(port))


LISTEN: Kind[Listen] = Kind("ADDRESS:PORT", _read_listen, str)
