"""Draws them all, or those of the scenes that are named."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.pictures.scenes import SCENES
from tests.pictures.stage import Stage


async def main(wanted: list[str]) -> None:
    """Plays every scene in its order, for one leads to the next."""
    with tempfile.TemporaryDirectory(prefix="awsync-pictures-") as folder:
        stage = Stage(Path(folder))
        stage.start()
        try:
            for scene in SCENES:
                await scene(stage)
        finally:
            stage.stop()


asyncio.run(main(sys.argv[1:]))
