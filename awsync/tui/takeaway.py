"""What a person takes away from the screen: a line for the clipboard, a page as a file.

May import: the standard library, events, tui app (its type), text.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from awsync.events import Level
from awsync.tui.text import clip

if TYPE_CHECKING:
    from awsync.tui.app import Console

_SHOWN = 45


def copy(console: "Console") -> None:
    """Copies the line under the cursor to the clipboard of the terminal."""
    text = "" if console.page is None else console.page.copied()
    if text:
        console.copy_to_clipboard(text)
        console.say(f"Copied: {clip(' '.join(text.split()), _SHOWN)}", log=False)
    else:
        console.say("There is no line to copy.", Level.WARNING, log=False)


def export(console: "Console") -> None:
    """Writes what is shown to a file in the working folder, for this user alone."""
    if console.page is None:
        return
    ending, text = console.page.exported()
    stamp = datetime.fromtimestamp(console.now() // 1_000_000, UTC).strftime("%Y%m%d-%H%M%S")
    path = Path.cwd() / f"awsync-{console.page.NAME}-{stamp}.{ending}"
    try:
        path.touch(mode=0o600)  # titles of windows may stand in it
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        console.say(
            f"{path} cannot be written: {error.strerror}. Start the console in another folder.", Level.ERROR
        )
    else:
        console.say(f"Written to {path}.")
