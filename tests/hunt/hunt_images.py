"""What a disk holds of a file that is written all over, as SQLite writes its files: sectors behind the last sync."""

from __future__ import annotations

from random import Random

SECTOR_BYTES = 512


class Image:
    """A file on the disk, beside what the kernel shows of it."""

    def __init__(self, content: bytes) -> None:
        """content: of the file when all of it was synced."""
        self._content = content
        self._written: set[int] = set()

    def write(self, begin: int, end: int) -> None:
        """Bytes begin .. end - 1 are changed; none when the file is cut."""
        self._written.update(range(begin // SECTOR_BYTES, (max(end, begin + 1) - 1) // SECTOR_BYTES + 1))

    def sync(self, content: bytes) -> None:
        """What was written since the last sync, or the last one that failed, is on the disk."""
        synced = bytearray(self._content[: len(content)].ljust(len(content), b"\0"))
        for sector in self._written:
            place = slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES)
            synced[place] = content[place]
        self._content = bytes(synced)
        self._written.clear()

    def lose(self) -> None:
        """A sync failed: the kernel takes for clean what it could not write."""
        self._written.clear()

    def after_power_cut(self, content: bytes, chance: Random) -> bytes:
        """Of what was never synced all is left, nothing, or sector by sector one or the other.   content: what the
        kernel shows."""
        new_share = chance.choice([0.0, 0.5, 0.9, 1.0])
        longest = max(self._content, content, key=len)
        size = len(content) if chance.random() < new_share else len(self._content)
        left = bytearray(longest[:size])
        for begin in range(0, size, SECTOR_BYTES):
            place = slice(begin, min(begin + SECTOR_BYTES, size))
            sector = content[place] if chance.random() < new_share else self._content[place]
            left[place] = sector.ljust(place.stop - begin, b"\0")
        return bytes(left)
