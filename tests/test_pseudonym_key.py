"""The key of pseudonyms is made once, whole, and never seen empty, whatever happens while it is made."""

import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from awsync.config.pseudonym_key import FILE_NAME, pseudonym_key

STARTS = 8


def _no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.fixture(params=["links", "no links"])
def _disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no links":
        monkeypatch.setattr(os, "link", _no_links)


def _at_the_sync(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Lets something happen once the key is written and has no name yet."""
    sync = os.fsync

    def fsync(handle: int) -> None:
        sync(handle)
        act()

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.usefixtures("_disk")
def test_starts_at_the_same_time_have_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All have written a key before one has its name; they read the same one, and nothing else is left."""
    together = threading.Barrier(STARTS, timeout=20)
    _at_the_sync(monkeypatch, together.wait)
    with ThreadPoolExecutor(STARTS) as pool:
        found = list(pool.map(lambda _: pseudonym_key(None, tmp_path), range(STARTS)))
    assert len({key.value for _, key in found}) == 1
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} <= {FILE_NAME, f"{FILE_NAME}.lock"}


@pytest.mark.usefixtures("_disk")
def test_who_comes_second_reads_the_key_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that appears while another is made stays, and is the one that is used."""
    first = "f" * 64

    def put() -> None:
        (tmp_path / FILE_NAME).touch(0o600)
        (tmp_path / FILE_NAME).write_text(first)

    _at_the_sync(monkeypatch, put)
    assert pseudonym_key(None, tmp_path)[1].value == first


@pytest.mark.usefixtures("_disk")
def test_a_full_disk_leaves_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key cannot be written out there is none, not an empty one that is refused for ever."""

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as while_full:
        _at_the_sync(while_full, full)
        with pytest.raises(ValueError, match="No space left on device"):
            pseudonym_key(None, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(pseudonym_key(None, tmp_path)[1].value) == 64
