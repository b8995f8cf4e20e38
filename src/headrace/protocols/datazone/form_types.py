"""Form types: that of the service's data quality, which is there without being posted, and those that were posted."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from headrace.protocols.datazone.times import to_seconds

DATA_QUALITY: Final = "amazon.datazone.DataQualityResultFormType"

DATA_QUALITY_REVISION: Final = "8"
"""That of the payload in the service's user guide (Data quality in Amazon DataZone)."""

FIRST_REVISION: Final = "1"
"""Of a type that was posted without one."""

_DATA_QUALITY_MODEL: Final = """$version: "2.0"

namespace amazon.datazone

structure DataQualityResultFormType {
    evaluations: EvaluationResults
    passingPercentage: Double
    evaluationsCount: Integer
}

list EvaluationResults {
    member: EvaluationResult
}

structure EvaluationResult {
    types: EvaluationTypes
    description: String
    details: EvaluationDetails
    applicableFields: ApplicableFields
    status: EvaluationStatus
}

list EvaluationTypes {
    member: String
}

map EvaluationDetails {
    key: String
    value: String
}

list ApplicableFields {
    member: String
}

enum EvaluationStatus {
    PASS
    FAIL
}
"""
"""The members of the payload in the user guide. The service's own text of it is not public."""


class PostedType(NamedTuple):
    """A form type in one revision, as a post brought it. created_us: of the first post with it, since 1970."""

    revision: str
    created_us: int


def posted_type_document(posted: PostedType) -> bytes:
    """What is kept of it."""
    return msgspec.json.encode(posted)


def posted_type(document: bytes) -> PostedType:
    """What posted_type_document was given."""
    return msgspec.json.decode(document, type=PostedType)


def data_quality_json(domain: str) -> bytes:
    """The answer of GetFormType about the data quality type as it is there from the beginning."""
    return _answer(domain, DATA_QUALITY, DATA_QUALITY_REVISION, _DATA_QUALITY_MODEL, {})


def posted_type_json(domain: str, type_id: str, posted: PostedType) -> bytes:
    """The answer of GetFormType about a type that was posted."""
    known = type_id == DATA_QUALITY
    model = _DATA_QUALITY_MODEL if known else _open_model(type_id)
    created = msgspec.Raw(to_seconds(posted.created_us).encode())
    return _answer(domain, type_id, posted.revision, model, {"createdAt": created})


def _answer(domain: str, type_id: str, revision: str, model: str, more: dict[str, Any]) -> bytes:
    members = {
        "domainId": domain,
        "name": type_id,
        "revision": revision,
        "model": {"smithy": model},
        "status": "ENABLED",
        **more,
        "description": "Contents of this type are kept as they are posted, and not checked.",
    }
    return msgspec.json.encode(members)


def _open_model(type_id: str) -> str:
    """A structure that says nothing of its members: a post brings a type's name alone. It has neither version nor
    namespace, as in the examples of the service's CreateFormType."""
    name = type_id.rpartition(".")[2]
    return f"structure {'_' if name[0].isdigit() else ''}{name} {{}}"
