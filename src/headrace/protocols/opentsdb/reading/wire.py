"""The shapes of a question: the JSON of POST /api/query, and `m=` of GET made into the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from headrace.errors import Refused
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.integers import LONG_MAX, Whole, integer_of, whole_member
from headrace.protocols.opentsdb.reading.filters import SaidFilter, short_form
from headrace.protocols.opentsdb.reading.texts import Scalar, text_of

COUNTER_MAX_DEFAULT = LONG_MAX


class RateOptions(msgspec.Struct, rename="camel"):
    """OpenTSDB: RateOptions."""

    counter: bool | None = None
    counter_max: Whole | None = None
    reset_value: Whole | None = None
    drop_resets: bool | None = None


class JsonFilter(msgspec.Struct, rename="camel"):
    """One element of `filters`."""

    tagk: str | None = None
    type: str | None = None
    filter: Scalar = None
    group_by: bool | None = None
    group_by_snake: bool | None = msgspec.field(default=None, name="group_by")


class SubQuery(msgspec.Struct, rename="camel"):
    """One element of `queries`, or one `m`."""

    aggregator: str | None = None
    metric: str | None = None
    tsuids: list[str] | None = None
    downsample: str | None = None
    rate: bool | None = None
    rate_options: RateOptions | None = None
    filters: list[JsonFilter] | None = None
    tags: dict[str, Scalar] | None = None
    explicit_tags: bool | None = None
    # Alibaba's own:
    delta: bool | None = None
    delta_options: RateOptions | None = None
    pre_dp_value: str | None = None
    dp_value: str | None = None
    limit: Whole | None = None
    offset: Whole | None = None
    global_limit: Whole | None = None

    def said_filters(self) -> list[SaidFilter]:
        """`filters` and `tags`, which must all hold; an empty or null one says nothing."""
        listed = [
            SaidFilter(f.tagk or "", f.type or "", text_of(f.filter) or "", bool(f.group_by or f.group_by_snake))
            for f in self.filters or ()
        ]
        mapped = [short_form(key, text_of(value) or "", group_by=True) for key, value in (self.tags or {}).items()]
        return listed + mapped


class Query(msgspec.Struct, rename="camel"):
    """The whole question (OpenTSDB: TSQuery). Unknown keys are ignored, as are Alibaba's hints about where to look."""

    start: str | int | float | None = None
    end: str | int | float | None = None
    queries: list[SubQuery] | None = None
    timezone: str | None = None
    use_calendar: bool | None = None
    ms_resolution: bool | None = None
    show_tsuids: bool | None = msgspec.field(default=None, name="showTSUIDs")
    show_query: bool | None = None
    show_summary: bool | None = None
    no_annotations: bool | None = None
    global_annotations: bool | None = None
    delete: bool | None = None


_QUERY = msgspec.json.Decoder(Query, strict=False, dec_hook=whole_member)

T = TypeVar("T")


def query_of_body(body: bytes) -> Query:
    """The question of a POST. Raises Refused, rules "body-empty" and "json"."""
    return decode_json(_QUERY, body)


def decode_json(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body of a POST. Raises Refused, rules "body-empty" and "json"."""
    if not body.strip():
        raise Refused("body-empty", "Missing message content")
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Refused("json", "Unable to parse the given JSON", str(error)) from error
    except (RecursionError, UnicodeDecodeError) as error:
        raise Refused("json", "Unable to parse the given JSON", type(error).__name__) from error


def of_parameters(said: Mapping[str, str], kind: type[T]) -> T:
    """What parameters of the URL say, by the names that JSON has. Raises Refused (rule "json")."""
    try:
        return msgspec.convert(said, kind, strict=False, dec_hook=whole_member)
    except msgspec.ValidationError as error:
        raise Refused("json", "Unable to parse the given parameters", str(error)) from error


def query_of_parameters(given: Mapping[str, Sequence[str]]) -> Query:
    """The question of a GET; a flag is set when it is there, whatever its value. Raises Refused."""
    if not given.get("start", [""])[0]:
        raise Refused("start-missing", "Missing parameter <code>start</code>")
    return Query(
        start=given["start"][0],
        end=given.get("end", [None])[0],
        queries=[tsuid_query(text) for text in given.get("tsuid", ())]
        + [sub_query(text) for text in given.get("m", ())],
        timezone=given.get("timezone", [None])[0],
        ms_resolution="ms" in given,
        show_tsuids="show_tsuids" in given,
        show_query="show_query" in given,
        show_summary="show_summary" in given,
        no_annotations="no_annotations" in given,
        global_annotations="global_annotations" in given,
    )


def sub_query(text: str) -> SubQuery:
    """What `m` says: aggregator:[rate[{...}]:][downsample:][explicit_tags:]metric[{group tags}][{filters}].

    Raises Refused (rule "m").
    """
    query, last = _aggregation(text)
    query.metric, query.filters = metric_and_filters(last)
    return query


def tsuid_query(text: str) -> SubQuery:
    """What `tsuid` says: as `m`, but with tsuids, parted by commas, for the metric. Raises Refused (rule "m")."""
    query, last = _aggregation(text)
    query.tsuids = last.split(",")
    return query


def _aggregation(text: str) -> tuple[SubQuery, str]:
    """What all parts but the last say, and the last."""
    parts = _parts(text)
    query = SubQuery(aggregator=parts[0])
    for part in parts[1:-1]:
        lowered = part.lower()
        if lowered.startswith("rate"):
            query.rate = True
            query.rate_options = _rate_options(part)
        elif lowered == "explicit_tags":
            query.explicit_tags = True
        elif part[:1].isdigit() or lowered == "none":
            query.downsample = part
        else:
            raise Refused("m", f"Invalid parameter m={shown(text)} (cannot understand '{shown(part)}')")
    return query, parts[-1]


def _parts(text: str) -> list[str]:
    if not text:
        raise Refused("m", "The query string was empty")
    parts = _split_at_colons(text)
    if not 2 <= len(parts) <= 5:
        amount = "not enough" if len(parts) < 2 else "too many"
        raise Refused("m", f"Invalid parameter m={shown(text)} ({amount} :-separated parts)")
    return parts


def _split_at_colons(text: str) -> list[str]:
    """Those outside braces: a filter's expression may hold some."""
    parts = [""]
    depth = 0
    for piece in re.split(r"([:{}])", text):
        depth += (piece == "{") - (piece == "}")
        if piece == ":" and depth <= 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def metric_and_filters(text: str, empty_sides: bool = False) -> tuple[str, list[JsonFilter]]:
    """What `metric{group tags}{filters}` says. empty_sides: a key or a value may be missing, as in a lookup. Raises
    Refused (rule "m")."""
    metric, brace, rest = text.partition("{")
    if not brace:
        return metric, []
    if not rest.endswith("}"):
        raise Refused("m", f"Missing '}}' at the end of: {shown(text)}")
    grouping, _, filtering = rest[:-1].partition("}{")
    return metric, [
        *_braces(grouping, group_by=True, empty_sides=empty_sides),
        *_braces(filtering, group_by=False, empty_sides=empty_sides),
    ]


def _braces(text: str, group_by: bool, empty_sides: bool) -> list[JsonFilter]:
    filters = []
    for pair in text.split(",") if text.strip() else ():
        key, equals, value = pair.strip().partition("=")
        if not equals or not (key or value) or not (empty_sides or (key and value)):
            raise Refused("m", f"invalid tag: {shown(pair)}")
        said = short_form(key, value, group_by)
        filters.append(JsonFilter(tagk=said.tagk, type=said.type, filter=said.filter, group_by=group_by))
    return filters


def _rate_options(text: str) -> RateOptions | None:
    """Of rate, rate{counter[,max[,reset]]} or rate{dropcounter...} (OpenTSDB: QueryRpc.parseRateOptions)."""
    if len(text) == len("rate"):
        return None
    if len(text) < 6 or text[4] != "{" or text[-1] != "}":
        raise Refused("m", f"Invalid rate options specification: {shown(text)}")
    parts = text[5:-1].split(",")
    if len(parts) > 3:
        raise Refused(
            "m",
            "Incorrect number of values in rate options specification, must be "
            f"counter[,counter max value,reset value], recieved: {len(parts)} parts",
        )
    return RateOptions(
        counter=parts[0].endswith("counter"),
        counter_max=_long(parts, 1, "Max"),
        reset_value=_long(parts, 2, "Reset"),
        drop_resets=parts[0] == "dropcounter",
    )


def _long(parts: list[str], at: int, what: str) -> Whole | None:
    if len(parts) <= at or not parts[at]:
        return None
    number = integer_of(parts[at], LONG_MAX)
    if number is None:
        raise Refused("m", f"{what} value of counter was not a number, received '{shown(parts[at])}'")
    return Whole(number)
