"""Sending again what may pass by itself: how long to wait between two tries, and when to stop.

May import: the standard library, msgspec, tenacity, remote_write.verdicts.
"""

from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from msgspec import Struct
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_exponential, wait_random

from awsync.remote_write.verdicts import Retry

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
_Answer = TypeVar("_Answer")


class OutOfPatienceError(Exception):
    """The store has failed for longer than a run bears; `seconds` of failing, and the last reason."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


class Persistence(Struct, frozen=True):
    """How a run bears a store that fails.

    `patience` is how many seconds of failing in a row are borne (None: for ever), `first_delay` the longest
    first wait; `tell` hears of each wait: the reason, which attempt failed, the seconds until the next.
    """

    tell: Callable[[str, int, float], None]
    patience: float | None = None
    first_delay: float = FIRST_DELAY

    async def repeat(self, attempt: Callable[[], Awaitable[_Answer | Retry]]) -> _Answer:
        """Repeats a coroutine function until its answer is not Retry; raises OutOfPatienceError."""
        run = _Run(self)
        retrying = AsyncRetrying(
            retry=retry_if_result(_is_retry),
            wait=run.wait,
            stop=run.stop,
            before_sleep=run.told,
            retry_error_callback=run.give_up,
        )
        answer: _Answer = await retrying(attempt)
        return answer


class _Run:
    """One request and its repeats, as tenacity asks about them."""

    def __init__(self, persistence: Persistence) -> None:
        self._persistence = persistence
        self._failing_since: float | None = None
        self._grown = wait_exponential(persistence.first_delay / 2, LONGEST_DELAY / 2)

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next try: what the store asked for, else twice as long each time, with jitter."""
        after = _answer(state).after
        if after is not None:
            return after
        grown = self._grown(state)
        return grown + wait_random(0, grown)(state)

    def stop(self, state: RetryCallState) -> bool:
        """Whether patience ends before the next try."""
        patience, now = self._persistence.patience, state.outcome_timestamp or 0.0
        if self._failing_since is None:
            self._failing_since = now
        return patience is not None and now + state.upcoming_sleep - self._failing_since > patience

    def told(self, state: RetryCallState) -> None:
        """Says that a try follows."""
        self._persistence.tell(_answer(state).reason, state.attempt_number, state.upcoming_sleep)

    def give_up(self, state: RetryCallState) -> NoReturn:
        """Ends the run of tries."""
        failing = (state.outcome_timestamp or 0.0) - (self._failing_since or 0.0)
        raise OutOfPatienceError(_answer(state).reason, failing)


def _is_retry(answer: object) -> bool:
    return isinstance(answer, Retry)


def _answer(state: RetryCallState) -> Retry:
    """The answer that is being judged; tenacity asks about Retry only."""
    assert state.outcome is not None
    answer = state.outcome.result()
    assert isinstance(answer, Retry)
    return answer
