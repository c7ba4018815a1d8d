"""What a key would wait for: the search for garbage, and threads at work.

May import: the standard library.
"""

import gc
import sys

_SWITCH_SECONDS = 0.001


def keep() -> None:
    """What stands now stands to the end: looking through it for garbage would make keys wait."""
    gc.freeze()
    gc.enable()


def switch_often() -> None:
    """A key passes several turns of the loop; in each it would wait 5 ms for a thread that is at work."""
    sys.setswitchinterval(_SWITCH_SECONDS)
