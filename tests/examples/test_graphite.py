"""The worked example of CONTRIBUTING.md on real sockets: lines in by its own port, points out by another room."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphite.names import read_name
from graphite.room import open_room
from graphite.wire import decode
from graphite.write import Writes
from memorystore import MemoryStore
from structlog.testing import capture_logs

from headrace.access.authority import Authority
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted
from headrace.model.series import series_name
from headrace.model.spelling import KeyCache
from headrace.query.pool import QueryPool
from headrace.serve import about_of, open_rooms
from headrace.status import start_page
from headrace.store.embedded.store import open_store
from headrace.transport import Listener, Sender
from headrace.transport.guarding.denials import Denials
from headrace.transport.guarding.guard import guarded
from headrace.transport.guarding.web_pages import Pages
from headrace.transport.server import Server

NOW_MS = 1_700_000_000_000
AT_S = 1_364_410_924


class FullAtFirst(MemoryStore):
    """Refuses the first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Admitted] = []
        self.full = True

    async def append(self, points: Admitted) -> int:
        if self.full:
            self.full = False
            raise Unavailable("the queue is full")
        self.batches.append(points)
        return len(self.batches)


@dataclass
class House:
    http_port: int
    graphite_port: int
    metrics: Metrics

    def count(self, name: str, **labels: str) -> float:
        return (
            self.metrics.registry.get_sample_value(f"headrace_points_{name}_total", {"room": "graphite", **labels}) or 0
        )

    async def send(self, *packets: bytes, points: int = 0) -> None:
        """Send what one client says; returns when so many points are stored in all."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.graphite_port)
        for packet in packets:
            writer.write(packet)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 10) == b"", "Graphite answers nothing"
        writer.close()
        assert self.count("accepted") == points, "at the end of the connection all of its points are durable"

    async def ask(self, method: str, path: str, **how: Any) -> Any:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.http_port}") as client:
            answer = await client.request(method, path, **how)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def points(self, question: str) -> dict[str, Any]:
        [series] = await self.ask("GET", f"/api/query?start={AT_S - 100}&end={AT_S + 100}&m=none:{question}")
        return {"tags": series["tags"], **series["dps"]}


@asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[House]:
    """All rooms and this one over one store, as serve.py puts them together."""
    settings, metrics = Settings(data_dir=data_dir), Metrics()
    store = open_store(settings, metrics)
    with ThreadPoolExecutor(2) as threads:
        pool = QueryPool(threads, settings.query_timeout_s)
        authority, pages = Authority([], lambda: 0), Pages([], [])
        ours = open_rooms(store, settings, metrics, pool, authority)
        rooms = [
            guarded(room, pages, authority, Denials(metrics.requests_denied, room.name, lambda: NOW_MS))
            for room in (*ours, open_room(store, metrics, lambda: NOW_MS))
        ]
        listeners = [Listener("127.0.0.1", 0, "opentsdb"), Listener("127.0.0.1", 0, "graphite", http=False)]
        server = Server(rooms, listeners)
        (_, http_port), (_, graphite_port) = await server.start()
        try:
            yield House(http_port, graphite_port, metrics)
        finally:
            await server.stop(1)
            store.close()


async def test_lines_in_and_points_out(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as house:
        line = f"Servers.web01.load 1.5 {AT_S}\n".encode()
        tagged = f"disk.used;host=web01;rack=a 9007199254740993 {AT_S}\n".encode()
        # A capital letter begins a path here, and the packets do not end where the lines do.
        await house.send(line[:9], line[9:] + tagged, f"Servers.web01.load 2 {AT_S + 10}\n".encode(), points=3)
        assert await house.points("Servers.web01.load") == {"tags": {}, str(AT_S): 1.5, str(AT_S + 10): 2}
        assert await house.points("disk.used%7Bhost=web01%7D") == {
            "tags": {"host": "web01", "rack": "a"},
            str(AT_S): 9007199254740993,
        }
        question = {"start_absolute": 1, "end_absolute": 2 * NOW_MS, "metrics": [{"name": "Servers.web01.load"}]}
        [answer] = (await house.ask("POST", "/api/v1/datapoints/query", json=question))["queries"]
        assert answer["results"][0]["values"] == [[AT_S * 1000, 1.5], [(AT_S + 10) * 1000, 2]]


async def test_points_survive_a_kill_at_the_moment_they_are_counted(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as house:
        await house.send(f"a.b 7 {AT_S}\n".encode(), points=1)
        # What a killed process leaves behind is what its files hold now; nothing is sealed or closed yet.
        shutil.copytree(tmp_path / "data", tmp_path / "left")
    async with serving(tmp_path / "left") as house:
        assert await house.points("a.b") == {"tags": {}, str(AT_S): 7}


async def test_a_bad_line_is_named_and_counted_and_the_good_ones_are_kept(tmp_path: Path) -> None:
    bad = {
        b"only.a.path": "timestamp-invalid",
        b"a.b 1 soon": "timestamp-invalid",
        b"a.b 1 1e300": "timestamp-range",
        b"a.b many 1364410924": "value-number",
        b"a.b nan 1364410924": "value-number",
        b"a.b 1e999 1364410924": "value-infinite",
        b"a.b;tag 1 1364410924": "tag-invalid",
        b"a.b;t=1;t=2 1 1364410924": "tag-duplicate",
        b"a.b\xff 1 1364410924": "metric-character",
        b"a\x7fb 1 1364410924": "metric-character",
        b";t=1 1 1364410924": "metric-empty",
        b"x" * 20_000: "line-too-long",
    }
    async with serving(tmp_path / "data") as house:
        with capture_logs() as logged:
            for sent, line in enumerate(bad, 1):
                await house.send(line + b"\na.b 1 1364410924\n", points=sent)
        told = [entry for entry in logged if entry["event"] == "point refused"]
        assert [entry["reason"] for entry in told] == list(bad.values())
        assert (told[0]["where"], told[0]["sender"]) == ("line 1", "127.0.0.1")
        assert told[0]["why"] == "1 words instead of a path, a value and a time"
        for rule in set(bad.values()):
            assert house.count("refused", reason=rule) == list(bad.values()).count(rule), rule
        assert await house.points("a.b") == {"tags": {}, str(AT_S): 1}


async def test_a_full_store_stops_the_reading_and_loses_nothing() -> None:
    store = FullAtFirst()
    session = Writes(store, metrics := Metrics(), lambda: NOW_MS).session(Sender("192.0.2.7"))
    block = b"a.b 1 1364410924\nbad\n"
    with pytest.raises(Unavailable):
        await session.feed(block, 1)
    assert metrics.registry.get_sample_value("headrace_points_accepted_total", {"room": "graphite"}) == 0
    await session.feed(block, 1)
    assert [len(batch) for batch in store.batches] == [1]
    assert metrics.registry.get_sample_value("headrace_points_accepted_total", {"room": "graphite"}) == 1
    counted = {"room": "graphite", "reason": "timestamp-invalid"}
    assert metrics.registry.get_sample_value("headrace_points_refused_total", counted) == 1


def test_minus_one_is_now_and_an_empty_line_is_none() -> None:
    keys = KeyCache(MemoryStore().table, read_name)
    points, refused = decode(b"\n a 1 -1\r\n\nb 0.5 1364410924.25\n", keys, NOW_MS)
    assert not refused
    assert points.times.tolist() == [NOW_MS, 1_364_410_924_250]
    assert points.places.tolist() == [1, 3]
    assert [points.names.name(row) for row in (0, 1)] == [series_name("a", {}), series_name("b", {})]


async def test_the_start_page_tells_of_it(tmp_path: Path) -> None:
    metrics = Metrics()
    about = about_of([open_room(FullAtFirst(), metrics)])
    assert "lines to the port graphite_port" in start_page(about)
