"""The lines of the log: events and sentences that are none stand in one form."""

import json
import re

import pytest

from awsync.cli.output import LogFormat, LogLines
from awsync.events import Level, PassStarted

STARTED = PassStarted(at=1_790_000_000_000_000, sources=("laptop",), sink="http://localhost:9090")


def test_every_line_has_a_time_and_a_level(capsys: pytest.CaptureFixture[str]) -> None:
    """In text a sentence that is no event begins as the line of an event does."""
    lines = LogLines(LogFormat.TEXT, Level.DEBUG)
    lines.apply(STARTED)
    lines.say("Stopped.")
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    for line in told:
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    [A-Z]", line), line
    assert told[1].endswith(" INFO    Stopped.")


def test_every_document_has_a_time_a_level_and_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    """In JSON both have the same three; an event names itself besides."""
    lines = LogLines(LogFormat.JSON, Level.DEBUG)
    lines.apply(STARTED)
    lines.say("Stopped.")
    event, sentence = map(json.loads, capsys.readouterr().err.splitlines())
    assert event["event"] == "PassStarted"
    assert event.keys() > sentence.keys()
    assert (list(sentence), sentence["level"]) == (["time", "level", "message"], "info")
    assert sentence["message"] == "Stopped."
