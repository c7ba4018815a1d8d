"""Every key of the console: the one table that bindings, footer, help, palette and documentation come from.

May import: the standard library, msgspec, pages.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from awsync.tui.pages import (
    DETAIL,
    DOCTOR,
    LOG,
    PAGES,
    PLAN,
    PREVIEW,
    QUARANTINE,
    SENT,
    TODAY,
    VERIFY,
    WATCHERS,
)

EVERYWHERE = "everywhere"
LISTS = "lists"
QUESTIONS = "questions"
FILTERING = "filtering"
NO_COMMANDS = frozenset({QUESTIONS, FILTERING})
"""Where the palette does not open: these keys are in help and documentation only."""
FIRST_RUN = "first run"
_NAMES = {
    "space": "space",
    "enter": "enter",
    "escape": "esc",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


class Action(Struct, frozen=True):
    """One thing a key does; `name` is the method `action_<name>`, with its argument where it has one.

    `where` are the pages that have it. `footer` is its word at the bottom of the screen, on the pages of
    `shown_on` or on all that have it; `title` names it in help, palette and documentation.
    """

    name: str
    keys: str
    title: str
    help: str
    where: tuple[str, ...] = (EVERYWHERE,)
    footer: str = ""
    shown_on: tuple[str, ...] = ()

    @property
    def shown_keys(self) -> str:
        """The keys as a person reads them."""
        return " ".join(_NAMES.get(key, key) for key in self.keys.split(","))

    @property
    def id(self) -> str:
        """What names the binding in a keymap."""
        return f"{self.where[0]}.{self.name}"


ACTIONS: tuple[Action, ...] = (
    Action("detail", "enter", "Detail", "Recent events beside what leaves for them, top labels, checkpoint.",
           (WATCHERS,), "Detail"),
    Action("exclude", "space", "Exclude or include",
           "Leaves it, or all marked ones, out; or takes them in again. Writes config.toml.",
           (WATCHERS,), "On/off"),
    Action("mark", "m", "Mark", "Marks the line, so that the next key acts on all marked ones.",
           (WATCHERS, QUARANTINE)),
    Action("mark_all", "M", "Mark all", "Marks every line that is shown, or unmarks them all.",
           (WATCHERS, QUARANTINE)),
    Action("sync_selected", "S", "Sync selected", "Starts a pass over this watcher, or all marked ones.",
           (WATCHERS,)),
    Action("rewind", "r", "Rewind or reset",
           "Moves its checkpoint back, or to the beginning, after a question.",
           (WATCHERS, DETAIL), "Rewind", (DETAIL,)),
    Action("faults", "f", "Only faults", "Shows only the watchers that need a look.", (WATCHERS,)),
    Action("sort_next", "o", "Sort by the next column", "The arrow shows which; the palette sorts by any.",
           (WATCHERS,)),
    Action("sort_reverse", "O", "Reverse the order", "Turns the arrow around.", (WATCHERS,)),
    Action("filter", "slash", "Filter", "Shows what holds all the words; !word leaves out.",
           (WATCHERS, LOG, SENT), "Filter", (WATCHERS, LOG)),
    Action("level", "v", "Level", "Shows only warnings, only errors, or details too.", (LOG,), "Level"),
    Action("follow", "F", "Follow", "Goes to the end of the log and stays there.", (LOG,)),
    Action("by(1)", "b", "By the next", "Tells the time apart by app, title, host, domain or category.",
           (TODAY,), "By"),
    Action("by(-1)", "B", "By the one before", "The same, the other way round.", (TODAY,)),
    Action("period", "w", "Other period", "Today, the last 7 days, the last 30 days.", (TODAY,), "Period"),
    Action("count", "r", "Count again", "Asks ActivityWatch once more.", (TODAY,)),
    Action("examine", "r", "Run again", "Walks from ActivityWatch to the store once more.",
           (DOCTOR,), "Run again"),
    Action("probe", "b", "Probe the store", "Also sends one sample and queries it back, after a question.",
           (DOCTOR,), "Probe"),
    Action("retry_aside", "r", "Try again", "Lets the store have it, or all marked ones, once more at once.",
           (QUARANTINE,), "Try again"),
    Action("drop_aside", "x", "Give up", "It, or all marked ones, will not be sent, after a question.",
           (QUARANTINE,), "Give up"),
    Action("whole", "enter", "Whole", "Gives the one under the cursor the whole screen.", (QUARANTINE,)),
    Action("compare", "r", "Compare again", "Compares the store with ActivityWatch once more.",
           (VERIFY,), "Again"),
    Action("further", "b", "Further back", "Compares the last 7, 30, 90 or 365 days, then 7 again.",
           (VERIFY,), "Further"),
    Action("values", "enter", "Values", "Gives the whole screen to every value that left.",
           (SENT,), "Values"),
    Action("further_back", "w", "More days", "The last day, 7 days or 30 days.", (SENT,), "Days"),
    Action("try_rule", "a", "Try a rule", "Shows at once what a rule would do that is typed here.",
           (PREVIEW,), "Try"),
    Action("save_rule", "S", "Save the rule", "Writes the rule that is tried to config.toml.",
           (PREVIEW,), "Save"),
    Action("watcher(1)", "b", "Next watcher", "Shows the events of the next watcher.", (PREVIEW,), "Next"),
    Action("watcher(-1)", "B", "Watcher before", "The same, the other way round.", (PREVIEW,)),
    Action("hours", "w", "More hours", "The newest hour, 6 hours or 24 hours of it.", (PREVIEW,)),
    Action("look", "r", "Read again", "Reads the newest events once more.", (PREVIEW,)),
    Action("cut", "space", "Switch the label off", "Writes a rule that takes it away to config.toml.",
           (PLAN,), "Off"),
    Action("read", "r", "Read again", "Reads ActivityWatch once more.", (PLAN,)),
    Action("longer", "w", "Other period", "Reads 30, 90 or 365 days, or 7.", (PLAN,), "Period"),
    Action("sync_now", "s", "Sync now", "Starts a pass over everything.", footer="Sync"),
    Action("pause", "p", "Pause or resume", "Stops the running pass and the schedule, or goes on.",
           footer="Pause"),
    Action("refresh", "R", "Look again", "Asks what there is in ActivityWatch now, and sends nothing."),
    Action("schedule", "c", "Schedule", "Changes the cron; the next five runs are shown as you type."),
    Action("undo", "u", "Undo", "Takes back the last exclusion, rule or change of the schedule."),
    *(Action(f"open('{page.name}')", {"?": "question_mark"}.get(page.key, page.key), page.title, page.help,
             footer="Help" if page.name == "help" else "") for page in PAGES),
    Action("copy", "y", "Copy",
           "Copies the line under the cursor, in the doctor its remedy, to the clipboard."),
    Action("export", "e", "Export", "Writes what is shown to a file in the working folder."),
    Action("next_theme", "t", "Theme", "Dark, light, or the terminal's own colours."),
    Action("zoom", "z", "Zoom", "Gives the whole screen to one pane, or takes it back."),
    Action("next_pane", "tab", "Next pane", "Moves to the next pane."),
    Action("previous_pane", "shift+tab", "Previous pane", "Moves to the pane before."),
    Action("take_over", "T", "Take over", "Syncs in this console once the observed service has ended."),
    Action("command_palette", "ctrl+p,colon", "Commands", "Finds any action by its name."),
    Action("back", "escape", "Back", "Drops marks, then filters, then closes the page.",
           footer="Back", shown_on=(DETAIL, *(page.name for page in PAGES))),
    Action("quit", "q,ctrl+q,ctrl+c", "Quit",
           "Leaves at once; what is not confirmed is sent next time. ctrl+q also over a question.",
           footer="Quit"),
    Action("up", "up,k", "Up", "One line up.", (LISTS,)),
    Action("down", "down,j", "Down", "One line down.", (LISTS,)),
    Action("page_up", "pageup,ctrl+b", "Page up", "One page up.", (LISTS,)),
    Action("page_down", "pagedown,ctrl+f", "Page down", "One page down.", (LISTS,)),
    Action("first", "home,g", "First", "To the first line.", (LISTS,)),
    Action("last", "end,G", "Last", "To the last line.", (LISTS,)),
    Action("safe", "escape", "Safe answer", "Leaves everything as it is.", (QUESTIONS,)),
    Action("take", "enter", "Take the answer",
           "The one in brackets, or what is typed; a letter in parentheses answers at once.",
           (QUESTIONS,)),
    Action("move(-1)", "left,up,shift+tab,h,k", "Answer before", "Moves the brackets.", (QUESTIONS,)),
    Action("move(1)", "right,down,tab,l,j", "Answer after", "Moves the brackets.", (QUESTIONS,)),
    Action("keep", "enter,down", "Keep the filter", "Goes back to the list.", (FILTERING,)),
    Action("drop", "escape", "Drop the filter", "Goes back to the list and shows everything.", (FILTERING,)),
    Action("go_on", "enter", "Go on", "Looks, tests the store, and then writes config.toml and starts.",
           (FIRST_RUN,), "Go on"),
    Action("look_again", "ctrl+r", "Look around again", "Looks for ActivityWatch and a store once more.",
           (FIRST_RUN,), "Look again"),
    Action("leave", "escape", "Leave", "Leaves without writing anything.", (FIRST_RUN,), "Leave"),
)  # fmt: skip


def of(place: str) -> Iterator[Action]:
    """The actions of a page, or those that hold everywhere."""
    return (action for action in ACTIONS if place in action.where)


PLACES = {
    EVERYWHERE: "Everywhere",
    WATCHERS: "Watchers",
    DETAIL: "Detail",
    **{page.name: page.title for page in PAGES},
    LISTS: "In every list",
    QUESTIONS: "In a question",
    FILTERING: "In the filter line",
    FIRST_RUN: "In the first run",
}
"""Where keys work, as a person reads it."""


def spelled(name: str, parameters: Iterable[object]) -> str:
    """The name of an action as the table has it, from a method and its arguments."""
    given = ", ".join(map(repr, parameters))
    return f"{name}({given})" if given else name


def table() -> str:
    """The table of keys as docs/console.md has it."""
    rows = [
        f"| {', '.join(PLACES[where] for where in action.where)} | {_code(action)} | {action.title} "
        f"| {action.help} |"
        for place in PLACES
        for action in ACTIONS
        if action.where[0] == place
    ]
    return "\n".join(["| where | key | action | what it does |", "| --- | --- | --- | --- |", *rows])


def _code(action: Action) -> str:
    return " ".join(f"`{key}`" for key in action.shown_keys.split(" "))
