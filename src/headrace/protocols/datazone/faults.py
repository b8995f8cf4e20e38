"""How this dialect says what went wrong: a status, an error code in a header and in the body, and a sentence."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headrace import limits
from headrace.errors import Refused
from headrace.model.cut_text import cut
from headrace.rules import Rule

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
"""Status, headers, body."""

FAULTS: Final[Mapping[Rule, tuple[int, str]]] = {
    "validation": (400, "ValidationException"),
    "serialization": (400, "SerializationException"),
    "quota": (402, "ServiceQuotaExceededException"),
    "signature-missing": (403, "MissingAuthenticationTokenException"),
    "signature-incomplete": (403, "IncompleteSignatureException"),
    "signature-invalid": (403, "InvalidSignatureException"),
    "caller-unknown": (403, "UnrecognizedClientException"),
    "read-only": (403, "AccessDeniedException"),
    "web-page": (403, "AccessDeniedException"),
    "permission-missing": (403, "AccessDeniedException"),
    "credentials-invalid": (403, "UnrecognizedClientException"),
    "credentials-slowed": (429, "ThrottlingException"),
    "not-found": (404, "ResourceNotFoundException"),
    "operation-unknown": (404, "UnknownOperationException"),
    "conflict": (409, "ConflictException"),
    "media-type": (415, "UnsupportedMediaTypeException"),
}
"""Rule of a refusal of this room -> status and error code. All others have the status that the transport gives them."""

_CODE_OF_STATUS: Final = {
    408: "RequestTimeoutException",
    413: "RequestEntityTooLargeException",
    415: "UnsupportedMediaTypeException",
    431: "RequestHeaderFieldsTooLargeException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
"""Of what the transport refuses. The SDKs try 408, 500 and 503 again."""


def json_answer(status: int, body: bytes) -> Answer:
    """A success."""
    return status, [(b"content-type", b"application/json"), _request_id()], body


def no_content() -> Answer:
    """204."""
    return 204, [_request_id()], b""


def refuse(status: int, refused: Refused) -> Answer:
    """A request that fails. The transport asks too: before this room's app was reached, and for what it raised."""
    status, code = FAULTS.get(refused.rule) or (status, _CODE_OF_STATUS.get(status, "SerializationException"))
    body = msgspec.json.encode({"__type": code, "message": refused.detail})
    headers = [(b"content-type", b"application/json"), _request_id(), (b"x-amzn-errortype", code.encode())]
    return status, headers, body


def malformed(what: str) -> Refused:
    """A request whose bytes are not of the shape that the operation has."""
    return Refused("serialization", what)


def invalid(violations: Sequence[str]) -> Refused:
    """Values that break constraints, all of them in one sentence, as the frameworks of AWS word it. violations: at
    least one; the first limits.DATAZONE_VIOLATIONS_MAX are told, all are counted."""
    errors = "1 validation error" if len(violations) == 1 else f"{len(violations)} validation errors"
    told = "; ".join(violations[: limits.DATAZONE_VIOLATIONS_MAX])
    return Refused("validation", f"{errors} detected. {told}")


def shown(text: str) -> str:
    """A text of the sender's as an error repeats it: cut, and without what is no UTF-8."""
    return cut(text, limits.DATAZONE_SHOWN_TEXT_MAX, "...").encode(errors="replace").decode()


def _request_id() -> tuple[bytes, bytes]:
    return b"x-amzn-requestid", str(uuid.uuid4()).encode()
