"""Programs that may write only what its owner allows, as those of services and images do; root's own, too."""

from __future__ import annotations

import os
from pathlib import Path


def without_power_over_files() -> tuple[str, ...]:
    """Before a command: root obeys what a folder says of itself, as others do."""
    return () if os.geteuid() else ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def close(folder: Path) -> None:
    """Nobody may write it any more, nor what is in it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)


def open_again(folder: Path) -> None:
    """So that it can be removed."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
