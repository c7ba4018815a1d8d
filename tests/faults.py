"""What can go wrong on the way to the store and to ActivityWatch, by name, and what must be said of it."""

import gzip
from collections.abc import Mapping

from msgspec import Struct

from tests.fault_proxy import Act, Fault

PAGE = b"<!doctype html><html><title>Log in to Hotel WiFi</title></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}
GZIP = {"Content-Encoding": "gzip"}
SSH = b"SSH-2.0-OpenSSH_9.2\r\n"
PADDING = b"HTTP/1.1 200 OK\r\n" + b"X-Pad: y\r\n" * 20_000

_RESET = "broke: Connection reset by peer"
_CUT = "gave no whole HTTP answer"
_LATE = "did not answer within"


class Case(Struct, frozen=True):
    """A fault and what the pass says of it, a part of the sentence; nothing where it is no trouble at all.

    `parks` is for what no repeating mends: the store is left alone until somebody changes something.
    """

    fault: Fault
    says: str = ""
    parks: bool = False

    @property
    def silent(self) -> bool:
        """Whether it ends only when the other side loses its patience."""
        return bool(self.says) and self.fault.act in (Act.HOLD, Act.TRICKLE)


TO_THE_STORE: Mapping[str, Case] = {
    # The network.
    "refused": Case(Fault(act=Act.REFUSE), "Cannot connect to"),
    "reset unread": Case(Fault(act=Act.RESET_UNREAD), _RESET),
    "reset in the request": Case(Fault(act=Act.RESET_MIDWAY), _RESET),
    "reset": Case(Fault(act=Act.RESET), _RESET),
    "closed": Case(Fault(act=Act.CLOSE), _CUT),
    "stored, then reset": Case(Fault(act=Act.RESET, stored=True), _RESET),
    "stored, then closed": Case(Fault(act=Act.CLOSE, stored=True), _CUT),
    "stored, then half the headers": Case(Fault(act=Act.HALF_HEADERS), _CUT),
    "held": Case(Fault(act=Act.HOLD, status=503), _LATE),
    "stored, then held": Case(Fault(act=Act.HOLD), _LATE),
    "stored, then a slow trickle": Case(Fault(act=Act.TRICKLE, seconds=0.05), _LATE),
    "a quick trickle": Case(Fault(act=Act.TRICKLE)),
    "late, but in time": Case(Fault(act=Act.DELAY, seconds=0.2)),
    "kept, then closed": Case(Fault(act=Act.CUT_AFTER)),
    # What stands between.
    "not HTTP": Case(Fault(raw=SSH), _CUT),
    "too many headers": Case(Fault(raw=PADDING), _CUT),
    "a web page": Case(Fault(status=200, body=PAGE, headers=HTML), "a web page"),
    "a web page without a type": Case(Fault(status=200, body=PAGE), "a web page"),
    "stored, then a web page": Case(Fault(status=200, body=PAGE, headers=HTML, stored=True), "a web page"),
    "a bad gateway": Case(Fault(status=502, body=PAGE, headers=HTML), "answered 502"),
    "stored, then a late gateway": Case(Fault(status=504, body=PAGE, stored=True), "answered 504"),
    "led to a login": Case(
        Fault(status=302, headers={"Location": "http://login.test/?me"}), "http://login.test/", parks=True
    ),
    "moved to another host": Case(
        Fault(status=307, headers={"Location": "http://other.test/w"}), "http://other.test/w", parks=True
    ),
    "moved in a circle": Case(
        Fault(status=308, headers={"Location": "/api/v1/write"}), "answered 308 and leads to", parks=True
    ),
    "a proxy that wants a password": Case(Fault(status=407), "refused the credentials", parks=True),
    # The store.
    "500": Case(Fault(status=500, body=b"internal error"), "answered 500: internal error"),
    "stored, then 500": Case(Fault(status=500, body=b"disk is slow", stored=True), "answered 500: disk is"),
    "500, half of it": Case(Fault(act=Act.HALF_BODY, status=500, body=b"internal"), "answered 500: inte"),
    "500 without end": Case(Fault(act=Act.ENDLESS, status=500, body=b"no end " * 999), "answered 500: no"),
    "500, garbled": Case(
        Fault(status=500, body=gzip.compress(b"internal error")[:-9], headers=GZIP), "answered 500"
    ),
    "500, not packed": Case(Fault(status=500, body=b"\x00\xff", headers=GZIP), "answered 500"),
    "503": Case(Fault(status=503, body=b"starting up"), "answered 503: starting up"),
    "503 with Retry-After": Case(Fault(status=503, headers={"Retry-After": "0"}), "answered 503"),
    "408": Case(Fault(status=408), "answered 408"),
    "429": Case(Fault(status=429, body=b"slow down"), "answered 429: slow down"),
    "429 with Retry-After": Case(Fault(status=429, headers={"Retry-After": "1"}), "answered 429"),
    "429 with Retry-After, a date": Case(Fault(status=429, retry_on=1.0), "answered 429"),
    "stored, then 429": Case(Fault(status=429, body=b"slow", stored=True), "answered 429: slow"),
    "204, not stored": Case(Fault(status=204, times=1)),
    "200 for 204": Case(Fault(status=200, stored=True)),
    "413 above a size": Case(Fault(status=413, body=b"too large", larger_than=3_000)),
    "415 for 2.0": Case(Fault(status=415, times=1)),
    "400 to everything": Case(
        Fault(status=400, body=b"<html>Bad Request</html>"), "refuses an empty request", parks=True
    ),
    "409 to everything": Case(Fault(status=409), "refuses an empty request", parks=True),
    "401": Case(Fault(status=401, body=b"Unauthorized"), "refused the credentials", parks=True),
    "403": Case(Fault(status=403), "forbids writing", parks=True),
    "404": Case(Fault(status=404, body=b"page not found"), "Nothing takes remote write at", parks=True),
    "405": Case(Fault(status=405), "Nothing takes remote write at", parks=True),
}  # fmt: skip

_NOT_AW = "answered something that is not ActivityWatch's"

TO_ACTIVITYWATCH: Mapping[str, Case] = {
    "refused": Case(Fault(act=Act.REFUSE), "cannot be reached (connection refused)"),
    "reset unread": Case(Fault(act=Act.RESET_UNREAD), "broke off its answer"),
    "reset": Case(Fault(act=Act.RESET), "broke off its answer"),
    "closed": Case(Fault(act=Act.CLOSE), _CUT),
    "half the headers": Case(Fault(act=Act.HALF_HEADERS), _CUT),
    "half the body": Case(Fault(act=Act.HALF_BODY), _CUT),
    "held": Case(Fault(act=Act.HOLD), "did not answer in time"),
    "a slow trickle": Case(Fault(act=Act.TRICKLE, seconds=0.1), "did not finish its answer within"),
    "a quick trickle": Case(Fault(act=Act.TRICKLE)),
    "late, but in time": Case(Fault(act=Act.DELAY, seconds=0.1)),
    "not HTTP": Case(Fault(raw=SSH), _CUT),
    "too many headers": Case(Fault(raw=PADDING), _CUT),
    "a web page": Case(Fault(status=200, body=PAGE, headers=HTML), _NOT_AW),
    "led to a login": Case(
        Fault(status=302, headers={"Location": "http://login.test/?from=me"}), "leads to http://login.test/"
    ),
    "moved in a circle": Case(
        Fault(status=308, headers={"Location": "/api/0/buckets/aw-watcher-web_pc/events?again"}), "redirects"
    ),
    "garbled": Case(Fault(status=200, body=gzip.compress(b'[{"id": 7}]')[:-12], headers=GZIP), _NOT_AW),
    "not packed": Case(Fault(status=200, body=b"[]", headers=GZIP), _NOT_AW),
    "half of the JSON": Case(Fault(status=200, body=b'[{"id": 7, "timest'), _NOT_AW),
    "other JSON": Case(Fault(status=200, body=b'{"message": "hello"}'), _NOT_AW),
    "longer than it says": Case(
        Fault(status=200, body=b'[{"id": 7}]', headers={"Content-Length": "6"}), _NOT_AW
    ),
    "nothing": Case(Fault(status=200), _NOT_AW),
    "204": Case(Fault(status=204), "answered 204"),
    "without end": Case(Fault(act=Act.ENDLESS, status=200, body=b'{"id": 7},' * 9_999), "MiB"),
    "401": Case(Fault(status=401), "refused the request (401)"),
    "403": Case(Fault(status=403), "refused the request (403)"),
    "404": Case(Fault(status=404), "404"),
    "408": Case(Fault(status=408), "answered 408"),
    "429 with Retry-After": Case(Fault(status=429, headers={"Retry-After": "1"}), "answered 429"),
    "500": Case(Fault(status=500, body=b"boom"), "answered 500"),
    "500 without end": Case(Fault(act=Act.ENDLESS, status=500, body=b"no end " * 999), "answered 500"),
    "502": Case(Fault(status=502, body=PAGE, headers=HTML), "answered 502"),
    "503": Case(Fault(status=503), "answered 503"),
}  # fmt: skip
