"""The dashboard "awsync fleet": whether every agent delivers, from what they say of themselves."""

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.dashboards import building, variables
from tests.dashboards.building import Page, Query, at_end, bars, lines, listing, numbers, over_time
from tests.dashboards.promql import AGENT, KNOWN, STEP, agents, grown, heard, own

_PASS = "5m"
"""The usual time between two passes: with each comes one sample of everything."""
_RECENT = "[$__rate_interval]"
_SUCCESS = "awsync_last_success_timestamp_seconds"
_LAG = "awsync_bucket_lag_seconds"
_WATCHER = 'bucket=~"$watcher"'
_DEVICE = "user, host"
_ON = "{{user}} on {{host}}"
_VERSION = f"{AGENT}, version"
_AGO = "dateTimeFromNow"


def build() -> Dashboard:
    """The dashboard."""
    about = "Whose lag is shown, by bucket."
    watcher = variables.asked("watcher", "Watcher", "bucket", own(_LAG), about, over=KNOWN)
    within = variables.chosen(
        "within",
        "Heard within",
        "Which agents are known: one that was not heard for longer is not shown at all.",
        {"7 days": "7d", "1 day": "1d", "30 days": "30d", "90 days": "90d"},
    )
    quiet = variables.chosen(
        "quiet",
        "Quiet after",
        "Without a complete pass for so long an agent counts as quiet.",
        {"1 h": "3600", "15 min": "900", "4 h": "14400", "1 day": "86400"},
    )
    page = Page(
        "awsync-fleet",
        "awsync fleet",
        "Whether every agent delivers: what awsync sends of itself with each pass.",
        [*variables.people(f'__name__="{_SUCCESS}"', watcher, KNOWN), within, quiet],
        since="now-24h",
        refresh="1m",
    )
    _at_a_glance(page)
    _agents(page)
    _along_the_time(page)
    return page.build()


def _at_a_glance(page: Page) -> None:
    page.heading("At a glance")
    sources = agents("awsync_source_up", labels=f"{AGENT}, source")
    faulty = own("awsync_passes_total", 'result!="complete"')
    _stat(page, "Agents", "That are known.", f"count({agents(_SUCCESS)})", bad=False)
    _stat(
        page,
        "Quiet",
        "Without a complete pass for longer than “Quiet after” says.",
        f"count(time() - {agents(_SUCCESS)} > $quiet) or vector(0)",
    )
    _stat(
        page,
        "Stores that refuse",
        "Agents whose store takes nothing until somebody changes something.",
        f"sum({agents('awsync_sink_parked')})",
    )
    _stat(
        page,
        "ActivityWatch down",
        "Sources that did not answer when they were last asked.",
        f"sum(1 - {sources})",
    )
    aside = [
        at_end("A", f"sum({agents('awsync_quarantined_samples')})", "samples"),
        at_end("B", f"sum({agents('awsync_set_aside_ranges')})", "ranges"),
    ]
    about = "What the stores did not take: `awsync quarantine list`."
    page.add(numbers("Quarantine", about, aside, unit="short", bad_from=1), 4, 4)
    _stat(
        page,
        "Passes with faults",
        "About how many passes of running services were incomplete, stopped or failed in the chosen time.",
        f"round(sum(increase({faulty}[${{__range_ms}}ms])))",
    )


def _stat(page: Page, title: str, about: str, query: str, *, bad: bool = True) -> None:
    panel = numbers(title, about, [at_end("A", query)], unit="short", bad_from=1 if bad else None)
    page.add(panel, 4, 4)


def _agents(page: Page) -> None:
    page.heading("Agents")
    running = f"topk by ({AGENT}) (1, {heard('awsync_build_info', _VERSION)})"
    columns = {
        "lag": (agents(_LAG, matching=_WATCHER), ""),
        "pending": (agents("awsync_pending_seconds"), ""),
        "last success": (f"1000 * {agents(_SUCCESS)}", _AGO),
        "last heard": (f"1000 * {running}", _AGO),
        "quarantined": (agents("awsync_quarantined_samples"), "short"),
        "ranges set aside": (agents("awsync_set_aside_ranges"), "short"),
        "store refuses": (agents("awsync_sink_parked"), "short"),
        "ActivityWatch answers": (agents("awsync_source_up", fold="min"), "short"),
        "samples delivered": (agents("awsync_samples_delivered_total"), "short"),
    }
    about = "The newest that each said. Of an agent that is quiet, lag and pending are those of then."
    panel = listing("The agents", about, columns, labels=_VERSION.split(", "), unit="s")
    building.told(panel, "last success", {"0": ("never", building.RED)})
    building.told(panel, "store refuses", {"0": ("no", building.GREEN), "1": ("yes", building.RED)})
    building.told(panel, "ActivityWatch answers", {"1": ("yes", building.GREEN), "0": ("no", building.RED)})
    page.add(panel, 24, 9)
    versions = {"agents": (f"count by (version) ({running})", "short")}
    about = "What each agent was last heard with."
    page.add(listing("Versions", about, versions, labels=["version"]), 8, 7)
    by_watcher = "user, host, source, bucket"
    lags = {"lag": (agents(_LAG, labels=by_watcher, matching=_WATCHER), "")}
    about = "Age of the oldest activity that is not delivered, when the agent was last heard."
    page.add(listing("Lag by watcher", about, lags, labels=by_watcher.split(", "), unit="s"), 16, 7)


def _along_the_time(page: Page) -> None:
    page.heading("Along the time")

    def add(title: str, about: str, queries: Sequence[Query], unit: str, *, as_bars: bool = False) -> None:
        drawn = bars if as_bars else lines
        page.add(drawn(title, about, queries, unit=unit), 12, 8)

    def latest(name: str, fold: str = "max", matching: str = "") -> str:
        return agents(name, fold=fold, labels=_DEVICE, over=_RECENT, matching=matching)

    since = f"time() - {agents(_SUCCESS, labels=_DEVICE, over='[1d]')}"
    add(
        "Since the last success",
        "A saw with the teeth of the cron; a slope is a quiet agent.",
        [over_time("A", since, _ON, _PASS)],
        "s",
    )
    lag = latest(_LAG, matching=_WATCHER)
    add("Lag", "The most of any watcher.", [over_time("A", lag, _ON, _PASS)], "s")
    count = f"sum(count_over_time({own('awsync_build_info')}{STEP}))"
    add(
        "Passes",
        "By their end, of running services; and all that told of themselves, those of `--once` too.",
        [
            over_time("A", grown("result", "awsync_passes_total"), "{{result}}", _PASS),
            over_time("B", count, "told of", _PASS),
        ],
        "short",
        as_bars=True,
    )
    seconds, number = (latest(f"awsync_pass_duration_seconds_{part}", "sum") for part in ("sum", "count"))
    about = "On average, since the process began."
    add("Duration of a pass", about, [over_time("A", f"{seconds} / {number}", _ON, _PASS)], "s")
    for title, about, name, unit in (
        ("Samples delivered", "That the stores confirmed.", "awsync_samples_delivered_total", "short"),
        ("Bytes sent", "Of the requests with them.", "awsync_sent_bytes_total", "decbytes"),
    ):
        add(title, about, [over_time("A", grown(_DEVICE, name), _ON, _PASS)], unit, as_bars=True)
    about = "Samples that the store refused, and not yet given up or taken."
    held = latest("awsync_quarantined_samples", "sum")
    add("Quarantine", about, [over_time("A", held, _ON, _PASS)], "short")
    beside = [
        over_time("A", grown("", "awsync_corrections_total"), "corrections", _PASS),
        over_time("B", grown("", "awsync_folded_label_sets_total"), "folded label sets", _PASS),
        over_time("C", grown("", "awsync_retries_total"), "requests repeated", _PASS),
    ]
    add("Beside the usual", "What there should be little of.", beside, "short", as_bars=True)
