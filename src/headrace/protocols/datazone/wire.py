"""What operations take and answer: JSON bodies and query strings to typed values, forms to JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from headrace import limits
from headrace.errors import Refused
from headrace.model.json_pieces import check_items
from headrace.protocols.datazone import constraints, times
from headrace.protocols.datazone.constraints import Violations
from headrace.protocols.datazone.faults import malformed
from headrace.protocols.datazone.json_loading import load
from headrace.protocols.datazone.names import Entity

_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,19}", re.ASCII)


class _Number(str):
    """A number, as it is spelled."""

    __slots__ = ()


class Form(NamedTuple):
    """A form as it was posted. time_us: microseconds since 1970. What may be None was left out."""

    name: str
    type_id: str
    type_revision: str | None
    time_us: int
    content: str | None


class Post(NamedTuple):
    """What PostTimeSeriesDataPoints has in its body."""

    forms: list[Form]
    client_token: str | None


class Page(NamedTuple):
    """What ListTimeSeriesDataPoints asks for. Times are microseconds since 1970, both included."""

    form_name: str
    started_us: int
    ended_us: int
    size: int
    token: str | None


def read_post(body: bytes, violations: Violations) -> Post:
    """Raises Refused: rule "serialization" for bytes that are no JSON or of another shape; rule "quota" for more than
    limits.DATAZONE_FORMS_MAX forms; rule "body-too-large" for more than limits.DATAZONE_ITEMS_MAX items; rule
    "validation" with all of `violations`, those added here included."""
    request = _json_object(body) if body else {}
    token = _text(request, "clientToken", "/clientToken")
    if token is not None:
        violations.client_token(token)
    posted = request.get("forms")
    if posted is None:
        violations.missing("/forms")
        posted = []
    if not isinstance(posted, list):
        raise malformed("Value at '/forms' is not a list")
    if len(posted) > limits.DATAZONE_FORMS_MAX:
        raise Refused("quota", f"{len(posted)} forms in one request; at most {limits.DATAZONE_FORMS_MAX} are taken")
    forms = [_form(form, f"/forms/{place}", violations) for place, form in enumerate(posted)]
    violations.answer_for()
    return Post([form for form in forms if form is not None], token)


def read_query(query: bytes) -> dict[str, str]:
    """Names and values, percent-decoded; of equal names the first. A plus is a plus."""
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        try:
            found.setdefault(unquote_to_bytes(name).decode(), unquote_to_bytes(value).decode())
        except UnicodeDecodeError:
            raise malformed("The query string is not UTF-8") from None
    return found


def read_form_name(query: dict[str, str], violations: Violations) -> str:
    """The form that Get, List and Delete are about."""
    name = query.get("formName")
    if name is None:
        violations.missing("/formName")
        return ""
    violations.length("/formName", name, constraints.FORM_NAME_LENGTH)
    return name


def read_page(query: dict[str, str], violations: Violations) -> Page:
    """Raises Refused: rule "serialization" for what is no time or no whole number."""
    size = constraints.MAX_RESULTS[1]
    if (text := query.get("maxResults")) is not None:
        if _WHOLE_NUMBER.fullmatch(text) is None:
            raise malformed("Value at '/maxResults' is not an integer")
        size = int(text)
        violations.between("/maxResults", size, constraints.MAX_RESULTS)
    if (token := query.get("nextToken")) is not None:
        violations.length("/nextToken", token, constraints.NEXT_TOKEN_LENGTH)
    started = _time_parameter(query, "startedAt", times.TIME_US_MIN)
    ended = _time_parameter(query, "endedAt", times.TIME_US_MAX)
    return Page(read_form_name(query, violations), started, ended, size, token)


def form_json(form: Form, form_id: str) -> bytes:
    """A form as answers show it."""
    return _object(form, ("content", form.content), ("id", form_id))


def item_json(form: Form, form_id: str, summary: str | None) -> bytes:
    """A form as lists show it: without its content."""
    return _object(form, ("id", form_id), ("contentSummary", summary))


def posted_json(entity: Entity, forms: list[bytes]) -> bytes:
    """The answer of PostTimeSeriesDataPoints."""
    return b"".join([b"{", _entity_members(entity), b',"forms":[', *_parted(forms), b"]}"])


def got_json(entity: Entity, form_name: str, form: bytes) -> bytes:
    """The answer of GetTimeSeriesDataPoint."""
    return b'{%b,"formName":%b,"form":%b}' % (_entity_members(entity), _quoted(form_name), form)


def listed_json(items: list[bytes], next_token: str | None) -> bytes:
    """The answer of ListTimeSeriesDataPoints."""
    token = b"" if next_token is None else b',"nextToken":%b' % _quoted(next_token)
    return b'{"items":[%b]%b}' % (b",".join(items), token)


def _json_object(body: bytes) -> dict[str, Any]:
    """Numbers stay texts, a third of a Decimal's size, however many nobody asks for.

    Raises Refused (rules "serialization", "body-too-large")."""
    check_items(body, limits.DATAZONE_ITEMS_MAX)
    try:
        request = load(body, _loads)
    except (ValueError, RecursionError):
        raise _not_json() from None
    if not isinstance(request, dict):
        raise malformed("The request's body is not a JSON object")
    return request


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_no_constant)


def _not_json() -> Refused:
    return malformed("The request's body is not JSON")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _form(form: object, at: str, violations: Violations) -> Form | None:
    if not isinstance(form, dict):
        raise malformed(f"Value at '{at}' is not an object")
    name = _required(form, "formName", at, constraints.FORM_NAME_LENGTH, violations)
    if name is not None and any("\ud800" <= character <= "\udfff" for character in name):
        # No URL can say it: the form could be neither read nor deleted.
        raise malformed(f"Value at '{at}/formName' has a surrogate that stands alone")
    type_id = _required(form, "typeIdentifier", at, constraints.TYPE_ID_LENGTH, violations)
    if type_id is not None:
        violations.pattern(f"{at}/typeIdentifier", type_id, constraints.TYPE_ID)
    revision = _text(form, "typeRevision", f"{at}/typeRevision")
    if revision is not None:
        violations.length(f"{at}/typeRevision", revision, constraints.TYPE_REVISION_LENGTH)
    time_us = _timestamp(form, f"{at}/timestamp", violations)
    content = _text(form, "content", f"{at}/content")
    if content is not None:
        violations.length(f"{at}/content", content, constraints.CONTENT_LENGTH)
    if name is None or type_id is None or time_us is None:
        return None
    return Form(name, type_id, revision, time_us, content)


def _required(
    form: dict[str, Any], member: str, at: str, bounds: tuple[int, int], violations: Violations
) -> str | None:
    text = _text(form, member, f"{at}/{member}")
    if text is None:
        violations.missing(f"{at}/{member}")
    else:
        violations.length(f"{at}/{member}", text, bounds)
    return text


def _text(members: dict[str, Any], member: str, at: str) -> str | None:
    text = members.get(member)
    if text is not None and (not isinstance(text, str) or isinstance(text, _Number)):
        raise malformed(f"Value at '{at}' is not a string")
    return text


def _timestamp(form: dict[str, Any], at: str, violations: Violations) -> int | None:
    stamp = form.get("timestamp")
    if stamp is None:
        violations.missing(at)
        return None
    time_us = None
    if isinstance(stamp, _Number):
        if len(stamp) <= limits.DATAZONE_NUMBER_CHARACTERS_MAX:
            with suppress(InvalidOperation):  # an exponent that no Decimal has
                time_us = times.from_seconds(Decimal(stamp))
    elif isinstance(stamp, str):
        time_us = times.from_text(stamp)
    else:
        raise malformed(f"Value at '{at}' is not a timestamp")
    if time_us is None:
        raise malformed(f"Value at '{at}' is not a timestamp of the years 1 to 9999")
    return time_us


def _time_parameter(query: dict[str, str], name: str, default_us: int) -> int:
    if (text := query.get(name)) is None:
        return default_us
    time_us = times.from_text(text)
    if time_us is None:
        raise malformed(f"Value at '/{name}' is not a date-time of the years 1 to 9999")
    return time_us


def _parted(values: list[bytes]) -> Iterator[bytes]:
    """With commas between them: joined twice, 16 MB would be copied twice."""
    for number, value in enumerate(values):
        if number:
            yield b","
        yield value


def _entity_members(entity: Entity) -> bytes:
    return b'"domainId":%b,"entityId":%b,"entityType":%b' % (
        _quoted(entity.domain),
        _quoted(entity.id),
        _quoted(entity.type),
    )


def _object(form: Form, *more: tuple[str, str | None]) -> bytes:
    """The members that all forms have, and more. Those that are None are left out."""
    members = [("formName", form.name), ("typeIdentifier", form.type_id), ("typeRevision", form.type_revision)]
    first = [b'"%b":%b' % (name.encode(), _quoted(text)) for name, text in members if text is not None]
    rest = [b'"%b":%b' % (name.encode(), _quoted(text)) for name, text in more if text is not None]
    return b"{%b}" % b",".join([*first, b'"timestamp":%b' % times.to_seconds(form.time_us).encode(), *rest])


def _quoted(text: str) -> bytes:
    """A JSON string in UTF-8; where a surrogate stands alone, which UTF-8 has not, with escapes."""
    try:
        return msgspec.json.encode(text)
    except UnicodeEncodeError:
        return json.dumps(text).encode()
