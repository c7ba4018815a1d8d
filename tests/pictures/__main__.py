"""Draws them all."""

import asyncio
import tempfile
from pathlib import Path

from tests.dashboards import pictures as dashboards
from tests.pictures.paint import FOLDER
from tests.pictures.scenes import SCENES
from tests.pictures.stage import Stage


async def main() -> None:
    """Plays every scene in its order, for one leads to the next."""
    with tempfile.TemporaryDirectory(prefix="awsync-pictures-") as folder:
        for old in FOLDER.glob("*.*"):
            old.unlink()
        stage = Stage(Path(folder))
        stage.start()
        try:
            for scene in SCENES:
                await scene(stage)
        finally:
            stage.stop()


asyncio.run(main())
dashboards.draw()
