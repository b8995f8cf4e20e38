"""Everything that is wrong comes at once, a line each, as the command and the server say it; and nothing is made."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from powerless import close, open_again, without_power_over_files
from serverprocess import running

from headrace.loading import load, load_what_holds
from headrace.preflight.examine import examine
from headrace.preflight.in_use import LOCK
from headrace.store.embedded.files.folder_lock import FolderLock


def headrace(command: str, *flags: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    arguments = [*before, sys.executable, "-m", "headrace", command, *flags]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=100)


def told(result: subprocess.CompletedProcess[str]) -> list[str]:
    assert "Traceback" not in result.stderr
    return [line for line in result.stderr.splitlines() if not line.startswith("headrace: warning: ")]


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield str(listening.getsockname()[1])


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "locked"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / LOCK).touch()
    close(folder)
    yield folder
    open_again(folder)


@pytest.mark.parametrize(("command", "code"), [("check-config", 2), ("serve", 2)])
def test_mistakes_and_what_is_in_the_way_are_told_together(tmp_path: Path, taken: str, command: str, code: int) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "c.toml").write_text('seal_pints = 5\nlog_level = "loud"\n')
    flags = ("--config", str(tmp_path / "c.toml"), "--data-dir", str(tmp_path / "file"), "--port", taken)
    ended = headrace(command, *flags, "--seal-age-s", "soon")
    assert (ended.returncode, ended.stdout) == (code, "")
    of_file, age, level, data_dir, port = told(ended)
    assert of_file == f'headrace: {tmp_path / "c.toml"}: "seal_pints" is not a setting; did you mean seal_points?'
    assert age.startswith('headrace: seal_age_s = "soon" (from --seal-age-s) is not allowed: ')
    assert level.startswith(f'headrace: log_level = "loud" (from {tmp_path / "c.toml"}) is not allowed: ')
    assert data_dir.startswith(f'headrace: data_dir = "{tmp_path / "file"}" (from --data-dir) cannot be used: ')
    assert port.startswith(
        f"headrace: port = [{taken}] (from --port) cannot be used: cannot listen on 127.0.0.1:{taken}"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.toml", "file"]


@pytest.mark.parametrize("command", ["check-config", "serve"])
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("locked/new", "{locked}/new cannot be made: {locked} may not be read and written by this user (id {id})"),
        ("locked/data", "{locked}/data may not be read and written by this user (id {id})"),
    ],
)
def test_what_this_user_may_not_write(tmp_path: Path, locked: Path, command: str, place: str, why: str) -> None:
    flags = ("--data-dir", str(tmp_path / place), "--port", "0")
    ended = headrace(command, *flags, before=without_power_over_files())
    assert ended.returncode == 1
    [line] = told(ended)
    begins = f'headrace: data_dir = "{tmp_path / place}" (from --data-dir) cannot be used: '
    assert (
        line == begins + why.format(locked=locked, id=os.geteuid()) + "; give it to them (chown), or name another place"
    )
    assert not (locked / "new").exists()


def test_a_configuration_that_this_user_may_not_read(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "c.toml").touch()
    (tmp_path / "etc").chmod(0o000)
    flags = ("--config", str(tmp_path / "etc" / "c.toml"), "--port", "0", "--data-dir", str(tmp_path / "data"))
    ended = headrace("check-config", *flags, before=without_power_over_files())
    (tmp_path / "etc").chmod(0o700)
    assert ended.returncode == 2
    [line] = told(ended)
    assert line == f"headrace: The configuration file {tmp_path / 'etc' / 'c.toml'} can not be read: Permission denied."


def test_what_another_user_left_in_it(tmp_path: Path) -> None:
    """As after a restore by root."""
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal").chmod(0o500)
    flags = ("--data-dir", str(tmp_path), "--port", "0")
    [line] = told(headrace("check-config", *flags, before=without_power_over_files()))
    assert f"{tmp_path / 'journal'} may not be read and written by this user" in line


def test_a_running_server_is_in_nobodys_way_but_of_another_one(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        flags = ("--data-dir", str(tmp_path / "data"), "--port", str(server.port))
        checked = headrace("check-config", *flags)
        assert (checked.returncode, told(checked)) == (0, [])
        assert server.process is not None
        who = f"process {server.process.pid}"
        assert f"headrace: warning: data_dir: a server ({who}) runs on {tmp_path / 'data'} already\n" in checked.stderr
        assert "seal_points = 1000000  # default" in checked.stdout
        another = told(headrace("serve", *flags))
    assert another[0].startswith(f"headrace: another server ({who}) uses the data directory")
    assert another[1].startswith(f"headrace: port = [{server.port}] (from --port) cannot be used: ")


def test_what_is_not_as_it_was_meant_is_not_tried(tmp_path: Path, taken: str) -> None:
    loaded = load_what_holds({"data_dir": str(tmp_path), "port": (taken,), "telnet": "smtp"})
    assert [one.setting for one in examine(loaded, starts=True) if one.is_error] == []
    loaded = load({"data_dir": str(tmp_path), "port": (taken,)})
    assert [one.setting for one in examine(loaded, starts=True) if one.is_error] == ["port"]
    lock = FolderLock(tmp_path)
    try:
        assert [one.setting for one in examine(loaded, starts=True) if one.is_error] == ["data_dir", "port"]
        assert [one.setting for one in examine(loaded, starts=False) if one.is_error] == []
    finally:
        lock.release()
