"""What a process does to the files below a folder: every call that changes something, with its bytes, from strace."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

CALLS = (
    "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,"
    "write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,lseek,fsync,fdatasync,sync_file_range,"
    "sendfile,copy_file_range,mmap"
)
NS = 1_000_000_000

_OFFSET_FROM_THE_RIGHT = {"pwrite64": -1, "pwritev": -1, "pwritev2": -2}
"""Where the offset stands among the arguments."""

_LINE = re.compile(r"(\d+)\.(\d{6}) (\w+)\((.*)\) += (-?\d+|\?)(?:<((?:\\x..)*)>)?.*?(?: <(\d+\.\d+)>)?$", re.DOTALL)
_QUOTED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OPENED = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})*)>")


class Event(NamedTuple):
    """begin_ns, end_ns: of the wall clock.   kind: "create", "mkdir", "rename", "link", "unlink", "write", "size" or
    "sync".   other: the new path of a rename or link.   at: of a write, or the size.   call: its name."""

    begin_ns: int
    end_ns: int
    kind: str
    path: str
    other: str = ""
    at: int = 0
    data: bytes = b""
    call: str = ""


def command(output: Path) -> list[str]:
    """What stands before the command that is to be traced. output: a file for each thread begins so."""
    return [
        *("strace", "-ff", "--seccomp-bpf", "-ttt", "-T", "-y", "-xx", "-s", str(1 << 28)),
        *("-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(output)),
    ]


def read_events(output: Path, root: Path) -> list[Event]:
    """Those of `root` and below, in the order in which they began. Raises AssertionError for what is not modelled."""
    lines: list[tuple[int, str]] = []
    for file in output.parent.glob(f"{output.name}.*"):
        with file.open() as text:
            lines += [(_begin_ns(line), line.rstrip("\n")) for line in text if line[0].isdigit()]
    reader = _Reader(str(root))
    return [event for _, line in sorted(lines) for event in reader.read(line)]


def _begin_ns(line: str) -> int:
    seconds, _, micros = line.split(" ", 1)[0].partition(".")
    return int(seconds) * NS + int(micros) * 1000


class _Reader:
    """Line after line: it knows where each open file stands."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._offsets: dict[str, int] = {}

    def read(self, line: str) -> Iterator[Event]:
        found = _LINE.fullmatch(line)
        if found is None:
            assert "exited with" in line or "killed by" in line or "<unfinished" in line, line[:300]
            return
        seconds, micros, call, arguments, result, opened, lasted = found.groups()
        if result.startswith("-"):
            return
        begin = int(seconds) * NS + int(micros) * 1000
        # Without an answer the process was killed meanwhile: it may be done, and nothing of that thread follows.
        end = sys.maxsize if result == "?" else begin + int(float(lasted or 0) * NS)
        for event in self._events(call, arguments, result, opened):
            if self._is_watched(event.path):
                yield event._replace(begin_ns=begin, end_ns=end, call=call)

    def _is_watched(self, path: str) -> bool:
        return path == self._root or path.startswith(f"{self._root}/")

    def _events(self, call: str, arguments: str, result: str, opened: str | None) -> Sequence[Event]:
        match call:
            case "open" | "openat" | "creat":
                return self._open(arguments, result, opened)
            case "mkdir" | "mkdirat":
                return [_event("mkdir", _paths(arguments)[0])]
            case "rename" | "renameat" | "renameat2" | "link" | "linkat":
                source, target = _paths(arguments)
                kind = "link" if call.startswith("link") else "rename"
                return [_event(kind, source)._replace(other=target)]
            case "unlink" | "unlinkat" | "rmdir":
                return [_event("unlink", _paths(arguments)[0])]
            case "mmap":
                path = _path(arguments)
                shared = "PROT_WRITE" in arguments and "MAP_SHARED" in arguments and self._is_watched(path)
                # SQLite's index of its log means nothing after a power cut.
                assert not shared or path.endswith("-shm"), f"written by mmap: {path}"
                return []
        descriptor, path = _descriptor(arguments), _path(arguments)
        if not self._is_watched(path):
            return []
        match call:
            case "fsync" | "fdatasync":
                return [_event("sync", path)]
            case "ftruncate":
                return [_event("size", path)._replace(at=int(arguments.rsplit(",", 1)[1]))]
            case "lseek":
                if result != "?":
                    self._offsets[descriptor] = int(result)
                return []
        assert call in ("write", "writev", *_OFFSET_FROM_THE_RIGHT), f"not modelled: {call} of {path}"
        count = len(_bytes(arguments)) if result == "?" else int(result)
        if call in _OFFSET_FROM_THE_RIGHT:
            at = int(arguments.rsplit(",", 2)[_OFFSET_FROM_THE_RIGHT[call]])
        else:
            at = self._offsets.get(descriptor, 0)
            self._offsets[descriptor] = at + count
        return [_event("write", path)._replace(at=at, data=_bytes(arguments)[:count])]

    def _open(self, arguments: str, result: str, opened: str | None) -> Sequence[Event]:
        path = _decoded(opened) if opened else _paths(arguments)[0]
        self._offsets[result] = 0
        events = []
        if "O_CREAT" in arguments:
            events.append(_event("create", path))
        if "O_TRUNC" in arguments:
            events.append(_event("size", path))
        return events


def _event(kind: str, path: str) -> Event:
    return Event(0, 0, kind, path)


def _decoded(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode()


def _bytes(arguments: str) -> bytes:
    return b"".join(bytes.fromhex(text.replace("\\x", "")) for text in _QUOTED.findall(arguments))


def _paths(arguments: str) -> list[str]:
    """The texts among the arguments; one that is not absolute lies in the folder that is named before it."""
    paths, folder = [], ""
    for found in re.finditer(r'(?:AT_FDCWD|\d+)<((?:\\x..)*)>|"((?:\\x..)*)"', arguments):
        if found[2] is None:
            folder = _decoded(found[1])
        else:
            path = _decoded(found[2])
            paths.append(path if path.startswith("/") else f"{folder}/{path}")
    return paths


def _descriptor(arguments: str) -> str:
    return arguments.split("<", 1)[0]


def _path(arguments: str) -> str:
    """Of the open file that is named first."""
    found = _OPENED.search(arguments)
    return _decoded(found[2]) if found else ""
