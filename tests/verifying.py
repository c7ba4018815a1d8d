"""Verifies in tests: settings and a state as a pass has them, and everything that was said."""

import asyncio
from datetime import timedelta

from awsync.engine import Wiring
from awsync.pass_context import MICROSECOND
from awsync.remote_write.client import Client, Delivered
from awsync.series import Labels, Sample
from awsync.settings import Settings, StoreSettings
from awsync.state import State
from awsync.verify import By, Question, Report, verify
from tests.servers import Store

PAUSE = 0.05


def run_verify(
    settings: Settings,
    *,
    since: timedelta = timedelta(days=30),
    by: By = By.HOUR,
    repair: bool = False,
    wiring: Wiring | None = None,
    bucket: str | None = None,
) -> Report:
    """One verification with a state of its own opening."""
    report = Report()

    async def run(state: State) -> None:
        moment = (wiring or Wiring()).clock() - since // MICROSECOND
        question = Question(moment, by, bucket=bucket, repair=repair)
        async for said in verify(settings, state, question, wiring=wiring, pause=PAUSE):
            report.apply(said)

    assert settings.store is not None
    with State(settings.state_dir, settings.store.write_url, write=repair) as state:
        asyncio.run(run(state))
    return report


def told(report: Report) -> str:
    """The differences, a line each, for the message of a test that fails."""
    lines = [
        f"{each.why} {dict(each.labels)} {each.start} {each.expected} {each.held}"
        for each in report.differences
    ]
    return "\n".join([*lines, *map(str, report.unread), *map(str, report.skipped)])


def put(store: Store, samples: dict[tuple[Labels, int], float]) -> None:
    """Writes samples into a store past awsync."""

    async def send() -> None:
        client = Client(StoreSettings(store.write_url, store.url))
        sent = [Sample(labels, stamp, value) for (labels, stamp), value in samples.items()]
        try:
            assert isinstance(await client.send(sent), Delivered)
        finally:
            await client.aclose()

    asyncio.run(send())
    store.flush()
