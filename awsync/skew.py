"""How a server's clock stands to this machine's, by the Date header of its answers (RFC 9110, 6.6.1).

May import: the standard library only.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def ahead(headers: Mapping[str, str], before: float, after: float) -> float | None:
    """Seconds that a server is ahead of us, who had `before` and `after` around its answer; None if untold.

    `headers` does not mind the case of names. The header has whole seconds, so a difference of less than one
    is none.
    """
    try:
        told = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
    if before - 1.0 <= told <= after:
        return 0.0
    return told - after if told > after else told + 1.0 - before
