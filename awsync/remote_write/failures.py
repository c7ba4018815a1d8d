"""A request without an answer: the network comes back by itself, a TLS failure wants a person.

May import: remote_write.verdicts, httpx and ssl.
"""

import os
import socket
import ssl
from collections.abc import Iterator

import httpx

from awsync.remote_write.verdicts import Cause, Rejected, Retry

# X.509 verification errors: the numbers of OpenSSL's x509_vfy.h.
_EXPIRED = 10
_NOT_YET_VALID = 9
_WRONG_NAME = frozenset({62, 64})

# These accompany a connection that was closed or reset under TLS: the network's doing, not the certificate's.
_NETWORK = (
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    ssl.SSLWantReadError,
    ssl.SSLWantWriteError,
    ssl.SSLSyscallError,
)
_CERTIFICATE_ALERTS = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_EXPIRED",
                       "CERTIFICATE_UNKNOWN", "HANDSHAKE_FAILURE", "ACCESS_DENIED")  # fmt: skip
_PLAIN_HTTP = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")


def verdict_of_failure(error: Exception, shown: str, timeout: float) -> Retry | Rejected:
    """The verdict on a request that raised; `shown` is the URL without secrets, `timeout` in seconds."""
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, ssl.SSLError) and not isinstance(link, _NETWORK):
            words, remedy = _tls_sentence(link, shown)
            return Rejected(Cause.PARKED, words, remedy)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        remedy = "Write prometheus-url as http://host:port or https://host:port."
        return Rejected(Cause.PARKED, f"{shown} is no address that awsync can reach.", remedy)
    for link in chain:
        if isinstance(link, socket.gaierror):
            return Retry(
                f"The name of {shown} is not known to the resolver: {link.strerror}. Is prometheus-url right?"
            )
    if any(isinstance(link, TimeoutError | httpx.TimeoutException) for link in chain):
        return Retry(f"{shown} did not answer within {timeout:g} s.")
    reason = next((_system_error(link) for link in chain if _system_error(link)), "")
    if isinstance(error, httpx.ConnectError):
        words = f"Cannot connect to {shown}: {reason or 'no address of it takes a connection'}."
        return Retry(f"{words} Is the store running?")
    if isinstance(error, httpx.ProxyError):
        return Retry(f"The proxy before {shown} refused the connection; see HTTP_PROXY and HTTPS_PROXY.")
    if isinstance(error, httpx.RemoteProtocolError):
        what = str(error).partition(": bytearray")[0].rstrip(".")
        return Retry(f"{shown} gave no whole HTTP answer ({what}).")
    return Retry(f"The connection to {shown} broke: {reason or type(error).__name__}.")


def _system_error(error: BaseException) -> str:
    """The system's sentence; the number of an SSLError is none of the system's."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno)
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that led to it."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [cause for cause in (link.__cause__, link.__context__) if cause is not None]
        if isinstance(link, BaseExceptionGroup):
            waiting += link.exceptions


def _tls_sentence(error: ssl.SSLError, shown: str) -> tuple[str, str]:
    """What went wrong, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_sentence(error, shown)
    reason = (error.reason or "").upper()
    words = f"TLS with {shown} failed: {error.reason or 'unknown reason'}."
    if any(text in reason for text in _PLAIN_HTTP):
        return (
            f"{shown} does not speak TLS.",
            "Write http:// in prometheus-url, or switch TLS on at the store.",
        )
    if any(text in reason for text in _CERTIFICATE_ALERTS):
        return (
            words,
            "The store wants another client certificate: check client-cert-file and client-key-file.",
        )
    return words, "Check that the store and this machine share a TLS version and cipher."


def _certificate_sentence(error: ssl.SSLCertVerificationError, shown: str) -> tuple[str, str]:
    words = f"The certificate of {shown} is not accepted: {error.verify_message}."
    if error.verify_code == _EXPIRED:
        return words, "The store's certificate has expired: renew it, and check this machine's clock."
    if error.verify_code == _NOT_YET_VALID:
        return (
            words,
            "The store's certificate is not valid yet: check the clocks of this machine and of the store.",
        )
    if error.verify_code in _WRONG_NAME:
        return words, "The certificate is for another name: write a name that it holds in prometheus-url."
    return (
        words,
        "The certificate is not trusted: set ca-file to the certificate of the authority that signed it.",
    )
