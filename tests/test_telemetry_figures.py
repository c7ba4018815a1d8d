"""What the events make of the agent's figures, and what an agent must not show of them."""

from typing import Any, get_args, get_type_hints

import pytest
from prometheus_client.parser import text_string_to_metric_families

from awsync.events import (
    BatchDelivered,
    BucketFound,
    BucketSkipped,
    CheckpointMoved,
    CorrectionSent,
    Event,
    GapSkipped,
    HeldForThisRun,
    PassFailed,
    PassFinished,
    PassStarted,
    Paused,
    Resumed,
    RetryScheduled,
    SeriesFolded,
    SettingsReloaded,
    SourceFailed,
    SourceReached,
    StoreParked,
    Totals,
)
from awsync.schedule import Schedule
from awsync.telemetry.families import Exposition
from awsync.telemetry.figures import Figures
from awsync.telemetry.health import why_not_ready

SECOND = 1_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
NOON = 1_795_176_000 * SECOND
"""2026-11-20 12:00 UTC."""

STARTED = PassStarted(at=NOON, sources=("laptop",), sink="http://store")
REACHED = SourceReached(source="laptop", url="http://aw", version="v", hostname="h", buckets=1)
COMPLETE = PassFinished(at=NOON + 5 * SECOND, elapsed=5.0, complete=True)


def found(bucket: str, *, newest: int = NOON, position: int = NOON - HOUR) -> BucketFound:
    """A bucket that a pass syncs."""
    return BucketFound(
        source="laptop", bucket=bucket, watcher="w", host="h", type="t", newest=newest,
        due_from=position, due_to=newest,
    )  # fmt: skip


def folded(*events: Event) -> Figures:
    """The figures after these events."""
    figures = Figures(NOON)
    follow(figures, *events)
    return figures


def follow(figures: Figures, *events: Event) -> None:
    """More events."""
    for event in events:
        figures.apply(event)


def values(figures: Figures, now: int = NOON) -> dict[tuple[str, ...], float]:
    """What a scraper reads: values by name and label values, in the order of the labels' names."""
    text, _ = Exposition(figures, lambda: now).text({})
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_a_pass_is_counted() -> None:
    """Samples, corrections, folded sets, retries, duration and end of a pass are what its events say."""
    batch = BatchDelivered(source="laptop", samples=7, series=2, bytes=90, elapsed=0.1, protocol="2.0")
    shown = values(
        folded(
            STARTED,
            REACHED,
            batch,
            batch,
            CorrectionSent(source="laptop", bucket="b", samples=3, microseconds=1),
            SeriesFolded(source="laptop", bucket="b", since=0, until=0, sets=4, budget=40),
            RetryScheduled(sink="s", reason="r", attempt=1, delay=1.0),
            PassFinished(at=NOON, elapsed=2.5, complete=False, totals=Totals(held_ranges=2, held_samples=5)),
            STARTED,
            COMPLETE,
            PassFailed(reason="", remedy=""),
        )
    )
    expected = {
        ("awsync_samples_delivered_total",): 14,
        ("awsync_sent_bytes_total",): 180,
        ("awsync_corrections_total",): 3,
        ("awsync_folded_label_sets_total",): 4,
        ("awsync_retries_total",): 1,
        ("awsync_passes_total", "complete"): 1,
        ("awsync_passes_total", "incomplete"): 1,
        ("awsync_passes_total", "stopped"): 0,
        ("awsync_passes_total", "failed"): 1,
        ("awsync_pass_duration_seconds_count",): 2,
        ("awsync_pass_duration_seconds_sum",): 7.5,
        ("awsync_last_success_timestamp_seconds",): NOON / SECOND + 5,
        ("awsync_source_up", "laptop"): 1,
    }
    assert {key: shown[key] for key in expected} == expected
    assert (
        values(folded(PassFinished(at=NOON, elapsed=1.0, complete=False, totals=Totals(held_samples=5))))[
            ("awsync_quarantined_samples",)
        ]
        == 5
    )


def test_the_lag_is_the_age_of_what_waits() -> None:
    """A bucket's lag grows with the clock while something waits, and is 0 where all is delivered."""
    figures = folded(STARTED, REACHED, found("busy"), found("idle", newest=NOON, position=NOON))
    shown = values(figures, now=NOON + HOUR)
    assert shown["awsync_bucket_lag_seconds", "busy", "laptop"] == 7200
    assert shown["awsync_bucket_lag_seconds", "idle", "laptop"] == 0
    assert shown["awsync_pending_seconds", "laptop"] == 3600
    figures.apply(CheckpointMoved(source="laptop", bucket="busy", position=NOON - MINUTE, samples=1))
    shown = values(figures, now=NOON + HOUR)
    assert shown["awsync_bucket_lag_seconds", "busy", "laptop"] == 3660
    assert shown["awsync_pending_seconds", "laptop"] == 60
    figures.apply(GapSkipped(source="laptop", bucket="busy", position=NOON))
    assert values(figures)["awsync_pending_seconds", "laptop"] == 0


@pytest.mark.parametrize(
    "event",
    [
        BucketSkipped(source="laptop", bucket="private", why="excluded"),
        SettingsReloaded(),
        HeldForThisRun(what="x"),
        PassStarted(at=NOON, sources=("phone",), sink="s"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_bucket_that_is_left_out_is_not_named(event: Event) -> None:
    """A bucket's id may be private: it goes when the bucket is left out, or its source with it."""
    figures = folded(STARTED, REACHED, found("private"), COMPLETE)
    assert ("awsync_bucket_lag_seconds", "private", "laptop") in values(figures)
    figures.apply(event)
    assert "private" not in str(values(figures))


def test_a_bucket_that_is_gone_is_not_named() -> None:
    """A deleted bucket goes with the next pass over everything, but not while its server is down."""
    figures = folded(STARTED, REACHED, found("vanished"), found("new"), COMPLETE)
    down = SourceFailed(source="laptop", bucket=None, reason="", remedy="")
    follow(figures, STARTED, down, COMPLETE)
    assert values(figures)["awsync_source_up", "laptop"] == 0
    assert "vanished" in str(values(figures))
    one_bucket = PassStarted(at=NOON, sources=("laptop",), sink="s", bucket="new")
    follow(figures, one_bucket, REACHED, found("new"), COMPLETE)
    assert "vanished" in str(values(figures)), "a pass over one bucket says nothing of the others"
    follow(figures, STARTED, REACHED, found("new"), COMPLETE)
    assert "vanished" not in str(values(figures))


def canary(type_: type) -> Event:
    """An event whose every text is a canary, but the name of its source."""
    texts = {str: "canary", str | None: "canary", tuple[str, ...]: ("canary",)}
    numbers = {int: NOON, int | None: NOON, float: 1.0, bool: True}
    hints: dict[str, Any] = get_type_hints(type_)
    fields = {
        name: (texts | numbers).get(hint) if hint in texts or hint in numbers else next(iter(_some(hint)))
        for name, hint in hints.items()
    }
    if "source" in fields:
        fields["source"] = "laptop"
    event: Event = type_(**fields)
    return event


def _some(hint: Any) -> Any:  # noqa: ANN401 an enum, or Totals
    return [Totals(faults=("canary",))] if hint is Totals else hint


def test_no_text_of_an_event_is_shown() -> None:
    """Nothing of an event's texts gets out, whatever the event: no title, address, reason or private id."""
    synced = {BucketFound, PassStarted}
    events = [canary(type_) for type_ in get_args(Event) if type_ not in synced]
    text, _ = Exposition(folded(STARTED, REACHED, found("synced"), *events), lambda: NOON).text({})
    assert b'bucket="synced"' not in text, "the settings were read again"
    figures = folded(STARTED, *events, REACHED, found("synced"), *events)
    follow(figures, STARTED, REACHED, found("synced"))
    text, _ = Exposition(figures, lambda: NOON).text({})
    assert b'bucket="synced"' in text
    assert b"canary" not in text


def test_odd_names_do_not_break_the_exposition() -> None:
    """A bucket id with a lone surrogate, quotes or a line break is shown in a form that a scraper reads."""
    for bucket in ("lone \ud83d", 'quote " back \\ line \n', "x" * 5000):
        text, _ = Exposition(folded(STARTED, REACHED, found(bucket)), lambda: NOON).text({})
        assert list(text_string_to_metric_families(text.decode()))


def ready(figures: Figures, now: int = NOON) -> str:
    """Why it is not ready."""
    return why_not_ready(figures, Schedule("*/5 * * * *"), now)


def test_ready_is_who_does_its_work() -> None:
    """Ready after a pass that ended, for three runs of the cron; not paused, parked or without state."""
    assert ready(folded(STARTED)) == "No pass has ended yet."
    figures = folded(STARTED, COMPLETE)
    assert ready(figures, NOON + 14 * MINUTE) == ""
    assert ready(figures, NOON + 16 * MINUTE) == "No pass has ended since 2026-11-20 12:00:05 UTC."
    figures.apply(Paused())
    assert ready(figures) == "It is paused."
    parked = StoreParked(sink="s", reason="r", remedy="r")
    for event, why in (
        (Resumed(), ""),
        (parked, "The store refuses everything until somebody changes something."),
        (COMPLETE, ""),
        (PassFailed(reason="r", remedy="r"), "The last pass could not use the state."),
        (COMPLETE, ""),
    ):
        figures.apply(event)
        assert ready(figures) == why


def test_a_cron_with_a_long_pause_is_not_late_in_it() -> None:
    """Three runs of the cron may be a weekend."""
    monday = Schedule("0 9 * * 1")
    assert why_not_ready(folded(STARTED, COMPLETE), monday, NOON + 10 * 24 * HOUR) == ""
    assert why_not_ready(folded(STARTED, COMPLETE), monday, NOON + 40 * 24 * HOUR) != ""
