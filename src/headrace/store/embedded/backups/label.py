"""backup.json: what says that a backup came to its end. A folder without it is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from headrace.errors import HeadraceError
from headrace.store.embedded.files.durable import replaced_file, sync_folder

LABEL = "backup.json"

LABEL_FORMAT = 1


class CannotBackUp(HeadraceError):  # noqa: N818
    """Where the backup is, or is to be, something is in the way that the operator must change."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup is of.

    database: its id.   taken: when it began, ms since 1970 UTC.   last_sequence: every record of the journal up to this
    one is in it, or what was made of it.   linked, copied: how many files share their bytes with the database or an
    earlier backup, and how many were written.
    """

    database: str
    taken: int
    last_sequence: int
    linked: int
    copied: int
    format: int = LABEL_FORMAT


def read_label(folder: Path) -> Backup | None:
    """None when the folder has none. Raises CannotBackUp when it cannot be understood, OSError."""
    try:
        content = (folder / LABEL).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        backup = msgspec.json.decode(content, type=Backup)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CannotBackUp(f"{folder / LABEL} cannot be understood: {error}") from error
    if backup.format != LABEL_FORMAT:
        raise CannotBackUp(f"{folder / LABEL} has format {backup.format}; this headrace knows {LABEL_FORMAT}")
    return backup


def write_label(folder: Path, backup: Backup) -> None:
    """On return the folder is a backup, also after a power cut. Raises OSError."""
    with replaced_file(folder / LABEL) as file:
        file.write(msgspec.json.format(msgspec.json.encode(backup), indent=1))
    sync_folder(folder)
