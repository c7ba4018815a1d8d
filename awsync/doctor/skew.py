"""The doctor on clocks: this machine's, ActivityWatch's, the store's.

May import: the standard library, awsync.delivery, awsync.words and doctor.findings.
"""

from collections.abc import Iterable

from awsync.doctor.findings import Area, Finding
from awsync.link import SKEW_SECONDS
from awsync.words import span

STEP = "clock"
SERIOUS = 600.0
"""What Prometheus since 2.54 bears of the future (FACTS B1); history that is so wrong is not true."""
_SAME = 2.0
_REMEDY = "Set the clock of {} by the network's time (on Linux: timedatectl set-ntp true)."


def clock_finding(
    area: Area,
    whose: str,
    ahead: float | None,
    *,
    others: Iterable[float] = (),
    bears_past: float = SERIOUS,
    bears_future: float = SERIOUS,
) -> Finding:
    """How a clock stands to this machine's; `others` are the seconds that other machines are ahead.

    It fails where that clock is ahead by more than `bears_past` seconds, or behind by `bears_future`: what
    this machine calls now then lies too far in that one's past or future.
    """
    if ahead is None:
        return next(area.skipped("The answer does not tell the time", STEP))
    if abs(ahead) < SKEW_SECONDS:
        return area.ok(STEP, f"{whose} agrees with this machine's.")
    what = f"{whose} is {span(ahead)} {'ahead of' if ahead > 0 else 'behind'} this machine's."
    ours = any(abs(other - ahead) <= _SAME for other in others)
    if ours:
        what += " So are others: this machine's clock is the one that is wrong."
    remedy = _REMEDY.format("this machine" if ours else "the machine whose clock is wrong")
    bad = ahead >= bears_past or -ahead >= bears_future
    return area.failed(STEP, what, remedy) if bad else area.warning(STEP, what, remedy)
