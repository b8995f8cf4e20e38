"""Everything at once that takes memory: large bodies of the dearest kinds, new series, documents, telnet that is not
read, questions, and readers that read nothing."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from serverprocess import ServerProcess

CGROUPS = Path("/sys/fs/cgroup/memory")
"""Of version 1; where a test may make one there."""

LONG = "z" * 1500
BEGIN_S = 1_700_000_000
PATIENCE_S = 60.0

Body = tuple[str, bytes]
"""Path and body of a post."""


def filled(pieces: Iterable[bytes], size: int, head: bytes = b"[", tail: bytes = b"]") -> bytes:
    """As many pieces as fit into so many bytes."""
    taken, length = [], len(head) + len(tail)
    for piece in pieces:
        length += len(piece) + 1
        if length > size:
            break
        taken.append(piece)
    return head + b",".join(taken) + tail


def shortest_points(size: int, sender: int) -> Body:
    head = b'[{"name":"short%d","tags":{"a":"b"},"ttl":1000000,"datapoints":[' % sender
    return "/api/v1/datapoints", filled((b"[1,1]" for _ in count()), size, head, b"]}]")


def spread_points(size: int, sender: int) -> Body:
    head = b'[{"name":"spread%d","tags":{"a":"b"},"datapoints":[' % sender
    return "/api/v1/datapoints", filled((b"[%d,1]" % at for at in count(BEGIN_S * 1000)), size, head, b"]}]")


def numbers(size: int, sender: int) -> Body:
    point = '{"metric":"n%d","timestamp":%d,"value":1,"tags":{"a":"%d"}}'
    return "/api/put", filled(((point % (sender, BEGIN_S + at, at % 50)).encode() for at in count()), size)


def refused(size: int, sender: int) -> Body:
    point = '{"metric":"n!%d","timestamp":1,"value":1,"tags":{"a":"%d"}}'
    return "/api/put?details", filled(((point % (sender, at)).encode() for at in count()), size)


def long_texts(size: int, sender: int) -> Body:
    point = '{"metric":"t%d","timestamp":%d,"value":"%s%d","tags":{"a":"b"}}'
    return "/api/put", filled(((point % (sender, BEGIN_S + at, "y" * 60_000, at)).encode() for at in count()), size)


def fields(size: int, sender: int) -> Body:
    """200 fields of each of a few devices with long tags: their names unfold to two hundred times their bytes."""
    tags = {f"t{at}": LONG for at in range(8)}
    values = {f"f{at}": at for at in range(200)}
    points = (
        json.dumps({"metric": "w", "timestamp": BEGIN_S + at, "fields": values, "tags": tags | {"s": f"{sender}"}})
        for at in range(20)
    )
    return "/api/mput", filled((point.encode() for point in points), size)


def many_fields(size: int, sender: int) -> Body:
    point = '{"metric":"v%d","timestamp":%d,"fields":{%s},"tags":{"a":"b"}}'
    values = ",".join(f'"f{at}":{at}' for at in range(50))
    points = ((point % (sender, BEGIN_S + at, values)).encode() for at in range(19_000))
    return "/api/mput", filled(points, size)


_names = count()


def new_series(size: int, sender: int) -> Body:
    point = '{"metric":"s","timestamp":1700000000,"value":1,"tags":{"a":"%s%d"}}'
    return "/api/put", filled(((point % (LONG, next(_names))).encode() for _ in range(2000)), size)


def notes(size: int, sender: int) -> Body:
    note = '{"startTime":%d,"description":"%s"}'
    return "/api/annotation/bulk", filled(
        ((note % (BEGIN_S + at, "d" * 2000)).encode() for at in range(1000)), min(size, 4_000_000)
    )


SENDERS: tuple[Callable[[int, int], Body], ...] = (
    shortest_points,
    spread_points,
    numbers,
    refused,
    long_texts,
    fields,
    many_fields,
    new_series,
    notes,
)


class Watched:
    """The most anonymous memory that a server has had, looked at all the time."""

    def __init__(self, server: ServerProcess) -> None:
        assert server.process is not None
        self.most_bytes = 0
        self._status = Path(f"/proc/{server.process.pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            try:
                lines = self._status.read_text().splitlines()
            except ProcessLookupError:
                return
            kilobytes = [int(line.split()[1]) for line in lines if line.startswith("RssAnon:")]
            self.most_bytes = max(self.most_bytes, *(1024 * each for each in kilobytes), 0)


@contextmanager
def limited(server: ServerProcess, bytes_max: int) -> Iterator[bool]:
    """The kernel ends the server when it takes more, where this machine lets us say so; whether it does."""
    assert server.process is not None
    group = CGROUPS / f"headrace-{server.process.pid}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(bytes_max))
        (group / "cgroup.procs").write_text(str(server.process.pid))
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        (CGROUPS / "cgroup.procs").write_text(str(server.process.pid))
        group.rmdir()


def all_at_once(server: ServerProcess, seconds: float, body_bytes: int, stuck_readers: int) -> Counter[tuple[str, int]]:
    """How often each sender heard which status."""
    heard: Counter[tuple[str, int]] = Counter()
    ends_s = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_send, args=(server, make(body_bytes, number), make.__name__, ends_s, heard))
        for number, make in enumerate(SENDERS)
    ]
    threads += [threading.Thread(target=_ask, args=(server, ends_s, heard)) for _ in range(4)]
    threads.append(threading.Thread(target=_telnet, args=(server, ends_s)))
    for thread in threads:
        thread.start()
    stuck = [_stuck(server) for _ in range(stuck_readers)]
    for thread in threads:
        thread.join()
    for line in stuck:
        line.close()
    return heard


def _send(server: ServerProcess, post: Body, name: str, ends_s: float, heard: Counter[tuple[str, int]]) -> None:
    """Until the end, and longer until it was taken once."""
    path, body = post
    status = 503
    while time.monotonic() < ends_s or (status == 503 and time.monotonic() < ends_s + PATIENCE_S):
        status, _ = server.request("POST", path, body)
        heard[name, status] += 1
        if status == 503:
            time.sleep(0.2)


def _ask(server: ServerProcess, ends_s: float, heard: Counter[tuple[str, int]]) -> None:
    question = {"start_absolute": 1, "metrics": [{"name": f"spread{SENDERS.index(spread_points)}"}]}
    while time.monotonic() < ends_s:
        status, _ = server.request("POST", "/api/v1/datapoints/query", json.dumps(question).encode())
        heard["question", status] += 1


def _telnet(server: ServerProcess, ends_s: float) -> None:
    """Lines that are refused, whose replies nobody reads, from several connections."""
    lines = [server.telnet() for _ in range(20)]
    block = b"put m!%b 1 1 a=b\n" % (b"x" * 500) * 100
    while time.monotonic() < ends_s:
        for line in lines:
            line.setblocking(False)
            try:
                line.send(block)
            except BlockingIOError:
                time.sleep(0.001)
    for line in lines:
        line.close()


def _stuck(server: ServerProcess) -> socket.socket:
    """A large answer asked for, of which nothing is read."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", server.port))
    body = json.dumps({"start_absolute": 1, "metrics": [{"name": f"spread{SENDERS.index(spread_points)}"}]}).encode()
    line.sendall(
        b"POST /api/v1/datapoints/query HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    return line
