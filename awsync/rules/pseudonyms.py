"""Texts made unreadable: the same text gives the same pseudonym wherever the same key is.

May import: the standard library.
"""

import base64
import hashlib
import hmac

_BYTES = 10
"""80 bits: among a million texts two that share a pseudonym are not to be expected."""


class Pseudonym(str):
    """A text that tells nothing of what it stands for."""

    __slots__ = ()


def pseudonym(key: str, text: str) -> Pseudonym:
    """What stands for a text: 16 letters and digits, by keyed HMAC-SHA256."""
    digest = hmac.digest(key.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return Pseudonym(base64.b32encode(digest[:_BYTES]).decode().lower())
