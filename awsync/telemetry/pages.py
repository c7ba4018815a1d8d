"""What the endpoint shows: the metrics, that the agent lives, and whether it does its work.

May import: the standard library, schedule and the other modules of telemetry; it loads prometheus_client.
"""

from collections.abc import Callable
from http import HTTPStatus

from awsync.schedule import Schedule
from awsync.telemetry.endpoint import Page, Pages
from awsync.telemetry.families import Exposition
from awsync.telemetry.figures import Figures
from awsync.telemetry.health import why_not_ready


def pages(figures: Figures, clock: Callable[[], int], schedule: Callable[[], Schedule]) -> Pages:
    """The pages of an agent; `clock` gives microseconds since the epoch, `schedule` the one in force."""
    exposition = Exposition(figures, clock)

    def ready() -> Page:
        why = why_not_ready(figures, schedule(), clock())
        if why:
            return Page(f"awsync is not ready. {why}\n".encode(), status=HTTPStatus.SERVICE_UNAVAILABLE)
        return Page(b"awsync is ready.\n")

    return {
        "/metrics": lambda headers: Page(*exposition.text(headers)),
        "/-/healthy": lambda _: Page(b"awsync is healthy.\n"),
        "/-/ready": lambda _: ready(),
    }
