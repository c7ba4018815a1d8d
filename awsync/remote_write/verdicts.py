"""The three verdicts on one request, and how a store's answer becomes one.

The table is DESIGN.md "Delivery"; the texts of the stores are measured (FACTS B1, C, D).

May import: the standard library, msgspec.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from msgspec import Struct

MAX_WORDS = 1024
"""Characters of a store's own words that are kept."""


class Cause(Enum):
    """Why a store refused: two speak of the samples, TOO_LARGE of the request, PARKED of the store."""

    TOO_OLD = "too old"
    INVALID = "invalid"
    TOO_LARGE = "too large"
    PARKED = "parked"


class Delivered(Struct, frozen=True):
    """The store has the samples. `bytes` is the compressed body, `elapsed` is in seconds."""

    samples: int
    bytes: int
    elapsed: float


class Retry(Struct, frozen=True):
    """Nothing is known to be stored; the same samples may go again, after `after` seconds if that is set."""

    reason: str
    after: float | None = None
    status: int | None = None


class Rejected(Struct, frozen=True):
    """The same request would be refused again. `words` are the store's own, `remedy` says what to do.

    `written` is how many samples a 2.0 store kept all the same; None where it does not say (1.0 keeps none).
    """

    cause: Cause
    words: str
    remedy: str
    status: int | None = None
    written: int | None = None


Verdict = Delivered | Retry | Rejected

_TOO_LARGE = re.compile(r"decoded length \d+ exceeds limit|too big (un)?packed request|body too large", re.I)
_FUTURE = re.compile(r"too[ -]far[ -]in[ -](the[ -])?future", re.I)
_TOO_OLD = re.compile(r"out of bounds|too[ -]old|out[ -]of[ -]order", re.I)
_INVALID_500 = re.compile(r"label name .{0,200} is not unique|empty labelset", re.I | re.S)
_ABOUT_SAMPLES = frozenset({400, 409, 422})

RECEIVER_OFF = "remote write receiver needs to be enabled"
"""Prometheus 2.42 goes on with the name of a flag of the past, 2.53 and 3.5 with that of today's."""
AGE_REMEDY = (
    "Let the store accept older samples (awsync doctor names the lines to add), then they are delivered."
)
INVALID_REMEDY = "awsync sets aside the samples that the store refuses; see `awsync quarantine list`."
LARGE_REMEDY = "awsync sends smaller requests."


def verdict_of(
    status: int, words: str, headers: Mapping[str, str], shown: str, *, signed: bool
) -> Retry | Rejected:
    """The verdict on an answer that is not 2xx and no redirect.

    `words` is the start of the body, `shown` the URL without secrets, `signed` whether credentials were sent.
    Prometheus 2 answers 500 for a sample that is too old and for a label twice (FACTS B1): its words tell.
    """
    if status >= 500 or status < 300:
        refused = _refused_with_500(words) if status == 500 else None
        if refused is not None:
            return Rejected(*refused, status, None)
        return Retry(_answered(shown, status, words), _retry_after(headers), status)
    if status in (408, 429):
        return Retry(_answered(shown, status, words), _retry_after(headers), status)
    if status == 413 or (status == 400 and _TOO_LARGE.search(words)):
        return Rejected(Cause.TOO_LARGE, words or "request too large", LARGE_REMEDY, status)
    if status in _ABOUT_SAMPLES and not _parked_400(words):
        cause = cause_of(words)
        remedy = AGE_REMEDY if cause is Cause.TOO_OLD else INVALID_REMEDY
        return Rejected(
            cause, words or f"status {status} without a word", remedy, status, samples_written(headers)
        )
    return Rejected(
        Cause.PARKED, words or f"status {status}", _parked_remedy(status, words, shown, signed=signed), status
    )


def cause_of(words: str) -> Cause:
    """TOO_OLD or INVALID; where the words name several refusals, the first line decides."""
    first = next((line for line in words.splitlines() if line.strip()), "")
    return Cause.TOO_OLD if _TOO_OLD.search(first) and not _FUTURE.search(first) else Cause.INVALID


def samples_written(headers: Mapping[str, str]) -> int | None:
    """What a 2.0 store says it wrote; None without any of the three headers, which is the proof of 2.0."""
    prefix = "x-prometheus-remote-write-"
    names = [f"{prefix}{kind}-written" for kind in ("samples", "histograms", "exemplars")]
    if not any(name in headers for name in names):
        return None
    text = headers.get(names[0], "0").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def clean(body: bytes) -> str:
    """The store's words as text that a terminal can show: valid, short, without control characters."""
    text = body.decode("utf-8", errors="replace").strip()
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)[:MAX_WORDS]


def _refused_with_500(words: str) -> tuple[Cause, str, str] | None:
    if "too old sample" in words.lower():
        return Cause.TOO_OLD, words, AGE_REMEDY
    if _INVALID_500.search(words):
        return Cause.INVALID, words, INVALID_REMEDY
    return None


def _parked_400(words: str) -> bool:
    """A 400 that speaks of the address: VictoriaMetrics for a wrong path, Go for http where TLS is spoken."""
    return "unsupported path requested" in words or "HTTP request to an HTTPS server" in words


def _parked_remedy(status: int, words: str, shown: str, *, signed: bool) -> str:
    if "HTTP request to an HTTPS server" in words:
        return f"{shown} speaks TLS: write https:// in prometheus-url."
    if RECEIVER_OFF in words:
        return (
            f"{shown} does not take remote write: start Prometheus with --web.enable-remote-write-receiver."
        )
    if "no org id" in words:
        return f'{shown} wants a tenant: set headers = {{ X-Scope-OrgID = "..." }} to the name of yours.'
    if status in (401, 407):
        return (
            f"{shown} refused the credentials: check bearer-token, or username and password."
            if signed
            else f"{shown} wants credentials: set bearer-token, or username and password."
        )
    if status == 403:
        return f"{shown} forbids writing: give these credentials or this tenant the right to write."
    if status in (400, 404, 405, 410):
        return f"Nothing takes remote write at {shown}: check the path in prometheus-url."
    return f"Remote write does not know {status}: check prometheus-url and any proxy before {shown}."


def _answered(shown: str, status: int, words: str) -> str:
    return f"{shown} answered {status}" + (f": {words}" if words else "")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from a number or an HTTP date (RFC 9110, section 10.2.3); None for anything else."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
