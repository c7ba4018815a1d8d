"""What to do about each event that warns, or says that something failed.

The log has no room for it: most of them need nothing from anybody, and that is worth knowing too.
"""

from collections.abc import Mapping

from awsync import events

REMEDIES: Mapping[type, str] = {
    events.SourceFailed: "What it says; the other sources and buckets go on, and the next pass tries again. "
    "Nothing is lost while ActivityWatch has it.",
    events.SameDevice: "Remove one of the two `[[source]]` tables.",
    events.StoreReached: "Write to the store itself in `prometheus-url`, or to a vmagent "
    "([stores](stores.md#vmagent-as-a-relay)).",
    events.StoreParked: "What it says; nothing moves on until then, and nothing is lost.",
    events.RetryScheduled: "Nothing, unless it stays so: then see the store. `awsync doctor` tells more.",
    events.SeriesFolded: "Nothing, or let a rule make the label smaller: `awsync plan` names it. "
    "Or raise `series-budget`.",
    events.SamplesSetAside: "`awsync quarantine list` has the store's words, `awsync doctor` the lines "
    "that let older samples in.",
    events.PassFinished: "The lines before it say what was left; the next pass tries again.",
    events.ClockSkewed: "Set the clock of that machine by a time server.",
    events.HistoryWentBack: "Nothing, if its database was restored. Otherwise see whether two servers "
    "share an address.",
    events.FutureLeft: "Set this machine's clock by a time server; awsync goes on by itself.",
    events.CategoriesLeftOut: "Write the rule of that category anew in ActivityWatch's settings.",
    events.AwayUnknown: "Start `aw-watcher-afk` on that machine: `aw-qt` does.",
    events.OwnSeriesRefused: "Nothing for your activity, which is not concerned; "
    "`push-metrics = false` ends it.",
    events.PassFailed: "What it says; the next pass tries again.",
    events.JournalBegunAnew: "Nothing. The log of earlier passes is gone.",
    events.StateBegunAnew: "Nothing. Delete the file that was kept once you do not want to look at it.",
    events.ServiceLost: "Start it again (`awsync sync`), or press `T` to sync in this console.",
    events.SettingsReloaded: "Mend config.toml; `awsync config check` says where. Until then the earlier "
    "settings hold.",
}
