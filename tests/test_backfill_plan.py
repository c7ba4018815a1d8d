"""Without servers: what goes into files, in which form, and what the state takes of it."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_fd_to_metric_families

from awsync.admissions import Decisions
from awsync.backfill.manifest import VERSION, File, Manifest, Part, Piece
from awsync.backfill.next_steps import commands, hints, remarks
from awsync.backfill.plan import BLOCK, Borders, borders, pieces
from awsync.backfill.spool import PERIOD_MS, Spool
from awsync.backfill.text import lines, series_text
from awsync.errors import UsageError
from awsync.ledger import Entry, Mark, Range
from awsync.records import Checkpoint
from awsync.remote_write.store import StoreFacts
from awsync.series import seconds, stamp
from awsync.state import State
from awsync.timeline import DAY, HOUR, MILLISECOND, MINUTE

NOW = 1_790_000_000_000_000 // BLOCK * BLOCK + HOUR
AT = Borders(safe=NOW // BLOCK * BLOCK - 4 * HOUR, cut=NOW // BLOCK * BLOCK - 10 * DAY)

TEXTS = st.text(max_size=12)
LABELS = st.dictionaries(
    st.sampled_from(["app", "title", "user", "_x9"]), TEXTS.filter(bool), min_size=1, max_size=4
).map(lambda found: tuple(sorted({**found, "__name__": "aw_x_seconds"}.items())))
ENTRIES = st.builds(
    Entry,
    LABELS,
    st.integers(1_600_000_000 // 300, 2_147_000_000 // 300).map(lambda slot: slot * 5 * MINUTE),
    st.integers(0, 3),
    st.integers(-300_000_000, 300_000_000),
)


@settings(max_examples=40)
@given(st.lists(ENTRIES, unique_by=lambda entry: entry[:3], max_size=30))
def test_the_text_says_what_the_samples_are(entries: list[Entry]) -> None:
    """Any label and any amount is read by an OpenMetrics parser as it was, at the same millisecond."""
    rows = sorted(
        (*series_text(entry.labels), stamp(entry.slot_end, entry.correction), entry.microseconds)
        for entry in entries
    )
    text = io.StringIO("".join(lines(rows)), newline="\n")
    families = text_fd_to_metric_families(text)  # type: ignore[no-untyped-call]
    found = {
        (tuple(sorted({**sample.labels, "__name__": sample.name}.items())), _millisecond(sample.timestamp)):
        sample.value
        for family in families for sample in family.samples
    }  # fmt: skip
    assert found == {
        (entry.labels, stamp(entry.slot_end, entry.correction)): seconds(entry.microseconds)
        for entry in entries
    }


def _millisecond(timestamp: Any) -> int:  # noqa: ANN401 the parser's own type
    """As Go does it: the float of the text, times 1000, cut off."""
    return int(float(f"{timestamp.sec}.{timestamp.nsec:09d}") * 1000)


def test_a_file_holds_a_period_in_order(tmp_path: Path) -> None:
    """Buckets come one after the other; each file has its period's samples, by metric, series and time."""
    begin = 1_000 * PERIOD_MS * MILLISECOND
    labels = [(("__name__", name), ("app", app)) for name in ("aw_b_seconds", "aw_a_seconds") for app in "yx"]
    with Spool(tmp_path / "spool.db") as spool:
        for each in labels:
            slots = (begin + hour * HOUR for hour in range(486 - 2, 486 + 3))
            spool.add([Entry(each, slot, k, 1_500_000) for slot in slots for k in (0, 1)])
        assert spool.periods() == [(1_000, 4 * 2 * 3), (1_001, 4 * 2 * 2)]
        assert spool.series == 4
        spool.write(1_000, tmp_path / "first.om")
        with pytest.raises(UsageError, match="Two sources"):
            spool.add([Entry(labels[0], begin + 485 * HOUR, 0, 1)])
    text = (tmp_path / "first.om").read_text().splitlines()
    assert text[-1] == "# EOF"
    samples = [line for line in text if not line.startswith("#")]
    assert len(samples) == 24
    assert samples == sorted(samples)
    assert (samples[-1].split()[-1]) == f"{(begin // MILLISECOND + PERIOD_MS) // 1000 - 1}.999"
    assert [path.name for path in tmp_path.iterdir()] == ["first.om"]


def facts(**told: Any) -> StoreFacts:  # noqa: ANN401 fields of StoreFacts
    if "window" in told:
        told["out_of_order_window"] = timedelta(microseconds=told.pop("window"))
    return StoreFacts(**({"engine": "Prometheus"} | told))


@pytest.mark.parametrize("window", [0, HOUR, 8 * HOUR, DAY, 30 * DAY])
@pytest.mark.parametrize("head", [None, NOW - 2 * HOUR, NOW - 3 * DAY])
def test_blocks_stay_away_from_the_head(window: int, head: int | None) -> None:
    """No block reaches into what a Prometheus keeps in its head, and what follows is taken if it can be."""
    at = borders(facts(window=window, head_min_ms=None if head is None else head // MILLISECOND), NOW)
    assert at.cut % BLOCK == at.safe % BLOCK == 0
    assert at.cut <= at.safe <= min(NOW - 3 * HOUR, head or NOW)
    assert at.floor == NOW - max(window, HOUR)
    assert at.gap == (at.safe < at.floor)
    if window == 30 * DAY and head != NOW - 3 * DAY:
        assert at.floor + DAY < at.cut < at.floor + 3 * DAY, "time for an import"


def aside(start: int, end: int, mark: Mark = Mark.HELD) -> Range:
    return Range(start, end, "too old", NOW, mark=mark)


BEGIN = AT.cut - 400 * DAY


@pytest.mark.parametrize(
    ("checkpoint", "ranges", "since", "until", "wanted"),
    [
        pytest.param({}, [], None, None, [(BEGIN, AT.cut)], id="never sent"),
        pytest.param({}, [], BEGIN + DAY, None, [(BEGIN + DAY, AT.cut)], id="since"),
        pytest.param({}, [], None, BEGIN + DAY, [(BEGIN, BEGIN + DAY)], id="until"),
        pytest.param({"position": NOW}, [], None, None, [], id="all sent"),
        pytest.param(
            {"position": NOW}, [aside(BEGIN, AT.cut - 7)], None, None, [(BEGIN, AT.cut - 7)], id="aside"
        ),
        pytest.param(
            {"position": NOW},
            [aside(BEGIN, BEGIN + HOUR, Mark.DROPPED), aside(BEGIN + HOUR, BEGIN + DAY)],
            BEGIN,
            None,
            [(BEGIN + HOUR, BEGIN + DAY)],
            id="given up",
        ),
        pytest.param({"position": NOW}, [aside(AT.cut, NOW)], None, None, [(AT.cut, AT.safe)], id="head"),
        pytest.param(
            {"position": AT.cut - DAY, "began": BEGIN + DAY},
            [aside(AT.cut - 2 * DAY, AT.cut - DAY)],
            BEGIN - DAY,
            None,
            [(BEGIN, BEGIN + DAY), (AT.cut - 2 * DAY, AT.cut)],
            id="left out, aside and behind",
        ),
    ],
)
def test_what_goes_into_files(
    checkpoint: dict[str, int],
    ranges: list[Range],
    since: int | None,
    until: int | None,
    wanted: list[tuple[int, int]],
) -> None:
    """Set aside, never sent, left out: each is in the files exactly where it is wanted."""
    known = Checkpoint("s", "b", **{"began": BEGIN, **checkpoint} if checkpoint else {})  # type: ignore[arg-type]
    found = pieces(known, ranges, AT, beginning=BEGIN, since=since, until=until, closed=NOW)
    assert found == [Piece(*each) for each in wanted]


def test_the_state_takes_an_import_into_account(tmp_path: Path) -> None:
    """A checkpoint goes on behind what was imported, and never skips what was not."""
    with State(tmp_path, "sink", write=True) as state:

        def settled(*imported: tuple[int, int]) -> tuple[int | None, int | None, int | None]:
            state.settle_backfill("s", "b", imported, Decisions(), NOW)
            found = state.checkpoint("s", "b")
            return found.began, found.position, found.reached

        assert settled((10 * DAY, 20 * DAY)) == (10 * DAY, 20 * DAY, 20 * DAY), "never sent"
        assert settled((5 * DAY, 10 * DAY)) == (5 * DAY, 20 * DAY, 20 * DAY), "touches its beginning"
        assert settled((DAY, 2 * DAY)) == (5 * DAY, 20 * DAY, 20 * DAY), "a gap remains before it"
        assert settled((19 * DAY, 30 * DAY)) == (5 * DAY, 30 * DAY, 30 * DAY), "goes on"
        assert settled((40 * DAY, 50 * DAY)) == (5 * DAY, 30 * DAY, 50 * DAY), "a gap remains behind it"
        assert state.checkpoint("s", "b").ledger_from == 50 * DAY
        state.rewind("s", "b", None, NOW)
        assert settled((2 * DAY, 9 * DAY)) == (2 * DAY, 9 * DAY, 50 * DAY), "moved back"


def a_manifest(*names: str) -> Manifest:
    part = Part("s", "b", (("bucket", "b"),), [Piece(0, DAY)])
    return Manifest(
        VERSION, "sink", "x", NOW, MINUTE, 1, 1, [File(name, 0, DAY, 1) for name in names], [part]
    )


@pytest.mark.parametrize(
    ("told", "line", "remark"),
    [
        pytest.param(
            facts(data_path="/var/lib/prom data"),
            "for file in 'my files'/*.om; do promtool tsdb create-blocks-from --max-block-duration=486h"
            " openmetrics \"$file\" '/var/lib/prom data' || break; done",
            "as the user that it runs as",
            id="prometheus",
        ),
        pytest.param(
            facts(data_path="data/"),
            "for file in 'my files'/*.om; do promtool tsdb create-blocks-from --max-block-duration=486h"
            ' openmetrics "$file" data/ || break; done',
            "data/ lies in the folder that Prometheus was started in.",
            id="relative",
        ),
        pytest.param(
            StoreFacts(),
            "for file in 'my files'/*.om; do promtool tsdb create-blocks-from --max-block-duration=486h"
            ' openmetrics "$file" DATA-DIR || break; done',
            "DATA-DIR is the folder",
            id="unknown",
        ),
        pytest.param(
            facts(engine="VictoriaMetrics"),
            "for file in 'my files'/*.om; do curl -fsS --data-binary @\"$file\""
            " http://vm/api/v1/import/prometheus || break; done",
            "Run the first line once",
            id="victoria",
        ),
    ],
)
def test_the_commands_are_those_of_the_store(told: StoreFacts, line: str, remark: str) -> None:
    """What is printed can be run as it stands, and ends with awsync's own command."""
    found = commands(a_manifest("x.om"), told, Path("my files"), "http://vm/", ["awsync", "my files"])
    assert found == [line, "awsync 'my files'"]
    assert commands(a_manifest(), told, Path("my files"), "http://vm/", ["awsync"]) == ["awsync"]
    assert remark in " ".join(remarks(told))


def test_what_would_make_an_import_vain_is_said_before() -> None:
    """A retention that would delete the blocks, and time between blocks and what the store takes."""
    oldest = NOW - 700 * DAY
    short = facts(retention=timedelta(days=15), window=30 * DAY)
    (hint,) = hints(short, borders(short, NOW), oldest, NOW)
    assert hint.endswith("--storage.tsdb.retention.time=731d")
    victoria = facts(engine="VictoriaMetrics", retention=timedelta(days=31))
    (hint,) = hints(victoria, borders(victoria, NOW), oldest, NOW)
    assert hint.endswith("-retentionPeriod=731d")
    none = facts(retention=timedelta(days=900), window=0)
    (hint,) = hints(none, borders(none, NOW), oldest, NOW)
    assert "out_of_order_time_window: 2d" in hint
    enough = facts(retention=timedelta(days=900), window=30 * DAY)
    assert not list(hints(enough, borders(enough, NOW), oldest, NOW))
