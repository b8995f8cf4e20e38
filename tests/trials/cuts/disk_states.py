"""What a disk may hold at a moment when its power is cut: of all that was not synced any part.

A file is what it was when it was last synced, and what was done to it since: writes, which a disk does by sectors, and
changes of its size. A folder likewise, with its names; those of one folder are changed in their order.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from random import Random

from tracing import Event

SECTOR_BYTES = 512

STYLES = ("nothing", "torn", "torn", "torn", "data", "names", "all")
"""What is left of what was not synced. data, names: all of the one and nothing of the other."""


@dataclass(eq=False)
class File:
    synced: bytes = b""
    pending: list[Event] = field(default_factory=list)

    def sync(self, through_ns: int) -> None:
        """What had been done at this moment is on disk."""
        content = bytearray(self.synced)
        for event in self.pending:
            if event.end_ns <= through_ns:
                _apply(content, event)
        self.synced = bytes(content)
        self.pending = [event for event in self.pending if event.end_ns > through_ns]

    def left(self, style: str, chance: Random) -> bytes:
        content = bytearray(self.synced)
        if style in ("nothing", "names"):
            return self.synced
        if style in ("data", "all"):
            for event in self.pending:
                _apply(content, event)
            return bytes(content)
        way = chance.choice(["nothing", "first", "some", "sectors", "sizes"])
        first = chance.randint(0, len(self.pending)) if way == "first" else len(self.pending)
        for event in self.pending[:first]:
            if way == "nothing" or (way == "some" and chance.random() < 0.5):
                continue
            if event.kind == "size" or way in ("first", "some"):
                _apply(content, event)
            else:
                _apply_torn(content, event, 0.5 if way == "sectors" else 0.0, chance)
        return bytes(content)


def _apply(content: bytearray, event: Event) -> None:
    end = event.at + len(event.data)
    content.extend(bytes(max(end - len(content), 0)))
    if event.kind == "size":
        del content[event.at :]
    else:
        content[event.at : end] = event.data


def _apply_torn(content: bytearray, event: Event, share: float, chance: Random) -> None:
    """The file is as long as if it had been written, and some of its sectors are."""
    end = event.at + len(event.data)
    content.extend(bytes(max(end - len(content), 0)))
    at = event.at
    while at < end:
        upto = min(at - at % SECTOR_BYTES + SECTOR_BYTES, end)
        if chance.random() < share:
            content[at:upto] = event.data[at - event.at : upto - event.at]
        at = upto


@dataclass(frozen=True)
class Naming:
    """A change of a folder's names. old, new: "" where there is none."""

    end_ns: int
    old: str
    new: str
    node: File | Folder

    def apply(self, names: dict[str, File | Folder]) -> None:
        names.pop(self.old, None)
        if self.new:
            names[self.new] = self.node


@dataclass(eq=False)
class Folder:
    names: dict[str, File | Folder] = field(default_factory=dict)
    synced: dict[str, File | Folder] = field(default_factory=dict)
    pending: list[Naming] = field(default_factory=list)

    def change(self, naming: Naming) -> None:
        naming.apply(self.names)
        self.pending.append(naming)

    def sync(self, through_ns: int) -> None:
        while self.pending and self.pending[0].end_ns <= through_ns:
            self.pending.pop(0).apply(self.synced)

    def left(self, style: str, chance: Random) -> dict[str, File | Folder]:
        kept = {"nothing": 0, "data": 0, "torn": chance.randint(0, len(self.pending))}.get(style, len(self.pending))
        names = dict(self.synced)
        for naming in self.pending[:kept]:
            naming.apply(names)
        return names


class Disk:
    """Go to later and later moments with `advance`, and lay out what may be left at each."""

    def __init__(self, root: Path, events: Sequence[Event]) -> None:
        """root: where they were recorded, empty at the beginning."""
        self._root = root
        self._top = Folder()
        self._events = list(reversed(events))
        self._syncing: list[tuple[int, int, int, File | Folder]] = []
        """Syncs that have begun: when they end, a number, when they began, of what."""
        self._begun = 0

    def advance(self, moment_ns: int) -> None:
        """What began before the moment has been done, what was synced until then is on disk."""
        while self._events and self._events[-1].begin_ns < moment_ns:
            event = self._events.pop()
            self._end_syncs(event.begin_ns)
            self._do(event)
        self._end_syncs(moment_ns)

    def lay_out(self, target: Path, style: str, chance: Random) -> None:
        """target: is not there."""
        self._lay_out(self._top, target, style, chance, {})

    def _lay_out(self, folder: Folder, target: Path, style: str, chance: Random, made: dict[File, Path]) -> None:
        target.mkdir()
        for name, node in folder.left(style, chance).items():
            path = target / name
            if isinstance(node, Folder):
                self._lay_out(node, path, style, chance, made)
            elif name.endswith("-shm"):
                continue  # written by mmap, and rebuilt by who comes first
            elif node in made:
                os.link(made[node], path)
            else:
                path.write_bytes(node.left(style, chance))
                made[node] = path

    def _end_syncs(self, moment_ns: int) -> None:
        while self._syncing and self._syncing[0][0] <= moment_ns:
            _, _, began_ns, node = heappop(self._syncing)
            node.sync(began_ns)

    def _do(self, event: Event) -> None:
        above, name = self._place(event.path)
        node = above.names.get(name) if above else None
        if event.path == str(self._root):
            node = self._top
        match event.kind:
            case "create":
                if above is not None and node is None:
                    above.change(Naming(event.end_ns, "", name, File()))
            case "mkdir":
                if above is not None:
                    above.change(Naming(event.end_ns, "", name, Folder()))
            case "unlink":
                if above is not None and node is not None:
                    above.change(Naming(event.end_ns, name, "", node))
            case "rename" | "link":
                other, new = self._place(event.other)
                if node is not None and other is not None:
                    assert event.kind == "link" or other is above, "renamed into another folder: not modelled"
                    old = name if event.kind == "rename" else ""
                    other.change(Naming(event.end_ns, old, new, node))
            case "sync":
                if node is not None:
                    self._begun += 1
                    heappush(self._syncing, (event.end_ns, self._begun, event.begin_ns, node))
            case _:
                if isinstance(node, File):
                    node.pending.append(event)

    def _place(self, path: str) -> tuple[Folder | None, str]:
        """The folder in which it is, None where it is not known, and its name there."""
        *folders, name = Path(path).relative_to(self._root.parent).parts[1:] or ("",)
        above: Folder | File | None = self._top
        for folder in folders:
            above = above.names.get(folder) if isinstance(above, Folder) else None
        return (above if isinstance(above, Folder) else None), name
