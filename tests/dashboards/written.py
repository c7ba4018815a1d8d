"""The dashboards as they are shipped."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tests.dashboards import devices, fleet, my_time, my_year

FOLDER = Path(__file__).parent.parent.parent / "awsync" / "center" / "dashboards"
_BUILDERS = {
    "my-time.json": my_time.build,
    "my-year.json": my_year.build,
    "devices.json": devices.build,
    "fleet.json": fleet.build,
}


def documents() -> dict[str, str]:
    """The text of each file."""
    return {
        name: json.dumps(build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, build in _BUILDERS.items()
    }
