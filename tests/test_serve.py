"""All rooms over one store, and what the server says first. tests/clients and tests/crash run it as a process."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

from test_house import rooms

from headrace import __version__
from headrace.access.authority import Authority
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.query.pool import QueryPool
from headrace.rooms import ABOUT_ROOMS
from headrace.serve import about_of, open_rooms, welcome
from headrace.settings.principals import RoomName
from headrace.store.embedded.store import open_store


def test_every_room_is_open_and_says_of_itself_what_is_listed(tmp_path: Path) -> None:
    settings, metrics = Settings(data_dir=tmp_path / "data"), Metrics()
    store = open_store(settings, metrics)
    try:
        with ThreadPoolExecutor(1) as threads:
            ours, *opened = open_rooms(
                store, settings, metrics, QueryPool(threads, settings.query_timeout_s), Authority([], lambda: 0)
            )
    finally:
        store.close()
    assert ours.name == "headrace"
    assert {room.name for room in (ours, *opened)} == set(get_args(RoomName))
    assert {room.name for room in opened} == {folder.name for folder in rooms()}
    assert [room.about for room in opened] == list(ABOUT_ROOMS)
    assert about_of([ours, *opened]) == list(ABOUT_ROOMS)


def test_the_first_words_name_the_address_and_every_room(tmp_path: Path) -> None:
    first, more = welcome("http://[::1]:4242", tmp_path, ABOUT_ROOMS)
    others = more.splitlines()
    assert first == f"headrace {__version__} serves http://[::1]:4242 from {tmp_path}"
    assert others[-1].startswith("http://[::1]:4242/ says more")
    assert [line.split("  ")[1] for line in others[:-1]] == [room.speaks for room in ABOUT_ROOMS]


def test_a_taken_port_is_a_sentence_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "headrace", "serve", "--data-dir", str(tmp_path / "d"), "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(
        f"headrace: port = [{port}] (from --port) cannot be used: cannot listen on 127.0.0.1:{port}: "
        "Address already in use; stop what listens there, or choose another port\n"
    )
    assert not (tmp_path / "d").exists()


FAILING = """
import sys
from pathlib import Path
from headrace import log, serve
from headrace.config import Settings
from headrace.errors import Unavailable

def open_rooms(*_):
    raise Unavailable("documents.sqlite cannot be read: Input/output error")

serve.open_rooms = open_rooms
log.configure("console", "info")
serve.run(Settings(data_dir=Path(sys.argv[1]), port=0))
"""


def test_a_room_that_cannot_read_what_it_kept_is_a_sentence_and_no_start(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAILING, str(tmp_path / "data")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "headrace: documents.sqlite cannot be read: Input/output error"
    assert "Traceback" not in ended.stderr
