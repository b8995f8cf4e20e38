"""Our own paths for operators: who may ask, and what is answered."""

from __future__ import annotations

import asyncio
import io
import shutil
import tarfile
import tempfile
import threading
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from starlette.types import Message

from headrace.errors import HeadraceError, Unavailable
from headrace.metrics import Metrics
from headrace.operating import operating_routes
from headrace.status import status_room
from headrace.store.embedded.backups.archive import TarOfBackup
from headrace.store.embedded.backups.label import Backup, CannotBackUp
from headrace.store.embedded.backups.streams import BackupStream
from headrace.store.embedded.scrubbing.counted import CountedFile
from headrace.store.embedded.scrubbing.record import Seen
from headrace.store.embedded.verifying_online import AlreadyVerifying, Tell, Verification

JSON = {"content-type": "application/json"}


class Ended(Verification):
    """Has told all that it tells."""

    def __init__(self, ended: list[int]) -> None:
        self._ended_by = ended

    def end(self) -> None:
        self._ended_by.append(1)


class Store:
    tells: ClassVar[list[bytes | HeadraceError | None]] = []
    ended: ClassVar[list[int]] = []

    def __init__(self) -> None:
        self.places: list[Path] = []

    def verify(self, tell: Tell) -> Verification:
        if not self.tells:
            raise AlreadyVerifying("already")
        for line in self.tells:
            tell(line)
        return Ended(self.ended)

    def back_up(self, place: Path) -> Backup:
        if not place.is_absolute():
            raise CannotBackUp(f"{place} is not absolute")
        self.places.append(place)
        return Backup("id", 1, 2, 3, 4)

    def stream_backup(self) -> BackupStream:
        folder = Path(tempfile.mkdtemp())
        (folder / "backup.json").write_text("{}")
        return BackupStream(Backup("id", 1, 2, 3, 4), TarOfBackup(folder), lambda: shutil.rmtree(folder))

    async def seal(self) -> int:
        return 17

    def files(self) -> list[CountedFile]:
        failed = Seen(5, 9, "Input/output error")
        return [
            CountedFile("segments/points-1.parquet", 100, 1, Seen(7), 3, 2, 10, 20),
            CountedFile("documents.sqlite", 4096, 1, failed),
        ]


def asking(client: str) -> httpx.AsyncClient:
    room = status_room(lambda: None, list, Metrics(), (), operating_routes(Store()))
    transport = httpx.ASGITransport(room.app, client=(client, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://headrace")


async def post(path: str, content: str = "{}", client: str = "127.0.0.1", **headers: str) -> httpx.Response:
    async with asking(client) as asks:
        return await asks.post(path, content=content, headers=JSON | headers)


async def get(path: str, client: str = "127.0.0.1", **headers: str) -> httpx.Response:
    async with asking(client) as asks:
        return await asks.get(path, headers=headers)


async def test_a_backup_is_told() -> None:
    answer = await post("/api/headrace/v1/backup", '{"target": "/backups/newest"}')
    assert answer.status_code == 200
    told = answer.json()
    assert (told["target"], told["last_sequence"], told["linked"], told["copied"]) == ("/backups/newest", 2, 3, 4)


async def test_a_backup_is_streamed_with_its_length_and_last_record() -> None:
    answer = await post("/api/headrace/v1/backup.tar")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["headrace-last-record"] == "2"
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert archive.getnames() == ["backup.json"]


async def test_a_seal_is_told() -> None:
    answer = await post("/api/headrace/v1/seal", client="::1")
    assert (answer.status_code, answer.json()) == (200, {"sealed_through": 17})


@pytest.mark.parametrize("path", [f"/api/headrace/v1/{name}" for name in ("backup", "backup.tar", "seal", "verify")])
async def test_only_this_machine_and_no_web_page_or_proxy_may_ask(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "tells", [b"{}", None])
    body = '{"target": "/backups/newest"}'
    for client in ("10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "somewhere"):
        assert (await post(path, body, client)).status_code == 403
    assert (await post(path, body, "::ffff:127.0.0.1")).status_code == 200
    assert (await post(path, body, origin="https://example.net")).status_code == 403
    for handed_on in ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"):
        assert (await post(path, body, **{handed_on: "127.0.0.1"})).status_code == 403
    assert (await post(path, body, **{"content-type": "text/plain"})).status_code == 415


async def test_what_cannot_be_done_is_said() -> None:
    path = "/api/headrace/v1/backup"
    for body in ("", "[]", "{}", '{"target": 1}', '{"target": "/backup", "place": "/backup"}'):
        assert (await post(path, body)).status_code == 400, body
    answer = await post(path, '{"target": "backups"}')
    assert (answer.status_code, answer.json()) == (409, {"error": "backups is not absolute"})


async def test_a_disk_or_another_backup_in_the_way_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Backup:
        raise Unavailable("another backup is being taken")

    monkeypatch.setattr(Store, "back_up", fail)
    monkeypatch.setattr(Store, "stream_backup", fail)
    monkeypatch.setattr(Store, "seal", fail)
    for path, body in (("backup", '{"target": "/backup"}'), ("backup.tar", "{}"), ("seal", "{}")):
        answer = await post(f"/api/headrace/v1/{path}", body)
        assert (answer.status_code, answer.json()) == (503, {"error": "another backup is being taken"})
        assert answer.headers["retry-after"] == "1"


async def test_files_are_told_with_when_they_were_seen() -> None:
    path = "/api/headrace/v1/segments"
    answer = await get(path)
    assert answer.status_code == 200
    assert answer.json()["files"] == [
        {
            "file": "segments/points-1.parquet",
            "bytes": 100,
            "points": 2,
            "first": 10,
            "last": 20,
            "seen": 7,
            "failed": None,
        },
        {
            "file": "documents.sqlite",
            "bytes": 4096,
            "points": None,
            "first": None,
            "last": None,
            "seen": 5,
            "failed": {"at": 9, "reason": "Input/output error", "damaged": False},
        },
    ]
    assert (await get(path, client="10.0.0.1")).status_code == 403
    assert (await get(path, origin="https://example.net")).status_code == 403


async def test_a_verification_is_told_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/api/headrace/v1/verify"
    ended: list[int] = []
    monkeypatch.setattr(Store, "ended", ended)
    monkeypatch.setattr(Store, "tells", [b'{"read": 1, "of": 2}', b'{"sound": true}', None])
    answer = await post(path)
    assert (answer.status_code, answer.text) == (200, '{"read": 1, "of": 2}\n{"sound": true}\n')
    assert ended
    monkeypatch.setattr(Store, "tells", [Unavailable("no room"), None])
    answer = await post(path)
    assert (answer.status_code, answer.json()) == (503, {"error": "no room"})
    monkeypatch.setattr(Store, "tells", [])
    answer = await post(path)
    assert (answer.status_code, answer.json()) == (409, {"error": "already"})


@pytest.mark.parametrize("reads", [False, True])
async def test_a_client_that_goes_away_ends_a_verification(reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(Store, "ended", ended)
    monkeypatch.setattr(Store, "tells", [b'{"read": 1, "of": 2}'])  # and never another line
    room = status_room(lambda: None, list, Metrics(), (), operating_routes(Store()))
    headers = [(b"content-type", b"application/json")]
    begun = asyncio.Event()

    async def receive() -> Message:
        if not receive_calls:
            receive_calls.append(1)
            return {"type": "http.request", "body": b"{}", "more_body": False}
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            begun.set()
            if not reads:
                await asyncio.Event().wait()

    receive_calls: list[int] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/headrace/v1/verify",
        "raw_path": b"/api/headrace/v1/verify",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 4242),
    }
    async with asyncio.timeout(10):
        await room.app(scope, receive, send)
    assert ended


async def test_a_backup_whose_client_has_gone_before_it_was_made_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Slow(BackupStream):
        def close(self) -> None:
            closed.set()
            super().close()

    def stream_backup(_: object) -> BackupStream:
        begun.set()
        assert goes_on.wait(10)
        folder = Path(tempfile.mkdtemp())
        (folder / "backup.json").write_text("{}")
        return Slow(Backup("id", 1, 2, 3, 4), TarOfBackup(folder), lambda: shutil.rmtree(folder))

    monkeypatch.setattr(Store, "stream_backup", stream_backup)
    asking = asyncio.create_task(post("/api/headrace/v1/backup.tar"))
    await asyncio.to_thread(begun.wait, 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    goes_on.set()
    assert await asyncio.to_thread(closed.wait, 10)
