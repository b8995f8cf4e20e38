"""What lies in a folder. Path.glob takes one that the disk does not list, or that we may not read, for empty."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path


def matching(folder: Path, pattern: str) -> list[Path]:
    """The files and folders in `folder` whose names match, ascending; none where it is not there. Raises OSError when
    it cannot be listed: then nobody knows."""
    try:
        return sorted(path for path in folder.iterdir() if fnmatchcase(path.name, pattern))
    except (FileNotFoundError, NotADirectoryError):
        return []
