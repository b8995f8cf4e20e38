"""How much anonymous memory a server may take, whatever is sent to it: a sum of bounds, each kept by the part that it
names. docs/operations.md has it as a table; tests/trials tries it with a limit of the kernel."""

from __future__ import annotations

from typing import NamedTuple

from headrace import limits
from headrace.config import Settings

MB = 1_000_000

POINT_BYTES = 37
"""Of a point as columns (model.points.ROW_BYTES_MAX, which this module may not load)."""

SERVER_BYTES = 100 * MB
"""Measured of a server that has nothing to do: libraries, compiled kernels."""

MERGING_BYTES = 110 * MB
"""See limits.ROW_GROUP_TEXT_BYTES."""

SCRUBBING_BYTES = 50 * MB
"""A row group of names at their longest, packed and unpacked: 39 MB were measured."""

SERIES_BYTES = 170
"""Of one series with a name of 90 bytes."""

SEALED_BILLION_BYTES = 4 * MB
"""Of a billion points in segments, beside the footers that are kept: where their row groups begin and end, as
`scripts/bench housekeeping` measures it (`open`)."""

BYTES_BY_BODY_BYTE = 6
"""KairosDB's `[1,1],` is the shortest spelling of a point, of POINT_BYTES as columns."""

ITEM_BYTES = 250
ITEM_BODY_BYTES = 6
"""Of a member or element that becomes a Python object, and of its shortest spelling (`"f":1,`)."""

CACHES_OF_SPELLINGS = 4
"""Decoders that remember spellings of names (model.spelling)."""

APOLLO_REGISTRATIONS_BYTES = 60 * MB
"""See limits.APOLLO_CACHED_SERIES_MAX."""

KNOWN_HEADS_BYTES = 25 * MB
"""See limits.KNOWN_HEADS_MAX."""

ROLLUP_TASKS_BYTES = 4 * limits.ROLLUP_TASKS_MAX * limits.ROLLUP_TASK_BYTES_MAX
"""As they were sent, each query by itself and as it is asked, and names."""

CONNECTION_BYTES = 10 * 1024
"""Of an idle one, measured by `scripts/torture connections`."""

TLS_CONNECTION_BYTES = 80 * 1024
"""Of one with TLS, beside that: 78 KiB were measured where each had sent and got much, then half a record; 17 after a
small post. See limits.TLS_PIECE_BYTES."""

ISSUERS_BYTES = 10 * MB + limits.CREDENTIALS_REMEMBERED_MAX * 11_000
"""With an issuer of JWTs: its libraries, 9 MB were measured, and tokens that each name limits.JWT_COLLECTIONS_MAX of
Apollo's collections, 10.7 kB; those that name none have 1.1."""

QUERY_SCRATCH_BYTES = 64 * MB
"""What two queries decode and write beside what they hold: row groups, a piece of an answer."""


class Share(NamedTuple):
    """A part of the server and its bound in bytes."""

    what: str
    bytes: int


def bodies_bytes_max(settings: Settings) -> int:
    """Bytes that all bodies in flight may hold: four of the largest, or what is usual for all."""
    return min(limits.BODIES_BYTES_MAX, 4 * settings.body_bytes_max)


def shares(settings: Settings) -> list[Share]:
    """All parts, but for the series and the sealed points that there are: SERIES_BYTES for each series,
    SEALED_BILLION_BYTES for each billion points."""
    body = settings.body_bytes_max
    points_of_a_body = body * BYTES_BY_BODY_BYTE
    generation = settings.seal_points * POINT_BYTES
    return [
        Share("the server itself", SERVER_BYTES + (ISSUERS_BYTES if settings.jwt_issuers else 0)),
        Share("bodies of requests", bodies_bytes_max(settings)),
        Share("large bodies while they are decoded", _decoding(body)),
        Share("points that wait or are being written", max(limits.QUEUE_POINT_BYTES_MAX, points_of_a_body)),
        Share("names and documents that wait or are being written", _names_and_documents()),
        # A heap of texts doubles as it grows.
        Share(
            "points that are not sealed",
            max(limits.GENERATIONS_MAX * (generation + 2 * limits.SEAL_TEXT_BYTES), points_of_a_body),
        ),
        Share("sealing", max(generation + limits.SEAL_TEXT_BYTES, points_of_a_body)),
        Share("merging", MERGING_BYTES),
        Share("footers of segments", limits.FOOTERS_BYTES_MAX),
        Share("reading old files again", SCRUBBING_BYTES if settings.scrub_bytes_per_s else 0),
        Share("names that decoders remember", _remembered_names()),
        Share("queries and answers", settings.query_memory_bytes + QUERY_SCRATCH_BYTES),
        Share("what questions have read of segments", settings.cache_bytes),
        Share("columns for the next question", limits.SCRATCH_KEPT_BYTES_MAX),
        Share("roll-up tasks", ROLLUP_TASKS_BYTES),
        Share("tokens that are checked", limits.TOKEN_CHECKS_AT_ONCE * limits.ARGON2_KIB * 1024),
        Share("connections", _connections(settings)),
    ]


def most(settings: Settings) -> int:
    """The sum, in bytes."""
    return sum(share.bytes for share in shares(settings))


def _decoding(body: int) -> int:
    together = max(body, min(limits.LARGE_BODIES_BYTES_AT_ONCE, limits.LARGE_BODIES_AT_ONCE * body))
    items = min(limits.OPENTSDB_MPUT_ITEMS_MAX, body // ITEM_BODY_BYTES)
    return max(together * BYTES_BY_BODY_BYTE, limits.LARGE_BODIES_AT_ONCE * items * ITEM_BYTES)


def _names_and_documents() -> int:
    names = limits.QUEUE_NAME_BYTES_MAX + limits.REQUEST_NAME_BYTES_MAX
    return names + limits.QUEUE_DOCUMENT_BYTES_MAX + limits.RECENT_DOCUMENT_BYTES_MAX


def _remembered_names() -> int:
    spellings = CACHES_OF_SPELLINGS * limits.CACHED_NAMES_BYTES_MAX
    return spellings + limits.OPENTSDB_SHAPES_BYTES_MAX + APOLLO_REGISTRATIONS_BYTES + KNOWN_HEADS_BYTES


def _connections(settings: Settings) -> int:
    # They are looked at once a second, which may bring as much again.
    unread = 2 * limits.UNREAD_BYTES_MAX
    tls = TLS_CONNECTION_BYTES if any(listener.tls for listener in settings.listening) else 0
    each = CONNECTION_BYTES + tls + limits.HEADER_BYTES_MAX
    return limits.WAITING_BYTES_MAX + unread + limits.CONNECTIONS_MAX * each
