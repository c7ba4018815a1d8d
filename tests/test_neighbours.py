"""No time counts twice: what aw-sync copied, and what two sources serve, is synced once."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from awsync import meeting
from awsync.activitywatch.answers import Bucket, Info
from awsync.activitywatch.moments import to_datetime
from awsync.backfill.writing import Backfill, Wanted
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Wiring
from awsync.events import BucketSkipped, Event, SameDevice, SourceFailed
from awsync.neighbours import Neighbours, copied, introduced, neighbours_of, origin, twin
from awsync.planning import host_label, left_out
from awsync.records import Neighbour
from awsync.settings import Settings, SourceSettings
from awsync.state import State
from awsync.survey import survey
from awsync.timeline import HOUR
from tests.conftest import StartAw
from tests.doctors import examined
from tests.passes import make_settings, open_state, run_pass, utc_now

OWN = "aw-watcher-window_pc"
COPY = "aw-watcher-window_phone-synced-from-phone"
LAPTOP = SourceSettings("laptop", "http://laptop", "me")
PHONE = SourceSettings("phone", "http://phone", "me")
TABLET = SourceSettings("tablet", "http://tablet", "me")
ALL = (LAPTOP, PHONE, TABLET)


def bucket(id_: str, hostname: str = "pc", newest: int | None = HOUR) -> Bucket:
    end = None if newest is None else to_datetime(newest)
    return Bucket(id_, "currentwindow", "aw-watcher-window", hostname, last_updated=end)


def known(source: SourceSettings, **more: object) -> Neighbour:
    return Neighbour(source.name, source.aw_url, **{"hostname": source.name, "device": source.name, **more})  # type: ignore[arg-type]


def among(*said: Neighbour) -> Neighbours:
    return neighbours_of(ALL, said)


@pytest.mark.parametrize(
    ("id_", "host"),
    [
        (COPY, "phone"),
        ("x-synced-from-a-synced-from-b", "b"),
        ("x-synced-from-", None),
        ("-synced-from-b", None),
        (OWN, None),
    ],
)
def test_a_copy_is_told_by_its_id(id_: str, host: str | None) -> None:
    """aw-sync names the host at the end of the id; what only looks like it is a bucket as any other."""
    assert origin(id_) == host


def test_a_copy_carries_the_host_it_was_copied_from() -> None:
    """The label is the host whose activity it is, whatever the copy says of its own, renamed as any other."""
    assert host_label(bucket(COPY, "pc"), {}) == "phone"
    assert host_label(bucket(COPY, "pc"), {"phone": "pixel", "pc": "desktop"}) == "pixel"
    assert host_label(bucket(OWN, "pc"), {"pc": "desktop"}) == "desktop"


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([known(PHONE), known(TABLET)], 'source "phone" serves itself'),
        ([known(PHONE, hostname="x", hosts=("phone",)), known(TABLET)], 'source "phone" serves itself'),
        ([known(PHONE, hostname="x"), known(TABLET, copies=(COPY,))], None),
        ([known(TABLET)], 'which source "phone" may be: it has never answered'),
        ([], 'which source "phone" may be'),
        ([known(PHONE, hostname="x", hosts=("pc",)), known(TABLET)], None),
    ],
)
def test_a_copy_is_left_out_where_its_host_is_or_may_be_a_source(
    others: Iterable[Neighbour], words: str | None
) -> None:
    """Who is known decides; while somebody was never heard of, the copy waits rather than count twice."""
    why = copied(bucket(COPY), "laptop", among(known(LAPTOP), *others))
    assert (why is None) if words is None else (why is not None and words in why)


def test_of_two_copies_the_first_source_keeps_one() -> None:
    """Two computers that copied the same phone deliver it once."""
    both = among(known(LAPTOP, copies=(COPY,)), known(PHONE, hostname="x"), known(TABLET, copies=(COPY,)))
    assert left_out(bucket(COPY), LAPTOP, both) is None
    assert left_out(bucket(COPY), TABLET, both) == (
        'copied by aw-sync from phone, and source "laptop" has the same copy'
    )


def test_one_device_is_synced_by_the_source_that_was_known_first() -> None:
    """Neither another order of the settings nor a second address moves a device to another source."""
    one, two = known(LAPTOP, device="d", hostname="pc"), known(PHONE, device="d", hostname="pc")
    assert twin("phone", among(one, two)) == "laptop"
    assert twin("laptop", among(one, two)) is None
    later = among(replace(one, since=2), replace(two, since=1))
    assert (twin("laptop", later), twin("phone", later)) == ("phone", None)
    assert left_out(bucket(OWN), LAPTOP, later) == 'source "phone" serves the same device'


@pytest.mark.parametrize("other", [{"hostname": "clone"}, {"device": ""}, {"device": "e"}])
def test_what_is_not_one_device_stays_two(other: dict[str, str]) -> None:
    """A cloned disk has its device id twice and its name once; a server without an id is nobody's twin."""
    both = {"device": "d", "hostname": "pc"}
    assert twin("phone", among(known(LAPTOP, **both), known(PHONE, **both | other))) is None


def test_another_address_is_another_source() -> None:
    """What was known of a source does not count after its address was changed; first known stays first."""
    assert not neighbours_of([LAPTOP], [replace(known(LAPTOP), url="http://old")]).known
    info = Info(hostname="pc", version="", device_id="d")
    first = introduced(
        LAPTOP, info, [bucket(OWN), bucket(COPY), bucket("e-synced-from-e", newest=None)], None, 7
    )
    assert first == Neighbour("laptop", "http://laptop", "pc", "d", ("pc",), (COPY,), 7)
    assert introduced(LAPTOP, info, [], first, 9).since == 7
    assert introduced(LAPTOP, replace(info, device_id="new"), [], first, 9).since == 9


def fill(aw: AwServer, id_: str, hostname: str) -> None:
    """An hour of activity that ended three hours ago."""
    aw.create_bucket(id_, "aw-watcher-window", "currentwindow", hostname)
    end = utc_now() - timedelta(hours=3)
    moments = [end - timedelta(minutes=10 * number) for number in range(6)]
    aw.insert(id_, [{"timestamp": at.isoformat(), "duration": 60, "data": {"app": id_}} for at in moments])


def settings_of(folder: Path, store: Receiver, *urls: tuple[str, str]) -> Settings:
    sources = tuple(SourceSettings(name, url, "me") for name, url in urls)
    return make_settings(folder, "", store.url, sources=sources)


def seconds(store: Receiver) -> dict[tuple[str, str], float]:
    """What the store holds, by bucket and host."""
    sums: dict[tuple[str, str], float] = {}
    for labels, samples in store.samples().items():
        key = dict(labels)["bucket"], dict(labels)["host"]
        sums[key] = sums.get(key, 0.0) + sum(samples.values())
    return sums


def whys(said: Iterable[Event]) -> dict[tuple[str, str], str]:
    return {(each.source, each.bucket): each.why for each in said if isinstance(each, BucketSkipped)}


def test_what_a_source_serves_itself_is_synced_once(start_aw: StartAw, tmp_path: Path) -> None:
    """A phone that is a source, and whose buckets aw-sync copied to the laptop, counts once."""
    laptop, phone = start_aw("laptop"), start_aw("phone")
    fill(laptop, OWN, "pc")
    fill(laptop, COPY, "phone")
    fill(laptop, "aw-watcher-window_tv-synced-from-tv", "tv")
    fill(phone, "aw-watcher-window_phone", "phone")
    with Receiver() as store:
        settings = settings_of(tmp_path, store, ("laptop", laptop.url), ("phone", phone.url))
        finished, said = run_pass(settings)
        assert finished.complete
        assert seconds(store) == {
            (OWN, "pc"): 360,
            ("aw-watcher-window_tv-synced-from-tv", "tv"): 360,
            ("aw-watcher-window_phone", "phone"): 360,
        }
    why = 'copied by aw-sync from phone, which source "phone" serves itself'
    assert whys(said) == {("laptop", COPY): why}


async def test_the_lists_say_what_a_pass_does(start_aw: StartAw, tmp_path: Path) -> None:
    """What is listed for the command line and the console leaves out the same copies, with the same words."""
    laptop, phone = start_aw("laptop"), start_aw("phone")
    fill(laptop, COPY, "phone")
    fill(phone, "aw-watcher-window_phone", "phone")
    with Receiver() as store:
        settings = settings_of(tmp_path, store, ("laptop", laptop.url), ("phone", phone.url))
    first, second = await survey(settings)
    assert [(each.host, each.why_not) for each in first.buckets] == [
        ("phone", 'copied by aw-sync from phone, which source "phone" serves itself')
    ]
    assert [each.why_not for each in second.buckets] == [None]
    phone.stop()
    first, second = await survey(settings)
    assert second.error is not None
    assert "it has never answered" in (first.buckets[0].why_not or "")
    first, _ = await survey(settings, [Neighbour("phone", phone.url, "x", "d", hosts=("phone",))])
    assert "serves itself" in (first.buckets[0].why_not or "")


def test_a_copy_waits_for_a_source_that_never_answered_and_nothing_else_does(
    start_aw: StartAw, tmp_path: Path
) -> None:
    """A dead source may be the host of a copy until it has answered once; it delays nothing else."""
    laptop, other = start_aw("laptop"), start_aw("other")
    fill(laptop, OWN, "pc")
    fill(laptop, COPY, "phone")
    fill(other, "aw-watcher-window_other", "other")
    other.stop()
    with Receiver() as store:
        settings = settings_of(tmp_path, store, ("other", other.url), ("laptop", laptop.url))
        finished, said = run_pass(settings)
        assert not finished.complete
        assert seconds(store) == {(OWN, "pc"): 360}
        assert 'which source "other" may be: it has never answered' in whys(said)["laptop", COPY]
        other.start()
        assert run_pass(settings)[0].complete
        once = {(OWN, "pc"): 360, (COPY, "phone"): 360, ("aw-watcher-window_other", "other"): 360}
        assert seconds(store) == once
        other.stop()
        _, said = run_pass(settings, look_back=True)
        assert not whys(said), "who answered once is known"
        assert seconds(store) == once


def test_a_silent_source_is_waited_for_once(
    start_aw: StartAw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes a connection and says nothing delays the others for a moment, and no longer."""
    monkeypatch.setattr(meeting, "PATIENCE", 0.2)
    laptop = start_aw("laptop")
    fill(laptop, OWN, "pc")
    fill(laptop, COPY, "phone")

    class Silent(httpx.AsyncHTTPTransport):
        """Says nothing until the other server is read, if that does not wait for it."""

        def __init__(self) -> None:
            super().__init__()
            self.waited_for = False
            self._read = asyncio.Event()

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "silent":
                try:
                    await asyncio.wait_for(self._read.wait(), 20)
                except TimeoutError:
                    self.waited_for = True
                raise httpx.ReadTimeout("silent", request=request)
            if request.url.path.endswith(f"{OWN}/events"):
                self._read.set()
            return await super().handle_async_request(request)

    with Receiver() as store:
        settings = settings_of(tmp_path, store, ("silent", "http://silent:1"), ("laptop", laptop.url))
        silent = Silent()
        _, said = run_pass(settings, wiring=Wiring(aw_transport=silent))
        assert seconds(store) == {(OWN, "pc"): 360}
    assert not silent.waited_for
    assert set(whys(said)) == {("laptop", COPY)}
    assert [each.source for each in said if isinstance(each, SourceFailed)] == ["silent"]


def test_one_device_under_two_addresses_is_said_and_synced_once(start_aw: StartAw, tmp_path: Path) -> None:
    """The second address of one ActivityWatch is named with what to do, and brings nothing."""
    laptop = start_aw("laptop")
    fill(laptop, OWN, "pc")
    again = laptop.url.replace("127.0.0.1", "localhost")
    with Receiver() as store:
        settings = settings_of(tmp_path, store, ("laptop", laptop.url), ("lan", again))
        finished, said = run_pass(settings)
        assert finished.complete
        assert seconds(store) == {(OWN, "pc"): 360}
        (same,) = [each for each in said if isinstance(each, SameDevice)]
        assert (same.source, same.other) == ("lan", "laptop")
        assert whys(said) == {("lan", OWN): 'source "laptop" serves the same device'}
        swapped = replace(settings, sources=settings.sources[::-1])
        _, said = run_pass(swapped)
        assert [each.source for each in said if isinstance(each, SameDevice)] == ["lan"]
        assert seconds(store) == {(OWN, "pc"): 360}
    with open_state(settings) as state:
        assert [each.source for each in state.neighbours()] == ["lan", "laptop"]
        assert len({each.device for each in state.neighbours()}) == 1


def test_what_is_known_of_sources_outlives_a_run(tmp_path: Path) -> None:
    """A source is remembered whichever store the state is opened for, and replaced by what it says next."""
    with State(tmp_path, "one", write=True) as state:
        state.remember(known(LAPTOP, hosts=("pc",), copies=(COPY,)))
        state.remember(known(LAPTOP, hosts=("pc", "tv")))
    with State(tmp_path, "two", write=False) as state:
        assert state.neighbours() == [known(LAPTOP, hosts=("pc", "tv"))]


async def test_the_doctor_names_a_device_under_two_addresses(start_aw: StartAw, tmp_path: Path) -> None:
    """It warns of the second address with what to remove, and counts a copied phone once."""
    laptop, phone = start_aw("laptop"), start_aw("phone")
    fill(laptop, OWN, "pc")
    fill(laptop, COPY, "phone")
    fill(phone, "aw-watcher-window_phone", "phone")
    again = laptop.url.replace("127.0.0.1", "localhost")
    with Receiver() as store:
        urls = (("laptop", laptop.url), ("lan", again), ("phone", phone.url))
        found = await examined(settings_of(tmp_path, store, *urls))
    assert found.of("device").area == "ActivityWatch lan"
    assert found.of("device").remedy == 'Remove source "lan" or "laptop" from config.toml.'
    assert found.of("buckets", "laptop").what.startswith("1 bucket to sync. 1 excluded")
    assert found.of("buckets", "phone").what == "1 bucket to sync."


async def test_a_backfill_leaves_out_what_a_pass_does(start_aw: StartAw, tmp_path: Path) -> None:
    """What goes into files before the first pass holds a copied phone once, and a device once."""
    laptop, phone = start_aw("laptop"), start_aw("phone")
    fill(laptop, OWN, "pc")
    fill(laptop, COPY, "phone")
    fill(phone, "aw-watcher-window_phone", "phone")
    again = laptop.url.replace("127.0.0.1", "localhost")
    with Receiver() as store:
        urls = (("laptop", laptop.url), ("lan", again), ("phone", phone.url))
        settings = settings_of(tmp_path, store, *urls)
        with open_state(settings) as state:
            wanted = Wanted(since=0, files=True)
            written = await Backfill(settings, state, wanted, lambda _: None).run(tmp_path / "files")
    assert written.manifest is not None
    parts = [(part.source, part.bucket) for part in written.manifest.parts]
    assert parts == [("laptop", OWN), ("phone", "aw-watcher-window_phone")]
