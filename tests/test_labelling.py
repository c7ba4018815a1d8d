"""Who makes the labels of a source's buckets."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from awsync.activitywatch import ActivityWatch, Bucket
from awsync.labelling import Labelling
from awsync.series import Labels
from tests.passes import make_settings


def _labels(folder: Path, hostname: str, hosts: Mapping[str, str]) -> Labels | None:
    settings = make_settings(folder, "http://127.0.0.1:9", "http://127.0.0.1:9", hosts=hosts)
    (source,) = settings.sources
    bucket = Bucket("b", "aw-watcher-window", "currentwindow", hostname, None)

    async def work() -> Labels | None:
        async with ActivityWatch(source) as aw:
            return (await Labelling(aw, source, settings).of(bucket)).labels(b"{}")

    return asyncio.run(work())


def test_hosts_are_renamed(tmp_path: Path) -> None:
    """The [hosts] table renames a host; other hosts keep their names."""
    for hostname, host in (("unknown", "phone"), ("laptop", "laptop")):
        labels = _labels(tmp_path, hostname, {"unknown": "phone"})
        assert labels is not None
        assert dict(labels)["host"] == host
