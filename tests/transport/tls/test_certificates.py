"""A certificate is renewed while the server runs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from certified import Authority, trusting
from smallhouse import running
from structlog.testing import capture_logs

from headrace.transport import Listener
from headrace.transport.tls.certificates import Certificate

GET = b"GET /echo/a HTTP/1.1\r\n\r\n"


async def serial(port: int, root: Path) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(root))
    found = writer.get_extra_info("peercert")["serialNumber"]
    writer.write(GET)
    await reader.readuntil(b"GET /echo/a ")
    writer.transport.abort()
    return str(found)


async def test_new_connections_meet_the_new_one_and_old_ones_live_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    listener = Listener("127.0.0.1", 0, "echo", tls=authority.issue())
    async with running(listeners=[listener]) as house:
        [port] = house.ports
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(authority.root))
        first = await serial(port, authority.root)
        assert await serial(port, authority.root) == first
        authority.issue()
        house.server.reload_certificates()
        assert await serial(port, authority.root) != first
        writer.write(GET)
        await asyncio.wait_for(reader.readuntil(b"GET /echo/a "), 5)
        writer.transport.abort()
        assert house.server.stale_certificates == []
        [(expires_s, is_stale)] = house.meter.certificates.values()
        assert not is_stale
        assert 89 * 86400 < expires_s - time.time() < 91 * 86400


@pytest.mark.parametrize("broken", [b"", b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n", None])
async def test_a_broken_file_keeps_the_old_one_and_is_told(tmp_path: Path, broken: bytes | None) -> None:
    authority = Authority(tmp_path)
    files = authority.issue()
    async with running(listeners=[Listener("127.0.0.1", 0, "echo", tls=files)]) as house:
        first = await serial(house.ports[0], authority.root)
        if broken is None:
            files.certificate.unlink()
        else:
            files.certificate.write_bytes(broken)
        with capture_logs() as told:
            house.server.reload_certificates()
        assert [line["event"] for line in told] == ["certificate not reloaded, the old one stays"]
        assert await serial(house.ports[0], authority.root) == first
        assert [is_stale for _, is_stale in house.meter.certificates.values()] == [True]
        assert house.server.stale_certificates == ["127.0.0.1:0"]
        assert str(files.certificate) in told[0]["why"]
        authority.issue()
        house.server.reload_certificates()
        assert house.server.stale_certificates == []
        assert [is_stale for _, is_stale in house.meter.certificates.values()] == [False]


def test_a_new_certificate_whose_key_is_not_there_yet_waits_for_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = Certificate(authority.issue())
    before, key = certificate.context, (tmp_path / "server.key").read_bytes()
    new_key = authority.issue().key.read_bytes()
    (tmp_path / "server.key").write_bytes(key)
    certificate.reload()
    assert certificate.context is before
    assert "is not the key of the certificate" in str(certificate.fault)
    (tmp_path / "server.key").write_bytes(new_key)
    certificate.reload()
    assert certificate.context is not before
    assert certificate.fault is None


def test_one_that_has_expired_is_used_and_told(tmp_path: Path) -> None:
    with capture_logs() as told:
        Certificate(Authority(tmp_path).issue(expired=True))
    assert [line["event"] for line in told] == ["certificate has expired"]
