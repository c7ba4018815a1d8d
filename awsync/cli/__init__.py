"""The command line: commands, exit codes, and the only place that prints.

stdout is data, stderr is narration. Each command loads what it needs when it runs, so that `awsync --help`
starts without httpx, and nothing headless ever loads textual. This module imports nothing; the others import
typer, errors, words and each other, and the rest of awsync at call time.
"""
