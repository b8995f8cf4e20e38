"""A folder as a tar archive, made while it is read: in pax format, as tar(1) and Python unpack it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.store.embedded.backups.label import LABEL
from headrace.store.embedded.backups.target import COPY_BYTES

END = bytes(2 * tarfile.BLOCKSIZE)


@dataclass(frozen=True, slots=True)
class _Member:
    path: Path
    head: bytes
    size: int

    @property
    def padding(self) -> int:
        return -self.size % tarfile.BLOCKSIZE


class TarOfBackup:
    """Of a finished backup. Its label comes last: an archive that was cut off is no backup when it is unpacked."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / LABEL)
        self._members = [_member(folder, path) for path in (*paths, folder / LABEL)]

    @property
    def size(self) -> int:
        """Of the whole archive, in bytes."""
        return sum(len(each.head) + each.size + each.padding for each in self._members) + len(END)

    def chunks(self) -> Iterator[bytes]:
        """The archive, a file's bytes in chunks of at most COPY_BYTES. Raises OSError, also when a file is not as long
        as it was."""
        for each in self._members:
            yield each.head
            with each.path.open("rb") as file:
                left = each.size
                while left:
                    chunk = file.read(min(COPY_BYTES, left))
                    if not chunk:
                        raise OSError(5, f"{each.path} became shorter while it was read")
                    left -= len(chunk)
                    yield chunk
            yield bytes(each.padding)
        yield END


def _member(folder: Path, path: Path) -> _Member:
    status = path.stat()
    told = tarfile.TarInfo(path.relative_to(folder).as_posix())
    told.size, told.mode, told.mtime = status.st_size, status.st_mode & 0o777, int(status.st_mtime)
    return _Member(path, told.tobuf(tarfile.PAX_FORMAT), status.st_size)
