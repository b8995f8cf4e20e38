"""The only file that knows everybody: puts store, rooms and transport together, runs until a signal."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import structlog
import uvloop
from prometheus_client import Counter, Histogram

from headrace import __version__, limits
from headrace import log as logs
from headrace.about import About, table
from headrace.access.authority import Authority
from headrace.access.bounded.bounds import UNBOUNDED, within
from headrace.access.bounded.store import BoundedStore
from headrace.access.principals import of_settings
from headrace.access.tokens.source import TokenSource
from headrace.config import Settings
from headrace.errors import Corrupt, Incomplete, Unavailable
from headrace.memory import anonymous_bytes, give_back_freed_memory
from headrace.memory_bound import bodies_bytes_max
from headrace.metrics import Metrics
from headrace.model.time import wall_clock
from headrace.operating import operating_routes
from headrace.protocols.apollo import room as apollo
from headrace.protocols.datazone import room as datazone
from headrace.protocols.kairosdb import room as kairosdb
from headrace.protocols.opentsdb import room as opentsdb
from headrace.query.pool import QueryPool
from headrace.settings.listeners import ListenerSettings
from headrace.settings.principals import TOKENS_FILE
from headrace.status import status_room
from headrace.store.embedded.concessions import Concessions
from headrace.store.embedded.store import EmbeddedStore, open_store
from headrace.supervised import tell_supervisor
from headrace.transport import Listener, Room
from headrace.transport.bounds import Bounds
from headrace.transport.guarding.denials import Denials
from headrace.transport.guarding.guard import guarded
from headrace.transport.guarding.web_pages import Pages
from headrace.transport.server import CannotListen, Server

if TYPE_CHECKING:
    from headrace.access.jwt.source import JwtSource

log = structlog.get_logger(__name__)

EXIT_FAILED: Final = 1
"""It may go another time: a supervisor tries again."""


def run(settings: Settings, **concessions: bool) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight and return. Logs are configured. Raises SystemExit
    if it cannot begin, and has said why.

    concessions: by name, what the operator says of the database (store.embedded.concessions).
    """
    _allow_open_files(limits.OPEN_FILES_MAX)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, Concessions(**concessions)))


async def _serve(settings: Settings, concessions: Concessions) -> None:
    listeners = _listeners(settings)
    metrics = Metrics()
    loop = asyncio.get_running_loop()
    stop, broken = asyncio.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with ThreadPoolExecutor(limits.QUERY_THREADS, "headrace-query") as threads:
        try:
            store = await loop.run_in_executor(threads, open_store, settings, metrics, wall_clock, concessions)
        except (Corrupt, Incomplete, Unavailable) as failure:
            raise _ended(str(failure)) from None

        def end() -> None:
            broken.set()
            loop.call_soon_threadsafe(stop.set)

        store.when_broken = end
        try:
            pool = QueryPool(threads, settings.query_timeout_s, metrics.query_seconds.observe)
            tokens = TokenSource(settings.data_dir / TOKENS_FILE, wall_clock, store.note_tokens)
            await loop.run_in_executor(threads, tokens.open)
            issuers = jwt_sources(settings, metrics)
            authority = Authority(of_settings(settings), wall_clock, [tokens, *issuers])
            if why := settings.open_to_others(authority.asks):
                raise _ended(why)
            troubles = Troubles(lambda: server.stale_certificates, lambda: [tokens.trouble] if tokens.trouble else [])
            rooms = open_rooms(store, settings, metrics, pool, authority, troubles)
            server = _server(rooms, listeners, settings, metrics, authority)
            sys.setswitchinterval(limits.SWITCH_INTERVAL_S)
            give_back_freed_memory()
            async with _working([tokens, *issuers], rooms):
                sockets = await server.start()
                if any(listener.tls for listener in settings.listening):
                    # Elsewhere it does what it does to any program: it ends it.
                    loop.add_signal_handler(signal.SIGHUP, server.reload_certificates)
                log.info("serving", version=__version__, sockets=[f"{host}:{port}" for host, port in sockets])
                logs.say_at_length(*welcome(server.url, settings.data_dir, about_of(rooms)))
                tell_supervisor("READY=1")
                _collect_garbage_from_now_on()
                await stop.wait()
                _say_that_it_stops()
                store.end_verifying()
                await server.stop()
        except CannotListen as taken:
            raise _ended(str(taken.strerror)) from None
        except (Corrupt, Unavailable) as failure:  # rooms read of the database what they keep in it
            raise _ended(str(failure)) from None
        finally:
            await loop.run_in_executor(threads, store.close)
    if broken.is_set():
        # A supervisor that restarts what has failed brings it back: all that was acknowledged is in the journal.
        raise _ended("the writer failed by a fault of ours (see the log); start it again")


def _ended(why: str) -> SystemExit:
    """To be raised; it is said."""
    logs.say(why)
    return SystemExit(EXIT_FAILED)


class _Works(Protocol):
    def work(self) -> AbstractAsyncContextManager[None]:
        """See transport.Work."""
        ...


@asynccontextmanager
async def _working(sources: Iterable[_Works], rooms: Iterable[Room]) -> AsyncIterator[None]:
    """In the block all of them do what they do besides answering."""
    async with AsyncExitStack() as working:
        for source in sources:
            await working.enter_async_context(source.work())
        with within(UNBOUNDED):  # what rooms do is nobody's request
            for room in rooms:
                if room.work is not None:
                    await working.enter_async_context(room.work())
        yield


class Troubles(NamedTuple):
    """What /health tells beside the store's, a sentence each.   stale_certificates: see Server.   of_tokens: see
    TokenSource.trouble."""

    stale_certificates: Callable[[], list[str]]
    of_tokens: Callable[[], list[str]]


NO_TROUBLES: Final = Troubles(list, list)


def open_rooms(
    store: EmbeddedStore,
    settings: Settings,
    metrics: Metrics,
    pool: QueryPool,
    authority: Authority,
    troubles: Troubles = NO_TROUBLES,
) -> list[Room]:
    """All rooms over one store. A new protocol is a new line here, and one in rooms.py."""
    bounded = BoundedStore(store)
    with within(UNBOUNDED):
        rooms = [
            opentsdb.open_room(bounded, settings, metrics, pool),
            kairosdb.open_room(bounded, settings, metrics, pool),
            apollo.open_room(store, settings, metrics, pool, authority),
            datazone.open_room(store, settings, metrics, authority),
        ]
    ours = operating_routes(store)
    about = about_of(rooms)
    return [
        status_room(
            lambda: store.refusing,
            lambda: store.damaged,
            metrics,
            about,
            ours,
            troubles.stale_certificates,
            lambda: store.outranked,
            troubles.of_tokens,
        ),
        *rooms,
    ]


def jwt_sources(settings: Settings, metrics: Metrics) -> list[JwtSource]:
    """One for all issuers, none where there is none. It is the last to be asked: of a JWT it says what is wrong."""
    if not settings.jwt_issuers:
        return []
    # Not at the top: joserfc takes 0.1 s, which who has no issuer need not wait for.
    from headrace.access.jwt.source import JwtSource  # noqa: PLC0415

    return [JwtSource(settings.jwt_issuers, metrics, wall_clock)]


def about_of(rooms: Sequence[Room]) -> list[About]:
    """What those rooms say of themselves that do."""
    return [room.about for room in rooms if room.about is not None]


def _server(
    rooms: Sequence[Room], listeners: Sequence[Listener], settings: Settings, metrics: Metrics, authority: Authority
) -> Server:
    bounds = Bounds(
        body_bytes_max=settings.body_bytes_max,
        bodies_bytes_max=bodies_bytes_max(settings),
        header_timeout_s=settings.header_timeout_s,
        request_timeout_s=settings.request_timeout_s,
        idle_timeout_s=settings.idle_timeout_s,
    )
    pages = Pages(settings.cors_origins, [*(listener.host for listener in listeners), *settings.host_names])
    rooms = [guarded(room, pages, authority, Denials(metrics.requests_denied, room.name, wall_clock)) for room in rooms]
    server = Server(rooms, listeners, bounds, TransportMeter(metrics), settings.cors_origins)
    metrics.connections.set_function(lambda: server.connections)
    metrics.connections_max.set(limits.CONNECTIONS_MAX)
    metrics.memory.set_function(anonymous_bytes)
    return server


def _listeners(settings: Settings) -> list[Listener]:
    return [_listener(listener) for listener in settings.listening]


def _listener(listener: ListenerSettings) -> Listener:
    return Listener(
        listener.host,
        listener.port,
        listener.telnet_room,
        listener.http,
        None if listener.rooms is None else frozenset(listener.rooms),
        listener.read_only,
        listener.trusted,
        listener.tls,
    )


class TransportMeter:
    """What the transport counts (transport.state.Meter), as metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._answered: dict[tuple[str, int], Counter] = {}
        self._took: dict[str, Histogram] = {}

    def received(self, count: int) -> None:
        """See Meter."""
        self._metrics.received.inc(count)

    def answered(self, room: str, status: int, seconds: float) -> None:
        """See Meter."""
        counter = self._answered.get((room, status // 100))
        if counter is None:
            counter = self._metrics.requests.labels(room, f"{status // 100}xx")
            self._answered[room, status // 100] = counter
            self._took[room] = self._metrics.request_seconds.labels(room)
        counter.inc()
        self._took[room].observe(seconds)

    def replies_dropped(self, count: int) -> None:
        """See Meter."""
        self._metrics.replies_dropped.inc(count)

    def handshake_failed(self, reason: str) -> None:
        """See Meter."""
        self._metrics.handshakes_failed.labels(reason).inc()

    def certificate(self, listener: str, expires_s: float, is_stale: bool) -> None:
        """See Meter."""
        self._metrics.certificate_expires.labels(listener).set(expires_s)
        self._metrics.certificate_stale.labels(listener).set(is_stale)


def welcome(url: str, data_dir: Path, rooms: Sequence[About]) -> tuple[str, str]:
    """What a newcomer wants to know first: where we serve, in a line; and how each room takes points."""
    senders = table((room.speaks, room.send[0].line) for room in rooms)
    return (
        f"headrace {__version__} serves {url} from {data_dir.resolve()}",
        f"{senders}{url}/ says more, and how to ask; /health and /metrics how it goes",
    )


def _say_that_it_stops() -> None:
    log.info("stopping")
    tell_supervisor("STOPPING=1")


def _collect_garbage_from_now_on() -> None:
    """For the first time since the start (see cli.serve). A full collection looks at every object, and each time the
    loop stands still. What the start has made never goes: frozen, it is not looked at."""
    gc.freeze()
    gc.enable()


def _allow_open_files(wanted: int) -> None:
    """Raise the soft limit as far as we need and may: every connection and every segment is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
