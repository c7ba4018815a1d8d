"""Secrets: taken from where a setting points to, and never told to anyone.

May import: the standard library, msgspec, settings and the other modules of config.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from awsync.config import store_keys
from awsync.config.key import Key
from awsync.config.layers import FILE, Findings, Found, Place
from awsync.config.secret_values import SecretRef
from awsync.errors import Problem
from awsync.settings import Secret

_LARGEST = 64 * 1024


class Vault(Struct):
    """Fetches secrets; faults go to the findings, doubts (others may read a file) to `warnings`.

    `files` are those that the settings name, for secrets and else.
    """

    environ: Mapping[str, str]
    warnings: list[Problem] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    seen: set[Path] = field(default_factory=set)

    def one_of(self, findings: Findings, key: Key[SecretRef], file_key: Key[Path]) -> Secret | None:
        """Return the secret of a pair such as password and password-file; the higher layer wins."""
        direct, filed = findings.get(key), findings.get(file_key)
        if direct.value is not None and filed.value is not None:
            if direct.place.layer == filed.place.layer:
                message = f"is given together with {file_key.name}: keep one of them"
                findings.complain(direct.place, key.name, message)
                return None
            if direct.place.layer > filed.place.layer:
                filed = Found(None, filed.place)
        if filed.value is None and direct.value is None:
            return None
        name, found = (key.name, direct) if filed.value is None else (file_key.name, filed)
        ref = direct.value if filed.value is None else SecretRef(file=filed.value)
        try:
            return self.fetch(ref, found.place, name, in_header=key is not store_keys.PASSWORD)
        except ValueError as error:
            findings.complain(found.place, name, str(error))
            return None

    def fetch(self, ref: SecretRef, place: Place, name: str, *, in_header: bool = True) -> Secret:
        """Return what `ref` stands for; `in_header`: it is sent as it is, so it must be plain ASCII.

        Raises ValueError that says what to mend.
        """
        secret = self._fetch(ref, place, name)
        if in_header and not secret.value.isascii():
            raise ValueError("holds a letter outside ASCII, which an HTTP header cannot carry")
        return secret

    def _fetch(self, ref: SecretRef, place: Place, name: str) -> Secret:
        if ref.file is not None:
            return self._read(ref.file, place, name)
        if ref.env is not None:
            value = self.environ.get(ref.env, "").strip()
            if not value:
                raise ValueError(f"points to the environment variable {ref.env}, which is not set")
            return Secret(value)
        assert ref.literal is not None, "a SecretRef has one of its three parts"
        if place.layer == FILE:
            self._warn_if_open(Path(place.where), place, name, "holds a secret")
        return ref.literal

    def _read(self, path: Path, place: Place, name: str) -> Secret:
        self.files.add(path)
        try:
            with path.open("rb") as file:
                raw = file.read(_LARGEST + 1)
            value = raw.decode().strip()
        except OSError as error:
            raise ValueError(f"points to {path}, which cannot be read: {error.strerror or error}") from error
        except UnicodeDecodeError:
            raise ValueError(f"points to {path}, which is not text in UTF-8") from None
        if not value:
            raise ValueError(f"points to {path}, which is empty")
        if len(raw) > _LARGEST or not value.isprintable():
            raise ValueError(f"points to {path}, which holds more than one line: it must be the secret alone")
        self._warn_if_open(path, place, name, "is a secret")
        return Secret(value)

    def _warn_if_open(self, path: Path, place: Place, name: str, what: str) -> None:
        # A warning and no fault: container runtimes mount secrets readable for all inside the container.
        if os.name != "posix" or path in self.seen:
            return
        self.seen.add(path)
        if path.stat().st_mode & stat.S_IROTH:
            message = f"{path} {what} and can be read by every user of this computer: chmod 600 {path}"
            self.warnings.append(Problem(place.where, name, message, place.line))
