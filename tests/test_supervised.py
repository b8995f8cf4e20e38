"""What a supervisor hears (sd_notify(3)): that the server is ready, when it is, and that it stops."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from headrace.supervised import tell_supervisor


def listening(address: str) -> socket.socket:
    wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    wire.settimeout(10)
    wire.bind(address)
    return wire


def test_it_is_told_by_a_socket_of_either_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (str(tmp_path / "notify"), f"\0headrace-{tmp_path.name}-{id(tmp_path)}"):
        with listening(address) as wire:
            monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@"))
            tell_supervisor("READY=1")
            tell_supervisor("STOPPING=1")
            assert [wire.recv(100), wire.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_without_one_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with capture_logs() as logged:
        tell_supervisor("READY=1")
    assert logged == []


def test_one_that_hears_nothing_is_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with capture_logs() as logged:
        tell_supervisor("READY=1")
    assert [line["event"] for line in logged] == ["the supervisor is not told"]
