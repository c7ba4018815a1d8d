"""The command of this process, as it may be shown to others: a second awsync, `status`, the doctor.

May import: the standard library, config.store_keys and config.values.
"""

import shlex
import sys
from collections.abc import Iterator, Sequence

from awsync.config.store_keys import HEADERS
from awsync.config.values import MASK


def shown_command(arguments: Sequence[str] | None = None) -> str:
    """`awsync` with its arguments, those of this process unless given; the values of headers are masked."""
    return shlex.join(["awsync", *_masked(sys.argv[1:] if arguments is None else arguments)])


def _masked(arguments: Sequence[str]) -> Iterator[str]:
    before = ""
    for word in arguments:
        flag, equals, value = word.partition("=")
        if before == HEADERS.flag:
            yield f"{flag}={MASK}"
        elif flag == HEADERS.flag and equals:
            yield f"{flag}={value.partition('=')[0]}={MASK}"
        else:
            yield word
        before = word
