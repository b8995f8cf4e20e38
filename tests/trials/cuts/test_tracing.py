"""A trace says what was done to the files below a folder, also by calls during which the process was killed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tracing import Event, read_events

ROOT = "/data"


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def events(folder: Path, *lines: str) -> list[Event]:
    (folder / "calls.7").write_text("".join(f"1700000000.{n:06} {line}\n" for n, line in enumerate(lines, 1)))
    return read_events(folder / "calls", Path(ROOT))


def opened(name: str) -> str:
    return f'openat(AT_FDCWD<{hexed("/")}>, "{hexed(name)}", O_RDWR|O_CREAT, 0644) = 3<{hexed(name)}> <0.000010>'


def test_what_was_written_where(tmp_path: Path) -> None:
    path = f"{ROOT}/journal"
    file = f"3<{hexed(path)}>"
    found = events(
        tmp_path,
        opened(path),
        f'write({file}, "{hexed("abc")}", 3) = 3 <0.000010>',
        f"lseek({file}, 1, SEEK_SET) = 1 <0.000010>",
        f'write({file}, "{hexed("xyz")}", 3) = 2 <0.000010>',
        f"fdatasync({file}) = 0 <0.002000>",
    )
    assert [(one.kind, one.at, one.data) for one in found] == [
        ("create", 0, b""),
        ("write", 0, b"abc"),
        ("write", 1, b"xy"),
        ("sync", 0, b""),
    ]
    assert found[-1].end_ns - found[-1].begin_ns == 2_000_000


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("lseek({file}, 0, SEEK_CUR", None),
        ('write({file}, "{data}", 3', "write"),
        ('pwrite64({file}, "{data}", 3, 8', "write"),
        ("fdatasync({file}", "sync"),
        ("ftruncate({file}, 4", "size"),
        ('unlink("{name}"', "unlink"),
        ('openat(AT_FDCWD<{root}>, "{name}", O_RDWR|O_CREAT, 0644', "create"),
    ],
)
def test_the_process_was_killed_during_a_call(call: str, kind: str | None, tmp_path: Path) -> None:
    path = f"{ROOT}/journal"
    said = call.format(file=f"3<{hexed(path)}>", data=hexed("abc"), name=hexed(path), root=hexed(ROOT))
    [_, *found] = events(tmp_path, opened(path), f"{said}) = ?")
    assert [(one.kind, one.end_ns) for one in found] == ([(kind, sys.maxsize)] if kind else [])
