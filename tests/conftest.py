"""Fixtures that several test modules share: real servers.

What a test gets for itself, started for it and thrown away after it:

* `aw`: an aw-server (0.3 s); `start_aw(name)` for more than one, or for one whose folder matters.
* `store`: the test runs once for each store, each time with an empty one; `start_store(name, **options)`
  for a test that wants a certain one, in a certain setup (servers.Options).

What all tests of the session share, for reading or for data under names of their own:

* `shared_store`: the same three stores, started once (2 years out-of-order window, no scraping).
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, Unpack

import pytest

from awsync.demo.aw_server import AwServer
from tests.servers import MISSING, Options, Store, StoreName, require_binary

EVERY_STORE = [
    pytest.param(name, marks=pytest.mark.servers)
    for name in ("prometheus-3.5", "prometheus-2.42", "victoria-metrics")
]


class StartStore(Protocol):
    """What `start_store` is."""

    def __call__(self, name: StoreName, **options: Unpack[Options]) -> Store:
        """Start a store with an empty data folder; it stops at the end of the test."""


StartAw = Callable[[str], AwServer]


@pytest.fixture
def start_aw(tmp_path: Path) -> Iterator[StartAw]:
    """Start an aw-server in a folder of the given name; it stops at the end of the test."""
    with ExitStack() as servers:
        yield lambda name: servers.enter_context(AwServer(tmp_path / name))


@pytest.fixture
def aw(start_aw: StartAw) -> AwServer:
    """An empty aw-server of this test's own."""
    return start_aw("aw")


@pytest.fixture
def start_store(tmp_path: Path) -> Iterator[StartStore]:
    """Start stores of this test's own."""
    with ExitStack() as stores:

        def start(name: StoreName, **options: Unpack[Options]) -> Store:
            folder = tmp_path / f"store-{len(list(tmp_path.glob('store-*')))}"
            return stores.enter_context(Store(name, require_binary(name), folder, **options))

        yield start


@pytest.fixture(params=EVERY_STORE)
def store(request: pytest.FixtureRequest, start_store: StartStore) -> Store:
    """Each store in turn, empty, of this test's own."""
    return start_store(request.param)


@pytest.fixture(scope="session", params=EVERY_STORE)
def shared_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Each store in turn, shared by the session."""
    name: StoreName = request.param
    with Store(name, require_binary(name), tmp_path_factory.mktemp(name)) as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for all tests that wanted a store, or a tmux, which is not here."""
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    missing = sorted({found[1] for reason in reasons if (found := re.search(MISSING + r"([\w.-]+)", reason))})
    if missing:
        count = sum(MISSING in reason for reason in reasons)
        terminalreporter.write_line(
            f"{count} tests skipped: no {', '.join(missing)} here"
            " (on Debian .ci/stores fetches the stores, apt-get install tmux the rest)."
        )
