"""Whatever ActivityWatch answers: the pass ends, says what was wrong, and claims nothing it did not read."""

import asyncio
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from awsync.activitywatch.moments import to_datetime
from awsync.demo.receiver import Receiver
from awsync.engine import Engine, Wiring
from awsync.events import Event, PassFinished, SamplesSetAside, SourceFailed, describe
from tests.passes import make_settings, open_state

MINUTE = 60_000_000
NOW = 1_795_168_800_000_000
HEALTHY, FUZZED = "aw-watcher-healthy_pc", "aw-watcher-fuzzed_pc"
COUNT = 12
SECONDS = COUNT * 240.5
CLASS = re.compile(r"\b[A-Za-z]*(Error|Exception|Warning)\b|Traceback|\bat 0x[0-9a-f]{6}")

thorough = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Made(Struct, frozen=True):
    """An answer that hypothesis made."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def _bucket(bucket: str) -> dict[str, Any]:
    return {
        "id": bucket,
        "created": to_datetime(NOW - 180 * MINUTE).isoformat(),
        "name": None,
        "type": "currentwindow",
        "client": bucket.removesuffix("_pc"),
        "hostname": "pc",
        "data": {},
        "last_updated": to_datetime(NOW - 100 * MINUTE).isoformat(),
    }


def _events() -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "timestamp": to_datetime(NOW - 150 * MINUTE + number * 4 * MINUTE + 1_000).isoformat(),
            "duration": 240.5 if number == COUNT - 1 else 230.0,
            "data": {"app": f"app {number % 3}", "title": "t"},
        }
        for number in reversed(range(COUNT))
    ]


TRUE: Mapping[str, object] = {
    "info": {"hostname": "pc", "version": "v0.13.2", "testing": False, "device_id": "d"},
    "buckets/": {bucket: _bucket(bucket) for bucket in (HEALTHY, FUZZED)},
    "events/count": COUNT,
    "events": _events(),
}
"""What a healthy server answers, by the end of the path."""


class Server:
    """An ActivityWatch that answers truly, but for one end of a path, of one bucket where it has one."""

    def __init__(self, where: str, made: Made | None) -> None:
        self.where = where
        self.made = made

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answers one request."""
        path = request.url.path.removeprefix("/api/0/")
        place = path.rpartition("_pc/")[2]
        if self.made is not None and place == self.where and HEALTHY not in path:
            return httpx.Response(self.made.status, content=self.made.body, headers=self.made.headers)
        if place == "events/count" and "end" in request.url.params:
            return httpx.Response(200, json=0)
        if place not in TRUE:
            return httpx.Response(404, json={"message": "no"})
        return httpx.Response(200, json=TRUE[place])


def _storing(receiver: Receiver) -> Callable[[httpx.Request], httpx.Response]:
    """The receiver as a transport: it listens to nobody."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return httpx.Response(404)
        answer = receiver.write(dict(request.headers), request.content)
        assert answer is not None
        return httpx.Response(answer.status, text=answer.body, headers=dict(answer.headers))

    return answer


# Values that JSON can hold, and some that only lenient parsers read.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(2**63), 2**64, 1e300, -1e300, float("nan"), float("inf"), -0.0])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2026-11-20T10:00:00+00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "\ud83d"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


@st.composite
def mutations(draw: st.DrawFn, where: str) -> bytes:
    """A true answer with one value changed, lost or added."""
    value = json.loads(_text(TRUE[where]))
    holder: Any = {"": value}
    key: Any = ""
    while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 5)):
        holder = holder[key]
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if key == HEALTHY:
            key = FUZZED
    if draw(st.integers(0, 4)) or key == "":
        holder[key] = draw(VALUES)
        value = value if key != "" else holder[""]
    elif isinstance(holder, dict):
        del holder[key]
    else:
        holder.insert(0, draw(VALUES))
    return _text(value)


@st.composite
def damages(draw: st.DrawFn, where: str) -> bytes:
    """A true answer with bytes cut off, in or out."""
    body = _text(TRUE[where])
    at = draw(st.integers(0, len(body)))
    match draw(st.integers(0, 2)):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + draw(st.binary(max_size=6)) + body[at:]
        case _:
            return body[:at] + body[at + draw(st.integers(1, 40)) :]


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, Made]:
    """Which answer goes wrong, and how."""
    where = draw(st.sampled_from([*TRUE, "events"]))
    body = draw(
        mutations(where)
        | damages(where)
        | VALUES.map(_text)
        | st.binary(max_size=60)
        | st.sampled_from([b"[" * 100_000, b'{"a":' * 5_000, b"", b"\xef\xbb\xbf[]", b"9" * 10_000])
    )
    status = draw(st.just(200) | st.sampled_from([201, 204, 302, 304, 400, 401, 404, 429, 500, 503, 599]))
    headers = draw(
        st.dictionaries(
            st.sampled_from(["content-type", "location", "retry-after"]),
            st.sampled_from(["text/html", "application/json; charset=utf-7", "/x", "http://[::1", "\x7f"]),
            max_size=2,
        )
    )
    return where, Made(status, b"" if status in (204, 304) else body, headers)


def _pass(
    folder: Path, server: Server, receiver: Receiver, at: int, *, look_back: bool = False
) -> tuple[PassFinished, list[Event]]:
    """One pass over both buckets."""
    said: list[Event] = []
    wiring = Wiring(
        clock=lambda: at,
        aw_transport=httpx.MockTransport(server),
        store_transport=httpx.MockTransport(_storing(receiver)),
    )
    options = make_settings(folder, "http://aw.test", "http://store.test", lookback=timedelta(hours=24))
    with open_state(options) as state:
        engine = Engine(options, state, patience=0.0, wiring=wiring)
        finished = asyncio.run(engine.one_pass(said.append, look_back=look_back))
    return finished, said


def _positions(folder: Path) -> Mapping[str, int | None]:
    with open_state(make_settings(folder, "http://aw.test", "http://store.test")) as state:
        return {each.bucket: each.position for each in state.checkpoints()}


def _seconds(receiver: Receiver, bucket: str) -> float:
    return sum(
        value
        for labels, values in receiver.samples().items()
        if dict(labels)["bucket"] == bucket
        for value in values.values()
    )


def _assert_sentences(said: list[Event], faults: tuple[str, ...]) -> None:
    failures = [event for event in said if isinstance(event, SourceFailed)]
    assert [describe(event) for event in failures] == list(faults)
    assert len({event.bucket for event in failures}) == len(failures), "each is told once"
    for event in failures:
        sentence = describe(event)
        assert not CLASS.search(event.reason), sentence
        assert len(sentence) < 600
        assert event.reason.isprintable()
        assert event.remedy


@thorough
@given(answers(), st.booleans())
def test_any_answer_of_activitywatch(wrong: tuple[str, Made], later: bool) -> None:
    """The other bucket is delivered whole, what was not read is not claimed, and comes when all is well.

    The answer goes wrong in the first pass, or `later` in one that looks back over what was sent.
    """
    where, made = wrong
    receiver = Receiver()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if later:
                assert _pass(folder, Server(where, None), receiver, NOW - 120 * MINUTE)[0].complete
            before = _positions(folder)
            finished, said = _pass(folder, Server(where, made), receiver, NOW, look_back=later)
            assert not [event for event in said if isinstance(event, SamplesSetAside)]
            _assert_sentences(said, finished.totals.faults)
            failed = {event.bucket for event in said if isinstance(event, SourceFailed)}
            assert finished.complete == (not failed)
            after = _positions(folder)
            unread = {HEALTHY, FUZZED} if None in failed else {each for each in failed if each}
            assert all(after.get(bucket) == before.get(bucket) for bucket in unread)
            if None not in failed and where.startswith("events"):
                assert abs(_seconds(receiver, HEALTHY) - _seconds_of_all()) < 1e-6
            if not later:
                assert unread.isdisjoint({dict(labels)["bucket"] for labels in receiver.samples()})
                for labels, values in receiver.samples().items():
                    assert all(0 < value <= 300 for value in values.values()), labels
            mended, said = _pass(folder, Server(where, None), receiver, NOW, look_back=True)
            assert (mended.complete, mended.totals.faults) == (True, ())
            believed = {FUZZED} if where in ("buckets/", "events/count") else set()
            for bucket in {HEALTHY, FUZZED} - (believed - unread):
                assert abs(_seconds(receiver, bucket) - _seconds_of_all()) < 1e-6
    finally:
        receiver.stop()


def _seconds_of_all() -> float:
    return (COUNT - 1) * 230.0 + 240.5
