"""The registry of pages: a new one is a file of its own and a line here.

Its key, its entry in the palette, in the help and in docs/console.md follow from the line. A page is loaded
when it is first opened.

May import: the standard library, msgspec.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from awsync.tui.page import Page

LOG = "log"
WATCHERS = "watchers"
DETAIL = "detail"
DOCTOR = "doctor"
QUARANTINE = "quarantine"
VERIFY = "verify"
TODAY = "today"
SENT = "sent"
PLAN = "plan"
PREVIEW = "preview"


class Entry(Struct, frozen=True):
    """A page that a key opens; `place` is its module and class."""

    name: str
    key: str
    title: str
    help: str
    place: str

    def open(self) -> "Page":
        """The page itself."""
        module, _, name = self.place.partition(":")
        page: Page = getattr(import_module(f"awsync.tui.{module}"), name)()
        return page


PAGES = (
    Entry(LOG, "l", "Log", "The engine's own sentences, with filters.", "log:LogPage"),
    Entry("passes", "P", "Passes", "What the last passes did, and the running one.", "passes:PassesPage"),
    Entry(TODAY, "d", "Today", "What the time was spent on, straight from ActivityWatch.", "today:TodayPage"),
    Entry(DOCTOR, "D", "Doctor", "Every step from ActivityWatch to the store, and what to do about it.",
          "doctor:DoctorPage"),
    Entry(QUARANTINE, "Q", "Quarantine", "What the store did not take, why, and what is to become of it.",
          "quarantine:QuarantinePage"),
    Entry(VERIFY, "V", "Verify", "Whether the store says what ActivityWatch says, and why not.",
          "verify:VerifyPage"),
    Entry(SENT, "L", "Sent", "What has left this machine, by bucket and label, as its ledger remembers.",
          "sent:SentPage"),
    Entry(PREVIEW, "W", "Preview", "Newest events before and after: what would leave, and a rule to try.",
          "preview:PreviewPage"),
    Entry(PLAN, "C", "Plan", "What each label costs in series and samples, and which had best go.",
          "plan:PlanPage"),
    Entry("help", "?", "Help", "Every key, and what the signs of the table mean.", "help:HelpPage"),
)  # fmt: skip


def entry(name: str) -> Entry:
    """The line of a page."""
    return next(page for page in PAGES if page.name == name)
