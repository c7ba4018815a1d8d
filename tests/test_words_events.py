"""Every event has one sentence, and moments and numbers read the same everywhere."""

import re
from typing import get_args

import pytest

from awsync.events import (
    AsideDecided,
    AwayUnknown,
    BatchDelivered,
    BucketFound,
    BucketSkipped,
    CategoriesLeftOut,
    CheckpointMoved,
    CheckpointRewound,
    ClockSkewed,
    CorrectionSent,
    Event,
    FutureLeft,
    GapSkipped,
    HeldForThisRun,
    HistoryWentBack,
    JournalBegunAnew,
    LabelsChanged,
    Level,
    LongHistoryFound,
    NextPass,
    OwnSeriesRefused,
    PageRead,
    PassFailed,
    PassFinished,
    PassStarted,
    Paused,
    RepairSent,
    Resumed,
    RetryScheduled,
    RunEnded,
    RunStarted,
    SameDevice,
    SamplesSetAside,
    SeriesFolded,
    ServiceLost,
    SetAsideDelivered,
    SettingsReloaded,
    SourceFailed,
    SourceReached,
    StateBegunAnew,
    StoreParked,
    StoreReached,
    SyncAsked,
    Totals,
    Work,
    describe,
    level,
)
from awsync.summary import PassSummary
from awsync.tally import Tally
from awsync.words import amount, clock, iso, roughly, span, worked

NOON = 1_795_176_000_000_000
"""2026-11-20 12:00 UTC."""

MINUTE = 60_000_000
B = {"source": "laptop", "bucket": "window"}

SENTENCES: list[tuple[Event, str, Level]] = [
    (
        PassStarted(at=NOON, sources=("laptop", "phone"), sink="http://store"),
        "Pass over laptop, phone to http://store started.",
        Level.INFO,
    ),
    (
        SourceReached(source="laptop", url="http://aw", version="v0.13", hostname="host", buckets=1),
        "laptop: ActivityWatch v0.13 on host at http://aw has 1 bucket.",
        Level.INFO,
    ),
    (
        SourceReached(source="laptop", url="http://aw", version="v0.13", hostname="", buckets=2),
        "laptop: ActivityWatch v0.13 on an unnamed host at http://aw has 2 buckets.",
        Level.INFO,
    ),
    (
        SourceFailed(source="laptop", bucket=None, reason="It is down.", remedy="Start it."),
        "laptop: It is down. Start it.",
        Level.ERROR,
    ),
    (
        SourceFailed(**B, reason="It is gone.", remedy=""),
        "laptop/window: It is gone.",
        Level.ERROR,
    ),
    (
        BucketFound(**B, watcher="w", host="h", type="t", newest=NOON, due_from=NOON, due_to=NOON + MINUTE),
        "laptop/window: due from 2026-11-20 12:00 to 2026-11-20 12:01.",
        Level.DEBUG,
    ),
    (
        BucketFound(**B, watcher="w", host="h", type="t", newest=NOON, due_from=NOON, due_to=NOON),
        "laptop/window: nothing new since 2026-11-20 12:00.",
        Level.DEBUG,
    ),
    (
        LongHistoryFound(**B, start=NOON, events=1_000, samples=2_000, accepts_from=None),
        "laptop/window: a first pass over 1,000 events since 2026-11-20 12:00, "
        "which are 2,000 samples at most.",
        Level.INFO,
    ),
    (
        LongHistoryFound(**B, start=NOON, events=1_000, samples=2_000, accepts_from=NOON + MINUTE),
        "laptop/window: a first pass over 1,000 events since 2026-11-20 12:00, "
        "which are 2,000 samples at most. "
        "The store takes nothing from before 2026-11-20 12:01 that way; "
        "awsync backfill FOLDER brings it as files.",
        Level.INFO,
    ),
    (BucketSkipped(**B, why="it is empty"), "laptop/window: skipped, it is empty.", Level.DEBUG),
    (
        PageRead(**B, work=Work.LOOK_BACK, start=NOON, end=NOON + MINUTE, events=1),
        "laptop/window: read 1 event from 2026-11-20 12:00 to 2026-11-20 12:01 (look back).",
        Level.DEBUG,
    ),
    (
        StoreReached(sink="S", engine="Prometheus", version="3.5", protocol="2.0", accepts_from=NOON),
        "S is Prometheus 3.5, remote write 2.0, takes samples from 2026-11-20 12:00 on.",
        Level.INFO,
    ),
    (
        StoreReached(
            sink="S", engine="Prometheus", version="3.5", protocol="1.0", accepts_from=None, relay="vmagent"
        ),
        "S is vmagent before Prometheus 3.5, remote write 1.0.",
        Level.INFO,
    ),
    (
        StoreReached(
            sink="S",
            engine="unknown",
            version="",
            protocol="2.0",
            accepts_from=None,
            relay="Prometheus Agent",
            forgetful=True,
        ),
        "S is Prometheus Agent, remote write 2.0. It hands on nothing that is older than its own start: "
        "history is lost there.",
        Level.WARNING,
    ),
    (
        StoreReached(sink="S", engine="a store", version="", protocol="1.0", accepts_from=None),
        "S is a store, remote write 1.0.",
        Level.INFO,
    ),
    (
        SameDevice(source="lan", other="laptop", hostname="pc"),
        'lan: it serves the same device as source "laptop" (pc), and is not synced, for its time would count '
        "twice. Remove one of the two from the settings.",
        Level.WARNING,
    ),
    (StoreParked(sink="S", reason="It refuses.", remedy="Fix it."), "S: It refuses. Fix it.", Level.ERROR),
    (
        RetryScheduled(sink="S", reason="It is slow.", attempt=2, delay=1.25),
        "S: It is slow. Next try in 1.2 s (attempt 2).",
        Level.WARNING,
    ),
    (
        BatchDelivered(source="laptop", samples=1, series=1, bytes=1234, elapsed=0.5, protocol="2.0"),
        "laptop: delivered 1 sample of 1 series in 500 ms (1,234 bytes, remote write 2.0).",
        Level.DEBUG,
    ),
    (
        CheckpointMoved(**B, position=NOON + 1_000_000, samples=3),
        "laptop/window: delivered up to 2026-11-20 12:00:01.",
        Level.DEBUG,
    ),
    (
        CorrectionSent(**B, samples=2, microseconds=-1_234_500_000),
        "laptop/window: history changed, -1,234.500 s corrected in 2 samples.",
        Level.INFO,
    ),
    (
        SeriesFolded(**B, since=NOON, until=NOON, sets=1, budget=1_000),
        'laptop/window: 1 label set of 2026-11-20 went into "(other)", for a day may begin 1,000 series '
        "(series-budget). No time is lost.",
        Level.WARNING,
    ),
    (
        SeriesFolded(**B, since=NOON, until=NOON + 24 * 60 * MINUTE, sets=2_000, budget=1_000),
        'laptop/window: 2,000 label sets of 2026-11-20 to 2026-11-21 went into "(other)", for a day may '
        "begin 1,000 series (series-budget). No time is lost.",
        Level.WARNING,
    ),
    (
        RepairSent(**B, samples=2, microseconds=17_250_000, refused=0),
        "laptop/window: the store did not agree, +17.250 s mended in 2 samples.",
        Level.INFO,
    ),
    (
        RepairSent(**B, samples=1, microseconds=-17_250_000, refused=1),
        "laptop/window: the store did not agree, -17.250 s mended in 1 sample; the store refused 1.",
        Level.INFO,
    ),
    (
        SamplesSetAside(**B, start=NOON, end=NOON + MINUTE, samples=2, reason="it is old.", remedy="Wait."),
        "laptop/window: set aside 2 samples from 2026-11-20 12:00 to 2026-11-20 12:01, it is old. Wait.",
        Level.WARNING,
    ),
    (
        SetAsideDelivered(**B, start=NOON, end=NOON + MINUTE, samples=2),
        "laptop/window: delivered what was set aside from 2026-11-20 12:00 to 2026-11-20 12:01 (2 samples).",
        Level.INFO,
    ),
    (
        PassFinished(at=NOON, elapsed=1.23, complete=True, totals=Totals(events=1234, samples=5)),
        "Pass complete in 1.2 s: 1,234 events read, 5 samples delivered.",
        Level.INFO,
    ),
    (
        PassFinished(at=NOON, elapsed=0, complete=False, totals=Totals(folded=2, set_aside=1)),
        "Pass incomplete in 0.0 s: 0 events read, 0 samples delivered, 2 label sets folded, "
        "1 sample set aside.",
        Level.WARNING,
    ),
    (
        PassFinished(at=NOON, elapsed=1, complete=True, totals=Totals(held_ranges=1, held_samples=3)),
        "Pass complete in 1.0 s: 0 events read, 0 samples delivered "
        "(1 range and 3 samples set aside in all).",
        Level.INFO,
    ),
    (
        ClockSkewed(of="laptop", seconds=-7500.0),
        "laptop: its clock is 2 h 5 min behind this machine's. Set both by a time server.",
        Level.WARNING,
    ),
    (
        HistoryWentBack(**B, newest=NOON, before=NOON + MINUTE),
        "laptop/window: ActivityWatch's newest event ends 2026-11-20 12:00, and ended 2026-11-20 12:01 "
        "before. Was its database restored? The last day is compared again.",
        Level.WARNING,
    ),
    (
        FutureLeft(**B, position=NOON),
        "laptop/window: the checkpoint lay in the future, so a clock was wrong; "
        "it goes on from 2026-11-20 12:00 UTC.",
        Level.WARNING,
    ),
    (
        LabelsChanged(source="laptop", what=("categories", "rules"), until=NOON),
        "laptop: labels changed (categories, rules). What was sent until 2026-11-20 12:00 UTC keeps those "
        "that it has; awsync resync --since 30d sends that much again.",
        Level.INFO,
    ),
    (
        CategoriesLeftOut(source="laptop", categories=("Work > Code", "Mail")),
        "laptop: no event falls under Work > Code, Mail, for the rule cannot be read. Correct it in "
        "ActivityWatch's settings.",
        Level.WARNING,
    ),
    (
        AwayUnknown(source="laptop", host="desk", bucket="afk_desk", since=NOON),
        "laptop/afk_desk: nothing since 2026-11-20 12:00 UTC, so what desk did since then counts as "
        'active="unknown". Does aw-watcher-afk run there?',
        Level.WARNING,
    ),
    (NextPass(at=NOON), "Next pass at 2026-11-20 12:00 UTC.", Level.INFO),
    (
        PassFinished(at=NOON, elapsed=1, complete=False, stopped=True),
        "Pass stopped in 1.0 s: 0 events read, 0 samples delivered.",
        Level.INFO,
    ),
    (
        PassStarted(at=NOON, sources=("laptop",), sink="http://store", bucket="window"),
        "Pass over laptop/window to http://store started.",
        Level.INFO,
    ),
    (
        OwnSeriesRefused(sink="S", reason="It says 429.", remedy="Wait."),
        "awsync's own metrics did not arrive: S: It says 429. Wait.",
        Level.WARNING,
    ),
    (PassFailed(reason="No space.", remedy="Make some."), "Pass failed: No space. Make some.", Level.ERROR),
    (RunStarted(pid=7, version="1.2"), "awsync 1.2 (pid 7) started.", Level.INFO),
    (RunEnded(pid=7), "awsync (pid 7) stopped.", Level.INFO),
    (Paused(), "Paused: no pass begins by itself.", Level.INFO),
    (Resumed(), "Resumed.", Level.INFO),
    (SyncAsked(), "Asked to sync everything now.", Level.INFO),
    (SyncAsked(**B), "Asked to sync laptop/window now.", Level.INFO),
    (
        CheckpointRewound(**B, position=None),
        "laptop/window: checkpoint moved back to the beginning.",
        Level.INFO,
    ),
    (
        GapSkipped(**B, position=NOON),
        "laptop/window: what is older than 2026-11-20 12:00 UTC is not sent.",
        Level.INFO,
    ),
    (
        AsideDecided(things=2, retry=True),
        "2 set-aside items will be tried again by the next pass.",
        Level.INFO,
    ),
    (AsideDecided(things=1, retry=False), "1 set-aside item given up.", Level.INFO),
    (HeldForThisRun(what='cron is "@daily"'), 'For this run only: cron is "@daily".', Level.INFO),
    (
        JournalBegunAnew(reason="damaged"),
        "The journal of past events was begun anew (damaged); deliveries are not affected.",
        Level.WARNING,
    ),
    (
        StateBegunAnew(reason="disk image is malformed", kept_as="/state.db.damaged-1"),
        "The state database was damaged (disk image is malformed) and was begun anew, the old one is kept as "
        "/state.db.damaged-1; what the store lacks is found out from the store and ActivityWatch.",
        Level.WARNING,
    ),
    (
        StateBegunAnew(reason="it is empty", kept_as="/state.db.damaged-4", deleted=2),
        "The state database was damaged (it is empty) and was begun anew, the old one is kept as "
        "/state.db.damaged-4 (2 older ones deleted); "
        "what the store lacks is found out from the store and ActivityWatch.",
        Level.WARNING,
    ),
    (
        StateBegunAnew(reason="gone", kept_as=""),
        "The state database was damaged (gone) and was begun anew; "
        "what the store lacks is found out from the store and ActivityWatch.",
        Level.WARNING,
    ),
    (
        ServiceLost(pid=7),
        "The observed service (pid 7) has ended; nothing is synced until one runs again.",
        Level.WARNING,
    ),
    (SettingsReloaded(), "Settings read again.", Level.INFO),
    (SettingsReloaded(problem="cron is wrong."), "Settings kept: cron is wrong.", Level.ERROR),
]


@pytest.mark.parametrize(("event", "sentence", "matters"), SENTENCES, ids=range(len(SENTENCES)))
def test_sentences(event: Event, sentence: str, matters: Level) -> None:
    """Each event reads as one plain sentence, and matters as much as it should."""
    assert describe(event) == sentence
    assert level(event) is matters


def test_every_event_has_a_sentence() -> None:
    """An event added to the stream without a sentence would end every front end."""
    assert {type(event) for event, _, _ in SENTENCES} == set(get_args(Event))
    assert set(get_args(Event)) <= describe.registry.keys()


def test_what_is_no_event_has_none() -> None:
    """A stranger in the stream is a fault of ours, and says so."""
    with pytest.raises(TypeError, match="no sentence for int"):
        describe(3)  # type: ignore[arg-type]


def test_every_event_can_be_counted_and_summed_up() -> None:
    """The tally and the summary take each event of a pass, and agree on what was set aside and folded."""
    tally, summary = Tally(), PassSummary()
    for event, _, _ in SENTENCES:
        tally.apply(event)
        summary.apply(event)
    assert not tally.complete
    totals = tally.totals()
    assert (totals.sources_reached, totals.sources_failed, totals.buckets) == (2, 1, 2)
    assert (totals.set_aside, totals.corrections, totals.samples) == (2, 2, 1)
    row = summary.row("laptop", "window")
    assert (row.set_aside, row.folded) == (totals.set_aside, totals.folded) == (2, 2_001)
    matters = (SourceFailed, StoreParked, SamplesSetAside)
    assert list(totals.faults) == [text for event, text, _ in SENTENCES if isinstance(event, matters)]


def test_a_quiet_pass_is_complete() -> None:
    """Nothing found, nothing failed: that is a complete pass with empty totals."""
    assert Tally().complete
    assert Tally().totals() == Totals()


def test_clock_shows_seconds_only_where_there_are_some() -> None:
    """Moments are short where they are round, and exact to the second where not."""
    assert clock(NOON) == "2026-11-20 12:00"
    assert clock(NOON + 1_999_999) == "2026-11-20 12:00:01"
    assert clock(0) == "1970-01-01 00:00"


def test_iso_is_exact() -> None:
    """Machines get moments of one form, to the millisecond, and nothing where there is no moment."""
    assert iso(NOON) == "2026-11-20T12:00:00.000Z"
    assert iso(NOON + 1_001_999) == "2026-11-20T12:00:01.001Z"
    assert iso(None) is None


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "sample", "0 samples"),
        (1, "sample", "1 sample"),
        (1234, "bucket", "1,234 buckets"),
        (3, "series", "3 series"),
    ],
)
def test_amounts(number: int, noun: str, text: str) -> None:
    """A number agrees with its noun."""
    assert amount(number, noun) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (40, "40 s"),
        (59.6, "1 min"),
        (120, "2 min"),
        (11_100, "3 h 5 min"),
        (3_605, "1 h"),
        (90_000, "1 d 1 h"),
        (86_460, "1 d"),
        (-40, "40 s"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    """A length of time has at most two units that lie side by side."""
    assert span(seconds) == text
    assert re.fullmatch(r"\d+ (d|h|min|s)( \d+ (h|min|s))?", span(seconds))


def test_working_time_is_told_in_hours() -> None:
    """A week of work is 40 hours, not a day and 16 hours."""
    found = [worked(seconds) for seconds in (40 * 3600 + 60, 86_399, 3_700, 12, 3_600_000)]
    assert found == ["40 h 1 min", "23 h 59 min", "1 h 1 min", "12 s", "1,000 h 0 min"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7_199, "119 min"),
        (7_200, "2 h"),
        (172_799, "47 h"),
        (1_209_500, "13 d"),
    ],
)
def test_rough_lengths(seconds: float, text: str) -> None:
    """A length that stands in a narrow column has one unit, and is wrong by less than half."""
    assert roughly(seconds) == text
