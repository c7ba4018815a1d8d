"""What is handed out: the wheel holds the package and nothing else, and the sdist makes the same wheel."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from awsync import __version__

ROOT = Path(__file__).resolve().parent.parent
_INFO = f"awsync-{__version__}.dist-info/"


def _built(folder: Path, *what: str) -> Path:
    """Build without network, with what is installed here."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), *what, str(ROOT)],
        check=True,
        capture_output=True,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
    )
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel that is made from it."""
    return _built(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> dict[str, bytes]:
    """The files of that wheel."""
    return _files(built)


def _files(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / f"awsync-{__version__}-py3-none-any.whl") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_is_the_package(wheel: dict[str, bytes]) -> None:
    """Every file of awsync/ arrives (types, style sheets, templates too), and no test, cache or tool does."""
    wanted = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / "awsync").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"awsync/py.typed", "awsync/tui/awsync.tcss"} <= set(wanted)
    assert {name: text for name, text in wheel.items() if not name.startswith(_INFO)} == wanted


def test_the_wheel_says_what_it_is(wheel: dict[str, bytes]) -> None:
    """Its name, its version, its command, its licence, its Pythons, and the README as its description."""
    metadata = message_from_bytes(wheel[_INFO + "METADATA"])
    said = {name: metadata[name] for name in ("Name", "Version", "License-Expression", "Requires-Python")}
    assert said == {
        "Name": "awsync",
        "Version": __version__,
        "License-Expression": "MIT",
        "Requires-Python": ">=3.11",
    }
    assert metadata["Description-Content-Type"] == "text/markdown"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert metadata.get_payload(decode=True).decode().strip() == readme.strip()  # type: ignore[union-attr]
    pythons = {each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier", []) if "Python" in each}
    assert pythons >= {"3", "Only", "3.11"}
    assert b"awsync = awsync.cli.main:main" in wheel[_INFO + "entry_points.txt"]
    assert _INFO + "licenses/LICENSE" in wheel


def test_the_sdist_makes_the_same_wheel(built: Path, wheel: dict[str, bytes], tmp_path: Path) -> None:
    """Whoever builds from the sdist gets what we build from the tree."""
    assert _files(_built(tmp_path, "--wheel")) == wheel
    with tarfile.open(built / f"awsync-{__version__}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "docs/settings.md"} <= names


def test_the_changelog_has_this_version() -> None:
    """What is handed out is described."""
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert __version__ in versions[:2]
