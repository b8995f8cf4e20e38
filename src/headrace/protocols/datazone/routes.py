"""The paths of this room: which operation a method and a path mean."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.types import Receive, Scope, Send

from headrace import limits
from headrace.access.authority import Authority, scheme_of
from headrace.access.deeds import deed_of_method
from headrace.access.principals import Principal
from headrace.errors import Refused
from headrace.protocols.datazone.faults import Answer, Headers, shown
from headrace.protocols.datazone.names import Entity
from headrace.protocols.datazone.reading.read import FormQueries
from headrace.protocols.datazone.reading.read_types import TypeQueries
from headrace.protocols.datazone.sigv4 import Request, Signatures, claimed_key_id
from headrace.protocols.datazone.wire import read_query
from headrace.protocols.datazone.writing.write import FormsService
from headrace.transport.guarding.denials import Denials
from headrace.transport.guarding.guard import certificate_of, demand, is_asked, known_as, note, principal_of
from headrace.transport.http.body import read_body
from headrace.transport.senders import sender_of

ROOT: Final = "/v2/"


OTHER_OPERATIONS: Final = (
    "headrace has the time series operations and GetFormType. Ask Amazon DataZone itself for all else: set this "
    "endpoint URL only for the client, or the command, that posts and reads time series."
)
"""What to do about an operation that is not here."""


class FormsOperation(NamedTuple):
    """name: the method, and GET-ONE for a GET of one point.   form_id: of the point, for that one."""

    name: str
    entity: Entity
    form_id: str = ""

    @property
    def domain(self) -> str:
        """In which it is."""
        return self.entity.domain


class TypeOperation(NamedTuple):
    """GetFormType."""

    domain: str
    type_id: str


class DataZoneApp:
    """Everything below ROOT, as an ASGI app. What it raises (Refused, Unavailable), the transport's router has
    worded."""

    def __init__(
        self,
        writes: FormsService,
        reads: FormQueries,
        types: TypeQueries,
        authority: Authority,
        signatures: Signatures,
        denials: Denials,
        roots: tuple[str, ...],
        body_bytes_max: int,
    ) -> None:
        """roots: ROOT, and ROOT behind a prefix."""
        self._writes = writes
        self._reads = reads
        self._types = types
        self._authority = authority
        self._signatures = signatures
        self._denials = denials
        self._roots = tuple(root.encode() for root in roots)
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        _check_encoding(scope)
        body = await read_body(scope, receive, self._body_bytes_max)
        # The path as it was sent: decoded, a slash inside of a segment would part it.
        raw_path: bytes = scope["raw_path"]
        query: bytes = scope["query_string"]
        caller = await self._caller(scope, Request(scope["method"], raw_path, query, scope["headers"], body))
        deed = deed_of_method(scope["method"])
        demand(scope, deed)
        operation = self._operation(scope["method"], raw_path)
        demand(scope, deed, operation.domain)
        status, headers, content = await self._answer(operation, scope, query, body, caller)
        await _send(send, status, headers, content)

    async def _caller(self, scope: Scope, request: Request) -> str:
        """A name for who sends the request: the access key id that has signed it, or that of a principal that is known
        by other credentials; "" where nobody is asked. Raises Refused, which is counted and logged."""
        try:
            if not is_asked(scope, self._authority) or _is_known_otherwise(scope):
                principal = await principal_of(scope, self._authority)
                caller = principal.name
            else:
                caller, principal = await self._signed(request)
        except Refused as refused:
            # The words about a header that cannot be read repeat it, and it may be a secret in the wrong place.
            words = refused.detail if refused.rule in ("signature-invalid", "credentials-invalid") else None
            self._denials.add(scope, refused.rule, access_key_id=claimed_key_id(scope["headers"]), words=words)
            raise
        known_as(scope, principal)
        return caller

    async def _signed(self, request: Request) -> tuple[str, Principal]:
        """See Signatures.caller. The whole body is hashed, outside of the interpreter's lock."""
        if len(request.body) <= limits.DATAZONE_LOOP_BODY_BYTES_MAX:
            return self._signatures.caller(request)
        return await asyncio.to_thread(self._signatures.caller, request)

    async def _answer(
        self, operation: FormsOperation | TypeOperation, scope: Scope, query: bytes, body: bytes, caller: str
    ) -> Answer:
        if isinstance(operation, TypeOperation):
            return await self._types.get(operation.domain, operation.type_id, read_query(query))
        name, entity, form_id = operation
        if name == "POST":
            _check_content_type(scope)
            return await self._writes.post(entity, body, caller, sender_of(scope))
        parameters = read_query(query)
        if name == "DELETE":
            note(scope, entity=[shown(part) for part in entity], form_name=shown(parameters.get("formName", "")))
            return await self._writes.delete(entity, parameters, caller)
        if name == "GET-ONE":
            return await self._reads.get(entity, form_id, parameters)
        return await self._reads.list(entity, parameters)

    def _operation(self, method: str, raw_path: bytes) -> FormsOperation | TypeOperation:
        for root in self._roots:
            if raw_path.startswith(root):
                segments = [
                    unquote_to_bytes(part).decode(errors="replace") for part in raw_path[len(root) :].split(b"/")
                ]
                found = _operation(method, segments)
                if found is not None:
                    return found
        path = shown(raw_path.decode("latin-1"))
        raise Refused("operation-unknown", f"No operation is at {method} {path}: {OTHER_OPERATIONS}")


def _is_known_otherwise(scope: Scope) -> bool:
    """Whether a request has credentials that are no signature."""
    scheme = scheme_of(scope["headers"])
    return scheme in (b"bearer", b"basic") or (not scheme and certificate_of(scope) is not None)


def _operation(method: str, segments: list[str]) -> FormsOperation | TypeOperation | None:
    match segments:
        case ["domains", domain, "entities", entity_type, entity_id, "time-series-data-points"] if method in (
            "GET",
            "POST",
            "DELETE",
        ):
            return FormsOperation(method, Entity(domain, entity_type, entity_id))
        case ["domains", domain, "entities", entity_type, entity_id, "time-series-data-points", form_id] if (
            method == "GET"
        ):
            return FormsOperation("GET-ONE", Entity(domain, entity_type, entity_id), form_id)
        case ["domains", domain, "form-types", type_id] if method == "GET":
            return TypeOperation(domain, type_id)
    return None


async def _send(send: Send, status: int, headers: Headers, content: bytes) -> None:
    """A long answer goes in chunks, between which others have their turn: it repeats all contents of a post."""
    most = limits.ANSWER_CHUNK_BYTES
    if len(content) > most:
        headers = [*headers, (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for at in range(0, len(content) - most, most):
        await send({"type": "http.response.body", "body": content[at : at + most], "more_body": True})
        await asyncio.sleep(0)
    last = (len(content) - 1) // most * most if content else 0
    await send({"type": "http.response.body", "body": content[last:]})


def _check_encoding(scope: Scope) -> None:
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise Refused("media-type", "Content-Encoding is not understood: no client of this service compresses.")


def _check_content_type(scope: Scope) -> None:
    for name, value in scope["headers"]:
        if name == b"content-type" and value.partition(b";")[0].strip().lower() != b"application/json":
            raise Refused("media-type", "The Content-Type of a request must be application/json.")
