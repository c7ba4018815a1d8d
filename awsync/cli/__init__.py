"""The command line: commands, exit codes, and the only place that prints.

stdout is data, stderr is narration. Each command loads what it needs when it runs, so that `awsync --help`
starts without httpx, and nothing headless ever loads textual. May import: everything but tui at call time;
at import time only typer, errors and the other modules of cli.
"""

from awsync.cli.main import app, main

__all__ = ["app", "main"]
