"""What everybody on this computer may do with a file: for services that run as a user of their own.

May import: the standard library.
"""

import stat
from pathlib import Path


def closed_folder(path: Path) -> Path | None:
    """The outermost folder above a path that not everybody may enter, also where a link leads there.

    Raises OSError where one cannot be looked at.
    """
    folders = (*reversed(path.absolute().parents), *reversed(path.resolve().parents))
    return next((folder for folder in folders if not folder.stat().st_mode & stat.S_IXOTH), None)


def readable_by_all(path: Path) -> bool:
    """Whether everybody who comes as far as a file may read it. Raises OSError."""
    return bool(path.stat().st_mode & stat.S_IROTH)
