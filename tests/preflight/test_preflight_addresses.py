"""Addresses that can be had, and those that cannot."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterator

import pytest

from headrace.loading import load
from headrace.preflight.addresses import addresses
from headrace.preflight.findings import Finding


@pytest.fixture
def taken() -> Iterator[int]:
    """A port where somebody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def found(may_be_ours: bool = False, **flags: object) -> list[Finding]:
    return list(addresses(load(flags), may_be_ours))


def test_free_ones_are_free_again() -> None:
    assert found(port=("0", "0")) == found(host="localhost", port=("0",)) == []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for _ in range(2):
        assert found(port=(str(port),)) == []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_a_taken_port_is_told_with_what_to_do(taken: int) -> None:
    [finding] = found(port=("0", str(taken)))
    assert (finding.setting, finding.is_error) == ("port", True)
    assert finding.what == (
        f"port = [0, {taken}] (from --port) cannot be used: cannot listen on 127.0.0.1:{taken}: Address already in "
        "use; stop what listens there, or choose another port"
    )
    assert found(may_be_ours=True, port=(str(taken),)) == []


def test_each_of_several_is_told(taken: int) -> None:
    listeners = [{"address": f"127.0.0.1:{taken}"}, {"address": "localhost:0"}, {"address": "no.such.host.invalid:1"}]
    first, second = found(listeners=(json.dumps(listeners),), insecure=True)
    assert first.what.startswith(f"listeners (from --listeners) cannot be used: cannot listen on 127.0.0.1:{taken}: ")
    assert "cannot listen on no.such.host.invalid:1: " in second.what
    assert second.what.endswith("; name an address of this machine")


def test_an_address_of_another_machine() -> None:
    """192.0.2.0/24 is nobody's (RFC 5737)."""
    [finding] = found(host="192.0.2.1", port=("4242",), insecure=True)
    assert "cannot listen on 192.0.2.1:4242: Cannot assign requested address; name an address" in finding.what


@pytest.mark.parametrize("host", ["a..b", "a" * 300])
def test_what_is_no_name_of_any_machine(host: str) -> None:
    why = "no name of a host is spelled so"
    [finding] = found(host=host, port=("4242",), insecure=True)
    assert f"cannot listen on {host}:4242: {why}; name an address of this machine" in finding.what


def test_a_port_that_needs_a_privilege(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(self: socket.socket, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    [finding] = found(port=("80",))
    assert "127.0.0.1:80: Permission denied; choose a port of 1024 or more, or let this user have" in finding.what
