"""A request to ActivityWatch that failed: one sentence for each way it can, and what to do.

May import: httpx, bounded, errors, settings.
"""

import re
from datetime import timedelta

import httpx

from awsync.bounded import Answer, LedAwayError, TooLargeError
from awsync.errors import (
    GONE_REMEDY,
    AnswerTooLargeError,
    BucketGoneError,
    SourceAnswerError,
    SourceError,
    SourceRefusedError,
    SourceUnreachableError,
)
from awsync.settings import SourceSettings

BROKE = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""A connection that ended before its answer did."""
RAISED = (TooLargeError, LedAwayError, TimeoutError, httpx.HTTPError, httpx.InvalidURL)
"""What a request raises where it has no answer."""

_MOST_WORDS = 200
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


def failure(error: Exception, source: SourceSettings, *, deadline: timedelta, most: int) -> SourceError:
    """Of a request that raised one of RAISED.

    `deadline` is how long its answer might take in all, `most` how many bytes it might have.
    """
    url, name = source.aw_url, source.name
    if isinstance(error, TooLargeError):
        return AnswerTooLargeError(
            f"{url} answered more than {most >> 20} MiB to one request.",
            f'Is aw-url of source "{name}" the address of an ActivityWatch server?',
        )
    if isinstance(error, LedAwayError):
        return SourceAnswerError(
            f"ActivityWatch at {url} leads to {error}.",
            f'If you trust that address, write it in aw-url of source "{name}".',
        )
    if isinstance(error, httpx.TooManyRedirects | httpx.DecodingError):
        return misfit(error, source)
    return _unreachable(error, source, deadline)


def refusal(answer: Answer, source: SourceSettings) -> SourceError:
    """Of an answer that is an error; its words are shown without the token."""
    url, name = source.aw_url, source.name
    status, path = answer.status, _shown(answer.path)
    if status in {401, 403}:
        return SourceRefusedError(
            f"ActivityWatch at {url} refused the request ({status}).",
            f'Set token or token-file of source "{name}" to the api_key in its config.toml.',
        )
    if status == 404 and "/buckets/" in path:
        return BucketGoneError(f"ActivityWatch at {url} has no {path} (404).", GONE_REMEDY)
    words = _shown(_without_token(answer.body.decode("utf-8", "replace"), source))
    return SourceAnswerError(
        f"ActivityWatch at {url} answered {status} to {path}{f': {words}' if words else '.'}",
        "Is aw-url the address of an ActivityWatch server? Its own log says more.",
    )


def misfit(error: Exception, source: SourceSettings) -> SourceAnswerError:
    """Of an answer that cannot be read; `error` says where."""
    url, name = source.aw_url, source.name
    return SourceAnswerError(
        f"{url} answered something that is not ActivityWatch's ({_shown(str(error))}).",
        f'Correct aw-url of source "{name}", or see what stands between (a proxy, a login).',
    )


def _unreachable(error: Exception, source: SourceSettings, deadline: timedelta) -> SourceUnreachableError:
    url, name = source.aw_url, source.name
    if isinstance(error, httpx.TimeoutException):
        return SourceUnreachableError(
            f"ActivityWatch at {url} did not answer in time.", "Is its machine overloaded or asleep?"
        )
    if isinstance(error, TimeoutError):
        seconds = deadline.total_seconds()
        return SourceUnreachableError(
            f"ActivityWatch at {url} did not finish its answer within {seconds:g} s.",
            "Is its machine, or the network to it, overloaded?",
        )
    if isinstance(error, BROKE):
        broke = isinstance(error, httpx.NetworkError)
        what = "broke off its answer" if broke else "gave no whole HTTP answer"
        return SourceUnreachableError(
            f"ActivityWatch at {url} {what} ({_cause(error)}).",
            "Its own log may say why, or what stands between (a proxy) does it.",
        )
    return SourceUnreachableError(
        f"ActivityWatch at {url} cannot be reached ({_cause(error)}).",
        f'Start ActivityWatch, or correct aw-url of source "{name}".',
    )


def _without_token(text: str, source: SourceSettings) -> str:
    """Some proxies answer with the request itself, headers and all."""
    return text if source.token is None else text.replace(source.token.value, str(source.token))


def _shown(text: str) -> str:
    """The start of a text of theirs on one line, without what a terminal would obey."""
    words = " ".join(text[:_MOST_WORDS].split())
    return "".join(c if c.isprintable() else "?" for c in words)


def _cause(error: Exception) -> str:
    text = _ERRNO.sub("", str(error).partition(": bytearray")[0].strip().rstrip("."))
    if text and "All connection attempts failed" not in text:
        return text
    return "connection refused" if isinstance(error, httpx.ConnectError) else "the connection broke"
