"""Addresses become their domain and paths their last name, wherever in an event's data they stand.

May import: the standard library.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from awsync.rules.pseudonyms import Pseudonym

URL = "url"
PATHS = frozenset(
    {
        *("file", "filename", "file_name", "filepath", "file_path", "path", "document"),
        *("project", "projectpath", "project_path", "workspace", "root", "repo", "repository", "git_root"),
        *("folder", "folder_path", "dir", "directory", "cwd"),
    }
)
"""Keys whose value is a path, absolute or not; compared in lower case."""

_DEEPEST = 50
_CODINGS = 5
_REPLACED = "(nested too deeply)"

_WEB = frozenset({"http", "https", "ws", "wss", "ftp"})
_SCHEMES = frozenset(
    {
        *("about", "blob", "brave", "chrome", "chrome-extension", "chrome-search", "data", "devtools"),
        *("edge", "extension", "file", "javascript", "mailto", "moz-extension", "opera", "resource"),
        *("safari-web-extension", "ssh", "tel", "view-source", "vivaldi", *_WEB),
    }
)
_HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+")
_START = r"(?<![^\s\"'<>()\[\]{}=,;])"
_REST = r"[^\s\"'<>]*"
# JSON inside of JSON has backslashes before a slash.
_ADDRESS = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]{{0,30}}:(?:\\{{0,8}}/){{2}}{_REST}"
    rf"|{_START}(?:about|blob|data|javascript|mailto|tel|view-source):{_REST}",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    rf"{_START}(?:[^\s\"'<>@/:]{{1,100}}:[^\s\"'<>@/]{{1,100}}@([A-Za-z0-9.-]{{1,255}}){_REST}"
    rf"|[^\s\"'<>@/]{{1,100}}@([A-Za-z0-9.-]{{1,255}})[:/]{_REST})"
)
_BARE = re.compile(
    rf"{_START}((?:[A-Za-z0-9-]{{1,63}}\.){{1,8}}[A-Za-z]{{2,24}}|localhost|[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}})"
    rf"(?::[0-9]{{1,5}})?\\{{0,8}}[/?#]{_REST}"
)
_ROOT = r"(?:~[^\\/\s\"']*|[A-Za-z]:|%\w+%|\$\w+|\$\{\w+\}|\$env:\w+)?[\\/]+"
_ABSOLUTE = re.compile(rf"\s*(?:{_ROOT}[^\s\\/]|file:[\\/])", re.IGNORECASE)
_FOLDERS = re.compile(rf"(?<![\w.~\\/%${{}}-]){_ROOT}(?=[^\s\\/])[^\"'<>|\r\n]*[\\/]", re.IGNORECASE)
_CODED = re.compile(r"%(?:25|2F|3A|5C)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\\/]+")


def domain(url: str) -> str:
    """The host name of a web address; for any other its scheme, where that is a known one."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "invalid"
    if parts.scheme in _WEB and host:
        return host if _HOST.fullmatch(host) else "invalid"
    return f"{parts.scheme}:" if parts.scheme in _SCHEMES else "invalid"


def is_absolute(text: str) -> bool:
    """Whether a text as a whole is an absolute path, of whatever system."""
    return _ABSOLUTE.match(text) is not None


def base_name(path: str) -> str:
    """The last name of a path; an address in it counts as its domain."""
    path = _decoded(path).strip()
    if path.lower().startswith("file:"):
        path = unquote(re.split(r"[?#]", path[5:])[0])
    elif _ADDRESS.match(path):
        return _domain(path)
    path = _LOGIN.sub(_host, _ADDRESS.sub(_address, path))
    return _SEPARATORS.split(path.rstrip("\\/"))[-1]


def text(value: str) -> str:
    """A text in which no address has more than its domain, and no absolute path more than its last name."""
    if "/" not in value and "\\" not in value and ":" not in value and "%" not in value and "#" not in value:
        return value if "?" not in value else _BARE.sub(_host, value)
    value = _decoded(value)
    # What begins with one is one as a whole: some write spaces and quotes into addresses and paths.
    if is_absolute(value) or _ADDRESS.match(value.lstrip()):
        return base_name(value)
    value = _ADDRESS.sub(_address, value)
    value = _LOGIN.sub(_host, value)
    value = _BARE.sub(_host, value)
    return _FOLDERS.sub("", value)


def cleaned(name: str, value: object, depth: int = 0) -> object:
    """A value of the key `name` in an event's data, and what is nested in it, as far as anybody reads it."""
    key = name.lower()
    if isinstance(value, str):
        if isinstance(value, Pseudonym) or not value:
            return value
        if key == URL:
            return domain(value)
        return base_name(value) if key in PATHS else text(value)
    if isinstance(value, Mapping):
        if depth >= _DEEPEST:
            return _REPLACED
        # What is nested under an address or a path is of its kind, whatever it is called there.
        whole = key == URL or key in PATHS
        return renamed(
            {each: cleaned(name if whole else each, held, depth + 1) for each, held in value.items()}
        )
    if isinstance(value, list | tuple):
        return _REPLACED if depth >= _DEEPEST else [cleaned(name, each, depth + 1) for each in value]
    return value


def renamed(data: Mapping[str, object]) -> dict[str, object]:
    """Data whose keys hold no address and no path either; two keys that become one stay two."""
    result: dict[str, object] = {}
    for key, value in data.items():
        name, count = text(key), 1
        free = name
        while free in result:
            count += 1
            free = f"{name}_{count}"
        result[free] = value
    return result


def _address(found: re.Match[str]) -> str:
    return base_name(found[0]) if found[0].lower().startswith("file:") else _domain(found[0])


def _domain(address: str) -> str:
    return domain(re.sub(r"\\+/", "/", address))


def _decoded(value: str) -> str:
    """A text in which signs of addresses and paths are not written as numbers."""
    for _ in range(_CODINGS):
        if not _CODED.search(value):
            break
        value = unquote(value)
    return value


def _host(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group)
