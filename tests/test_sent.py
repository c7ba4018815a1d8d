"""What has left the machine: the ledger and the quarantine summed up, and how far that can be trusted."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.events import PassFinished, Totals, Work
from awsync.ledger import Entry, Ledger, Mark, Range
from awsync.records import Settled
from awsync.remote_write.connection import shown_url
from awsync.sent import Left, Memory, Report, bucket, having, headline, names_of, notes, values_of
from awsync.sent_reader import read
from awsync.series import Labels
from awsync.state import State
from awsync.timeline import DAY, HOUR, MICROSECONDS, Carry
from tests.commands import awsync
from tests.passes import utc_now

SLOT = HOUR // 12
NOW = 1_793_577_600_000_000
SINK = "http://store/api/v1/write"
HOSTILE = "[red]x[/] \x1b[31m\nnext \u202eevil"
WINDOW = "aw-watcher-window_pc"
FIXED = (("__name__", "aw_watcher_window_seconds"), ("bucket", WINDOW), ("host", "pc"), ("user", "me"))


def labelled(**more: str) -> Labels:
    return tuple(sorted((*FIXED, *more.items())))


VIM, FIREFOX, EVIL = labelled(app="vim"), labelled(app="firefox", title="a"), labelled(app=HOSTILE)


def ledger(*entries: Entry) -> Ledger:
    found: dict[Labels, dict[int, list[Entry]]] = {}
    for entry in entries:
        found.setdefault(entry.labels, {}).setdefault(entry.slot_end, []).append(entry)
    return found


def slot(labels: Labels, back: int, seconds: float, correction: int = 0) -> Entry:
    """An entry of the slot that ended so many slots ago."""
    return Entry(labels, NOW - back * SLOT, correction, round(seconds * MICROSECONDS))


ENTRIES = st.lists(
    st.builds(
        slot, st.sampled_from([VIM, FIREFOX, EVIL]), st.integers(0, 5), st.integers(-300, 300),
        st.integers(0, 3),
    ),
    unique_by=lambda entry: entry[:3],
)  # fmt: skip


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ENTRIES, ENTRIES)
def test_everything_that_left_is_counted_once_in_each_view(taken: list[Entry], refused: list[Entry]) -> None:
    """By bucket, label set and value of a label that all have, the sums are those of the entries."""
    found = bucket("laptop", WINDOW, ledger(*taken), refused, Memory())
    by_app: Counter[str] = Counter()
    for entry in (*taken, *refused):
        by_app[dict(entry.labels)["app"]] += entry.microseconds
    assert {each.value: each.left.weight for each in values_of([found], "app")} == by_app
    for left in (found.left, *(label.left for label in found.labels if label.name in ("app", "host"))):
        assert (left.samples, left.corrections, left.refused) == (
            sum(not entry.correction for entry in taken),
            sum(bool(entry.correction) for entry in taken),
            len(refused),
        )
        assert left.microseconds == sum(entry.microseconds for entry in taken)
        assert left.refused_microseconds == sum(entry.microseconds for entry in refused)
        ends = [entry.slot_end for entry in (*taken, *refused)]
        assert (left.first, left.last) == (min(ends, default=None), max(ends, default=None))
    weights = [each.left.weight for each in found.series]
    assert weights == sorted(weights, reverse=True)
    assert {each.labels for each in found.series} == {entry.labels for entry in (*taken, *refused)}


def test_a_label_set_is_told_by_what_differs_in_its_bucket() -> None:
    """What is the same for all of a bucket is left out, unless it is not: then two sets stay two."""
    found = bucket("laptop", WINDOW, ledger(slot(VIM, 1, 5), slot(FIREFOX, 1, 3)), [], Memory())
    assert [found.told(each.labels) for each in found.series] == ["app=vim", "app=firefox, title=a"]
    renamed = tuple(("user", "you") if pair == ("user", "me") else pair for pair in VIM)
    found = bucket("laptop", WINDOW, ledger(slot(VIM, 1, 5), slot(renamed, 1, 3)), [], Memory())
    assert [found.told(each.labels) for each in found.series] == ["user=me, app=vim", "user=you, app=vim"]
    bare = bucket("laptop", WINDOW, ledger(slot(FIXED, 1, 5)), [], Memory())
    assert bare.told(FIXED) == "aw_watcher_window_seconds"
    assert bare.metrics == ["aw_watcher_window_seconds"]


def test_only_what_has_a_value() -> None:
    """Asked for one value, the label sets that have it are left, and the sums are theirs."""
    found = bucket("laptop", WINDOW, ledger(slot(VIM, 1, 5), slot(FIREFOX, 1, 3)), [], Memory())
    (kept,) = having([found], "app", "firefox")
    assert [each.labels for each in kept.series] == [FIREFOX]
    assert kept.left.microseconds == 3 * MICROSECONDS
    assert names_of([kept]) == ["__name__", "app", "bucket", "host", "title", "user"]
    assert having([found], "app", "none")[0].left == Left()


def settled(*entries: Entry, refused: tuple[tuple[Entry, str], ...] = ()) -> Settled:
    return Settled(
        source="laptop",
        bucket=WINDOW,
        work=Work.FORWARD,
        start=NOW - DAY,
        end=NOW,
        newest=NOW,
        carry=Carry(),
        entries=entries,
        refused=refused,
        samples=len(entries),
    )


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path, SINK, write=True) as opened:
        yield opened


def test_nothing_left(state: State) -> None:
    """A state that is new says so in a sentence, and has no doubts."""
    report = read(state, NOW - DAY, NOW)
    assert (
        headline(report)
        == f"Nothing is known to have left for {SINK} of the time since 2026-11-01 00:00 UTC."
    )
    assert (report.buckets, notes(report), report.whole_from) == ([], [], report.since)


def test_what_was_refused_left_too(state: State) -> None:
    """A sample in quarantine was sent, also one that somebody gave up; corrections are counted apart."""
    state.commit(
        [
            settled(
                slot(VIM, 2, 100),
                slot(VIM, 2, -40, 1),
                refused=((slot(EVIL, 3, 30), "no"), (slot(FIREFOX, 4, 20), "no")),
            )
        ],
        now=NOW,
        keep_from=NOW - DAY,
    )
    given_up = next(held for held in state.quarantine() if held.entry.labels == FIREFOX)
    assert state.mark_aside([f"s{given_up.id}"], Mark.DROPPED) == 1
    report = read(state, NOW - DAY, NOW)
    left = report.left
    assert (left.samples, left.corrections, left.refused) == (1, 1, 2)
    assert (left.microseconds, left.corrected_microseconds) == (60 * MICROSECONDS, -40 * MICROSECONDS)
    assert left.refused_microseconds == 50 * MICROSECONDS
    assert [each.value for each in values_of(report.buckets, "app")] == ["vim", HOSTILE, "firefox"]
    assert headline(report).endswith(
        "1 bucket, 3 series, 1 sample, 1 correction, 2 samples that the store refused."
    )
    assert read(state, NOW - 4 * SLOT, NOW).left.refused == 1
    assert read(state, NOW - 2 * SLOT, NOW).shown == []


def test_what_the_ledger_forgot_is_said(state: State) -> None:
    """Of the time before the ledger's beginning only corrected slots are known: it names who knows more."""
    old = 10 * 24 * 12
    state.commit(
        [settled(slot(VIM, 2, 100), slot(VIM, old, 50), slot(VIM, old, 5, 1))],
        now=NOW,
        keep_from=NOW - DAY,
    )
    assert notes(read(state, NOW - DAY, NOW)) == []
    report = read(state, NOW - 30 * DAY, NOW)
    assert report.whole_from == NOW - DAY
    assert (report.left.samples, report.left.corrections) == (1, 1)
    (note,) = notes(report)
    assert "whole from 2026-11-01 00:00 UTC on" in note
    assert note.endswith("awsync verify --since 30d")


def test_what_nobody_can_be_sure_of_is_said(state: State) -> None:
    """A lost answer, a checkpoint that was moved back, ranges and other stores each have their sentence."""
    state.commit([settled(slot(VIM, 2, 100))], now=NOW, keep_from=NOW - DAY)
    state.note_sending("laptop", [(WINDOW, NOW - HOUR, NOW)])
    state.rewind("laptop", WINDOW, NOW - 3 * HOUR, NOW)
    too_old = [Range(NOW - 9 * HOUR, NOW - 8 * HOUR, "too old", NOW)]
    state.commit(
        [replace(settled(), work=Work.LOOK_BACK, end=NOW - 8 * HOUR, asides=too_old)],
        now=NOW,
        keep_from=NOW - DAY,
    )
    number = state.begin_pass(NOW - HOUR)
    totals = Totals(samples=5_000)
    state.finish_pass(number, PassFinished(at=NOW, elapsed=1.0, complete=True, totals=totals))
    state.sink = "http://other"
    state.commit([settled(slot(FIREFOX, 2, 100))], now=NOW, keep_from=NOW - DAY)
    state.sink = SINK
    report = read(state, NOW - DAY, NOW)
    assert (report.passes, report.delivered) == (1, 5_000)
    assert [each.labels for found in report.buckets for each in found.series] == [VIM]
    told = "\n".join(notes(report))
    for words in (
        "delivered 5,000 samples, 1 are listed",
        "something went out for 2026-11-01 23:00 to 2026-11-02 00:00 UTC, and its answer was lost",
        "sent before 2026-11-02 00:00 UTC may not all be remembered",
        "1 range too old for the store",
        "http://other",
    ):
        assert words in told
    later = "\n".join(notes(read(state, NOW - HOUR // 2, NOW)))
    assert "too old" not in later


def test_a_clock_that_was_ahead_hides_nothing(state: State) -> None:
    """What went out for a time that has not come yet is listed as well."""
    state.commit([settled(slot(VIM, -500, 100))], now=NOW, keep_from=NOW - DAY)
    assert read(state, NOW - DAY, NOW).left.samples == 1


class Passed(NamedTuple):
    """The folder of a pass, and what the store got."""

    folder: Path
    held: Mapping[Labels, Mapping[int, float]]


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Passed:
    """After a pass; ActivityWatch and the store are gone."""
    folder = tmp_path_factory.mktemp("passed")
    with AwServer(folder / "aw") as aw, Receiver() as store:
        fill(aw)
        (folder / "config.toml").write_text(
            f'prometheus-url = "{store.url}"\naw-url = "{aw.url}"\n'
            f'state-dir = "{folder / "state"}"\nuser-id = "me"\npush-metrics = false\n'
        )
        done = awsync("sync", "--once", folder=folder)
        assert done.returncode == 0, done.stderr
        return Passed(folder, {labels: dict(values) for labels, values in store.samples().items()})


def fill(aw: AwServer) -> None:
    now = utc_now()
    aw.create_bucket(WINDOW, "aw-watcher-window", "currentwindow", "pc")
    aw.insert(
        WINDOW,
        [
            {
                "timestamp": (now - timedelta(minutes=15 + 5 * i)).isoformat(),
                "duration": 200.0,
                "data": {"app": f"app {i % 3}", "title": HOSTILE if i % 2 else "title"},
            }
            for i in range(24)
        ],
    )


def test_the_command_says_what_the_store_got(
    passed: Passed,
) -> None:
    """`sent --json` lists each label set that arrived with its seconds, while another holds the state."""
    folder, held = passed
    sink = json.loads(awsync("status", "--json", folder=folder).stdout)["sink"]
    assert sink == shown_url(sink)
    with State(folder / "state", sink, write=True):
        done = awsync("sent", "--json", folder=folder)
        assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document.keys() == {
        "sink", "since", "until", "whole_from", "notes", "passes", "passes_samples", "other_sinks", "samples",
        "corrections", "refused", "seconds", "correction_seconds", "refused_seconds", "first_slot_end",
        "last_slot_end", "buckets",
    }  # fmt: skip
    (found,) = document["buckets"]
    assert found["metrics"] == ["aw_watcher_window_seconds"]
    listed = {tuple(sorted(each["labels"].items())): each for each in found["series"]}
    assert listed.keys() == held.keys()
    for labels, values in held.items():
        assert listed[labels]["samples"] == len(values)
        assert listed[labels]["seconds"] == pytest.approx(sum(values.values()), abs=1e-6)
    assert {each["value"] for each in found["labels"]["title"]} == {dict(labels)["title"] for labels in held}
    assert document["samples"] == document["passes_samples"] == sum(map(len, held.values()))


def test_the_tables_of_the_command(passed: Passed) -> None:
    """Buckets with labels, the values of one, the label sets; a stranger's text is one harmless line."""
    folder, held = passed
    overview = awsync("sent", folder=folder)
    assert (overview.returncode, overview.stderr) == (0, "")
    assert f"1 bucket, {len(held)} series" in overview.stdout
    rows = [line.split("  ") for line in overview.stdout.splitlines()]
    assert any({WINDOW, "app"} <= set(row) and "app 0, app 1, app 2" in row[-1] for row in rows)
    assert any({WINDOW, "metric"} <= set(row) and "aw_watcher_window_seconds" in row for row in rows)

    metric = awsync("sent", "--label", "metric", folder=folder).stdout
    assert "metric: 1 value" in metric
    assert "__name__" not in overview.stdout + metric
    values = awsync("sent", "--label", "title", folder=folder).stdout
    assert "title: 2 values" in values
    sets = awsync("sent", "--bucket", WINDOW, folder=folder).stdout
    assert f"default/{WINDOW}: {len(held)} label sets" in sets
    for shown in (overview.stdout, values, sets):
        assert "[red]x[/] \ufffd[31m next \ufffdevil" in shown
    only = awsync("sent", "--label", "app=app 1", folder=folder).stdout
    assert "app=app 1" in only
    assert "app=app 0" not in only
    assert "Nothing is known to have left" in awsync("sent", "--label", "app=none", folder=folder).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--bucket", "none"), 1, 'Nothing of "none" was ever sent to'),
        (("--source", "default", "--bucket", "none"), 1, 'Nothing of "default/none"'),
        (("--label", "none"), 1, "Those that did: active, app, bucket, category, host, metric, title"),
        (("--since", "soon"), 2, '"soon" is no moment'),
        (("--since", "0s"), 2, "does not lie in the past"),
    ],
)
def test_what_there_is_not(passed: Passed, arguments: tuple[str, ...], code: int, words: str) -> None:
    """An unknown bucket or label names those there are; a moment that is none is a usage error."""
    done = awsync("sent", *arguments, folder=passed.folder)
    assert done.returncode == code
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""


def test_a_machine_that_never_sent(tmp_path: Path) -> None:
    """Before the first pass the answer is a sentence, an empty document with --json, and no error."""
    arguments = ("sent", "--prometheus-url", "http://127.0.0.1:9", "--state-dir", str(tmp_path / "state"))
    plain = awsync(*arguments, folder=tmp_path)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert plain.stdout.startswith("Nothing is known to have left for http://127.0.0.1:9")
    document = json.loads(awsync(*arguments, "--json", folder=tmp_path).stdout)
    assert (document["samples"], document["buckets"], document["notes"]) == (0, [], [])


def test_the_report_of_one_bucket_does_not_compare_itself_with_passes() -> None:
    """What all passes delivered says nothing about a part of what left."""
    assert notes(Report(SINK, NOW - DAY, NOW, passes=1, delivered=None)) == []
