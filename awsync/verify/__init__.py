"""`awsync verify`: does the store say what ActivityWatch says, by bucket, series and period; why not.

    reading    both sides of a bucket, look by look     comparing  pure: what differs, and why
    repairing  sends the differences                    checking   one bucket
    periods    hours and days                           report     what is said
    run        every bucket that is asked for

It prints nothing, and without `repair` it only reads: beside a running service too. Memory stays flat, for a
bucket is compared in stretches of some days.

May import: everything below the agent.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from awsync.delivery import Delivery
from awsync.engine import Wiring
from awsync.errors import AwsyncError, ConfigError, Problem, UsageError
from awsync.events import Event, RepairSent
from awsync.link import Link, ParkedError
from awsync.remote_write.client import Client
from awsync.remote_write.connection import shown_url
from awsync.settings import Settings, StoreSettings
from awsync.state import State
from awsync.verify.periods import By
from awsync.verify.report import (
    Asked,
    Begun,
    Compared,
    Difference,
    Mended,
    Reached,
    Report,
    Said,
    Skipped,
    Unread,
    Why,
)
from awsync.verify.run import Question, Run

__all__ = [
    "Asked", "Begun", "By", "Compared", "Difference", "Mended", "Question", "Reached", "Report", "Said",
    "Skipped", "Unread", "Why", "verify",
]  # fmt: skip

PATIENCE = 15.0
"""Seconds of a failing store that are borne: a blip, not an outage."""
PAUSE = 1.0
"""Seconds between two looks at a difference."""


async def verify(
    settings: Settings,
    state: State,
    question: Question,
    *,
    emit: Callable[[Event], None] = lambda _: None,
    wiring: Wiring | None = None,
    pause: float = PAUSE,
) -> AsyncGenerator[Said, None]:
    """Everything that is found, as it is found; `emit` hears how the store is reached, and what is sent.

    To repair, the state must be open for writing. Raises AwsyncError where the store cannot be asked.
    """
    store = settings.store
    assert store is not None, "config.load demands it"
    _check(settings, store, question)
    wiring = wiring or Wiring()
    async with aclosing(Client(store, transport=wiring.store_transport)) as client:
        link = Link(
            client,
            store,
            emit,
            sink=state.sink,
            clock=wiring.clock,
            patience=PATIENCE,
            first_delay=wiring.first_delay,
        )
        run = Run(settings, state, question, link, Delivery(link, emit), wiring, pause)
        try:
            async with aclosing(run.everything(store)) as said:
                async for each in said:
                    if isinstance(each, Mended):
                        emit(_repair_sent(each))
                    yield each
        except ParkedError as error:
            raise AwsyncError(error.reason, error.remedy) from None


def _repair_sent(mended: Mended) -> RepairSent:
    return RepairSent(
        source=mended.source,
        bucket=mended.bucket,
        samples=mended.samples,
        microseconds=mended.microseconds,
        refused=mended.refused,
    )


def _check(settings: Settings, store: StoreSettings, question: Question) -> None:
    if store.asked_url is None:
        message = (
            f"is not set, and {shown_url(store.write_url)} does not tell where the store answers queries: "
            "set it to what stands before /api/v1/query there"
        )
        raise ConfigError((Problem("settings", "query-url", message),))
    names = [source.name for source in settings.sources]
    if question.source is not None and question.source not in names:
        raise UsageError(f'There is no source "{question.source}".', f"There is {', '.join(names)}.")
