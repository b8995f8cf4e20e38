"""The way back: a backup becomes the data directory of a server."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from headrace.errors import Unavailable
from headrace.store.embedded.backups.label import LABEL, Backup, CannotBackUp, read_label
from headrace.store.embedded.backups.target import NEW_SUFFIX, remove
from headrace.store.embedded.files.durable import copy_file, make_folder, rename, sync_folder
from headrace.store.embedded.verifying.findings import Finding, FindingKind
from headrace.store.embedded.verifying.verify import Verified, verify


def verify_backup(folder: Path, progress: Callable[[int], None] = lambda _: None) -> tuple[Backup, Verified]:
    """Whether the backup in `folder` can be restored: it came to its end, is sound, and reaches as far as it says.
    What the database itself remembers as lost is no hindrance.

    Raises CannotBackUp when not, and names the first that is wrong; Unavailable.
    """
    backup = read_label(folder)
    if backup is None:
        raise CannotBackUp(f"{folder} is no backup, or one that did not come to its end: it has no {LABEL}")
    verified = verify_labelled(folder, progress)
    wrong = [found for found in verified.findings if found.kind != FindingKind.REMEMBERED]
    if wrong:
        more = f" (and {len(wrong) - 1} more; headrace verify names all)" if len(wrong) > 1 else ""
        raise CannotBackUp(f"the backup {folder} is not sound: {wrong[0].file}: {wrong[0].what}{more}")
    return backup, verified


def verify_labelled(folder: Path, progress: Callable[[int], None] = lambda _: None) -> Verified:
    """As `verify`; a backup must also reach as far as it says."""
    verified = verify(folder, progress)
    backup = read_label(folder)
    if backup is None or verified.last_sequence >= backup.last_sequence:
        return verified
    lacks = f"the backup ends with record {verified.last_sequence} instead of {backup.last_sequence}"
    return replace(verified, findings=(*verified.findings, Finding(FindingKind.GAP, LABEL, lacks)))


def restore(folder: Path, data_dir: Path) -> None:
    """Copy the backup in `folder`, which verify_backup has taken for sound, to `data_dir`, which is not there or empty:
    it is on disk on return. The copy shares no byte with the backup.

    Raises CannotBackUp when something is there, Unavailable when the disk fails: then nothing is left behind.
    """
    if data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise CannotBackUp(f"{data_dir} is not empty; a backup is restored into an empty directory only")
    new = data_dir.with_name(data_dir.name + NEW_SUFFIX)
    try:
        remove(new)
        try:
            make_folder(data_dir.parent)
            _copy(folder, new)
            rename(new, data_dir)
            sync_folder(data_dir.absolute().parent)
        except BaseException:
            remove(new)
            raise
    except OSError as failure:
        raise Unavailable(f"cannot restore into {data_dir}: {failure.strerror}") from failure


def _copy(folder: Path, new: Path) -> None:
    for where, _, names in os.walk(folder):
        target = new / Path(where).relative_to(folder)
        target.mkdir(parents=True)
        for name in names:
            if name != LABEL:
                copy_file(Path(where) / name, target / name)
        sync_folder(target)
