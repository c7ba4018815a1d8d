"""Everything a demo needs, started and stopped together: an ActivityWatch with two weeks in it, and a store.

May import: settings, demo and the standard library.
"""

import contextlib
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from awsync.demo.prometheus import Prometheus
from awsync.demo.receiver import Receiver
from awsync.settings import Settings, SourceSettings, StoreSettings

DAYS = 14
BEAT_SECONDS = 2.0
AWAKE = timedelta(minutes=20)
"""The person came so long before the world began: the first break comes 35 minutes after that, or later."""
HOST = "demo-laptop"


class World:
    """A person's ActivityWatch server and a store, in a temporary folder that goes with them.

    While it is open, the person goes on working: heartbeats arrive every few seconds, all of them `late` by
    the same time until `catch_up`, as if the network between watchers and server were down meanwhile.

    `binary` is the Prometheus to run as the store; without one it is awsync's embedded receiver.
    """

    def __init__(self, binary: Path | None, *, late: timedelta = timedelta(0)) -> None:
        self._binary = binary
        self._late = late
        self._stack = contextlib.ExitStack()
        self._stop = threading.Event()
        self._telling = threading.Lock()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops everything and takes the folder away; once it has, it does nothing."""
        self._stack.close()

    @property
    def settings(self) -> Settings:
        """What a user would have in config.toml to sync this world; slots of a minute, so that it lives."""
        return Settings(
            sources=(SourceSettings(name="demo", aw_url=self.aw.url, user_id="demo"),),
            store=StoreSettings(write_url=self.store.write_url, base_url=self.store.url),
            cron="* * * * *",
            min_data=5,
            series_budget=1_000,
            resolution=timedelta(minutes=1),
            settle=timedelta(minutes=5),
            lookback=timedelta(hours=24),
            initial_history=None,
            hosts={},
            state_dir=self.folder / "state",
        )

    @property
    def store_name(self) -> str:
        """What the store is, in words."""
        return (
            "your Prometheus binary" if isinstance(self.store, Prometheus) else "awsync's embedded receiver"
        )

    def totals(self, by: str) -> dict[str, float]:
        """Seconds that the store holds of the window bucket, by the value of a label."""
        if isinstance(self.store, Prometheus):
            return self.store.totals(by, DAYS + 1)
        totals: dict[str, float] = {}
        for labels, values in self.store.samples().items():
            named = dict(labels)
            if named["__name__"] == "aw_watcher_window_seconds":
                totals[named.get(by, "")] = totals.get(named.get(by, ""), 0.0) + sum(values.values())
        return totals

    def catch_up(self) -> None:
        """The watchers tell what they held back, and are late no more. Raises AwsyncError."""
        with self._telling:
            self._late = timedelta(0)
            self._tell()

    def _start(self, stack: contextlib.ExitStack) -> None:
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awsync-demo-")))
        self.aw = stack.enter_context(AwServer(self.folder / "activitywatch"))
        self.store = _store(stack, self._binary, self.folder)
        self._begun = self._told = datetime.now(UTC) - self._late
        self._person = Person(HOST, awake_from=self._begun - AWAKE)
        self.events = self._fill()
        beats = threading.Thread(target=self._beat, name="heartbeats", daemon=True)
        beats.start()
        stack.callback(beats.join)
        stack.callback(self._stop.set)

    def _fill(self) -> int:
        for bucket in self._person.buckets:
            created = self._begun - timedelta(days=DAYS)
            self.aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname, created=created)
        return sum(
            self.aw.insert(bucket, [event.to_json() for event in events])
            for day in self._person.history(DAYS, self._begun)
            for bucket, events in day.items()
        )

    def _beat(self) -> None:
        """The watchers, until the world ends; a server that is busy or stopping hears the next beat."""
        while not self._stop.wait(BEAT_SECONDS):
            with contextlib.suppress(Exception), self._telling:
                self._tell()

    def _tell(self) -> None:
        since, self._told = self._told, datetime.now(UTC) - self._late
        for beat in self._person.heartbeats(since, self._told):
            self.aw.heartbeat(beat.bucket.id, beat.event.to_json(), pulsetime=0)


def _store(stack: contextlib.ExitStack, binary: Path | None, folder: Path) -> Prometheus | Receiver:
    if binary is None:
        return stack.enter_context(Receiver())
    return stack.enter_context(Prometheus(binary, folder / "prometheus"))
