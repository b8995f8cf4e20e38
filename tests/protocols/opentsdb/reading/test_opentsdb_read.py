"""Questions and answers as bytes: what Grafana, Alibaba's SDK and curl send; every error of the facts (2.7, 3, 5)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from memorystore import MemoryStore
from room_fixture import OpenTSDB
from roomclient import Answered

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.protocols.opentsdb.room import read_endpoints
from headrace.query.functions import AGGREGATORS
from headrace.query.pool import QueryPool

T = 1356998400


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put("sys.cpu", {"host": "web01", "dc": "lga"}, {(T + s) * 1000: v for s, v in ((0, 1), (10, 3), (20, 5))})
    store.put("sys.cpu", {"host": "web02", "dc": "lga"}, {(T + s) * 1000: v for s, v in ((0, 10), (20, 30))})
    store.put("sys.cpu", {"host": "db01"}, {T * 1000: 100})
    store.put("load", {"host": "web01"}, {T * 1000: 0.5, T * 1000 + 250: 1.0, (T + 60) * 1000: 1e16})
    store.put("state", {"host": "web01"}, {T * 1000: 'on "air"', (T + 1) * 1000: True, (T + 2) * 1000: 2**63 - 1})
    return store


@pytest.fixture
def tsd(store: MemoryStore) -> Iterator[OpenTSDB]:
    with ThreadPoolExecutor(2) as pool:
        yield OpenTSDB(endpoints=read_endpoints(store, Settings(), Metrics(), QueryPool(pool, 60)))


async def get(tsd: OpenTSDB, target: str, **headers: str) -> Answered:
    return await tsd.ask(f"/api/{target}", method="GET", headers=headers)


async def post(tsd: OpenTSDB, target: str, body: Any) -> Answered:
    return await tsd.ask(f"/api/{target}", body if isinstance(body, str) else json.dumps(body))


def answer(reply: Answered) -> Any:
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/json; charset=UTF-8"
    return json.loads(reply.body)


def error(reply: Answered) -> tuple[int, str]:
    said = json.loads(reply.body)["error"]
    assert said["code"] == reply.status
    return reply.status, said["message"]


async def test_the_answer_byte_for_byte(tsd: OpenTSDB) -> None:
    reply = await get(tsd, f"query?start={T}&end={T + 20}&m=sum:sys.cpu{{dc=lga}}")
    assert reply.body == (
        b'[{"metric":"sys.cpu","tags":{"dc":"lga"},"aggregateTags":["host"],'
        b'"dps":{"1356998400":11,"1356998410":23,"1356998420":35}}]'
    )


async def test_a_key_that_only_some_members_have_stays_in_tags(tsd: OpenTSDB) -> None:
    (element,) = answer(await get(tsd, f"query?start={T}&end={T}&m=sum:sys.cpu"))
    assert (element["tags"], element["aggregateTags"]) == ({"dc": "lga"}, ["host"])


async def test_group_by_wildcard_and_filter_only_braces(tsd: OpenTSDB) -> None:
    by_host = answer(await get(tsd, f"query?start={T}&end={T}&m=max:sys.cpu{{host=*}}"))
    assert [(e["tags"], e["dps"]) for e in by_host] == [
        ({"dc": "lga", "host": "web01"}, {str(T): 1}),
        ({"dc": "lga", "host": "web02"}, {str(T): 10}),
        ({"host": "db01"}, {str(T): 100}),
    ]
    only = answer(await get(tsd, f"query?start={T}&end={T}&m=sum:sys.cpu{{}}{{host=wildcard(web*)}}"))
    assert [e["dps"] for e in only] == [{str(T): 11}]
    chosen = answer(await get(tsd, f"query?start={T}&end={T}&m=sum:sys.cpu{{host=web01|db01}}"))
    assert [e["tags"]["host"] for e in chosen] == ["web01", "db01"]


@pytest.mark.parametrize(
    ("filter_", "hosts"),
    [
        ({"type": "literal_or", "filter": "web01|nobody"}, ["web01"]),
        ({"type": "iliteral_or", "filter": "WEB01|Db01"}, ["web01", "db01"]),
        ({"type": "not_literal_or", "filter": "web01"}, ["web02", "db01"]),
        ({"type": "not_iliteral_or", "filter": "WEB01|db01"}, ["web02"]),
        ({"type": "wildcard", "filter": "*b0*"}, ["web01", "web02", "db01"]),
        ({"type": "wildcard", "filter": "WEB*"}, []),
        ({"type": "iwildcard", "filter": "WEB*"}, ["web01", "web02"]),
        ({"type": "regexp", "filter": "^(web|db)01"}, ["web01", "db01"]),
        ({"type": "regexp", "filter": "b0"}, ["web01", "web02", "db01"]),
    ],
)
async def test_filters(tsd: OpenTSDB, filter_: dict[str, str], hosts: list[str]) -> None:
    for group_by in ("groupBy", "group_by"):
        filters = [{"tagk": "host", group_by: True, **filter_}]
        query = {"start": T, "end": T, "queries": [{"aggregator": "sum", "metric": "sys.cpu", "filters": filters}]}
        assert [e["tags"]["host"] for e in answer(await post(tsd, "query", query))] == hosts


async def test_not_key_and_explicit_tags(tsd: OpenTSDB) -> None:
    def query(**parts: Any) -> dict[str, Any]:
        return {"start": T, "end": T, "queries": [{"aggregator": "sum", "metric": "sys.cpu", **parts}]}

    without_dc = query(filters=[{"type": "not_key", "tagk": "dc", "filter": ""}])
    assert answer(await post(tsd, "query", without_dc))[0]["dps"] == {str(T): 100}
    only_host = query(explicitTags=True, tags={"host": "*"}, filters=[])
    assert [e["tags"] for e in answer(await post(tsd, "query", only_host))] == [{"host": "db01"}]
    reply = await get(tsd, f"query?start={T}&end={T}&m=sum:explicit_tags:sys.cpu{{host=*}}")
    assert [e["tags"] for e in answer(reply)] == [{"host": "db01"}]
    of_none = query(explicitTags=True)
    assert answer(await post(tsd, "query", of_none)) == answer(await post(tsd, "query", query()))


@pytest.mark.parametrize(
    ("braces", "hosts"),
    [
        ("{host=web01,host=db01}", ["web01", "db01"]),
        ("{host=web01}{host=db01}", ["web01", "db01"]),
        ("{host=web01|web02,host=db01|web02}", ["web01", "web02", "db01"]),
        ("{host=web01|db01,host=wildcard(web*)}", ["web01"]),
        ("{host=web*,host=*1}", ["web01"]),
        ("{host=iliteral_or(web01),host=iliteral_or(db01)}", []),
        ("{host=Regexp(web.*)}", ["web01", "web02"]),
        ("{host=NOT_Literal_Or(web01)}", ["web02", "db01"]),
    ],
)
async def test_several_filters_of_one_tag_as_opentsdb_answers(tsd: OpenTSDB, braces: str, hosts: list[str]) -> None:
    reply = await get(tsd, f"query?start={T}&end={T}&m=none:sys.cpu{braces}")
    assert [element["tags"]["host"] for element in answer(reply)] == hosts


async def test_a_fraction_of_an_integer_is_cut(tsd: OpenTSDB) -> None:
    part = {"aggregator": "sum", "metric": "sys.cpu", "rate": True, "limit": 1.9}
    options = {"counter": True, "counterMax": "100", "resetValue": 100.5}
    asked = {"start": T, "end": T + 30, "queries": [{**part, "tags": {"host": "web01"}, "rateOptions": options}]}
    assert answer(await post(tsd, "query", asked))[0]["dps"] == {str(T + 10): 0.2}


async def test_a_second_of_several_points_has_their_aggregate_and_ms_shows_all(tsd: OpenTSDB) -> None:
    seconds = await get(tsd, f"query?start={T}&end={T + 60}&m=avg:load")
    assert b'"dps":{"1356998400":0.75,"1356998460":1e+16}' in seconds.body
    for flag in ("ms", "ms=false"):
        reply = answer(await get(tsd, f"query?start={T}&end={T + 60}&m=avg:load&{flag}"))
        assert reply[0]["dps"] == {"1356998400000": 0.5, "1356998400250": 1.0, "1356998460000": 1e16}


async def test_arrays_of_post_and_get(tsd: OpenTSDB) -> None:
    query = {
        "start": T,
        "end": T + 20,
        "queries": [{"aggregator": "zimsum", "metric": "sys.cpu", "tags": {"dc": "lga"}}],
    }
    for reply in (
        await post(tsd, "query?arrays=true", query),
        await get(tsd, f"query?start={T}&end={T + 20}&m=zimsum:sys.cpu{{dc=lga}}&arrays"),
    ):
        assert answer(reply)[0]["dps"] == [[T, 11], [T + 10, 3], [T + 20, 35]]


@pytest.mark.parametrize(
    ("fill", "empty"), [("nan", b'"1356998410":"NaN"'), ("null", b'"1356998410":null'), ("zero", b'"1356998410":0.0')]
)
async def test_fills(tsd: OpenTSDB, fill: str, empty: bytes) -> None:
    reply = await get(tsd, f"query?start={T}&end={T + 20}&m=sum:10s-sum-{fill}:sys.cpu{{host=web02}}")
    assert b'"dps":{"1356998400":10.0,%b,"1356998420":30.0}' % empty in reply.body


async def test_rates_and_downsampling_in_any_order(tsd: OpenTSDB) -> None:
    for middle in ("rate:20s-sum", "20s-sum:rate", "rate{counter,100,}:20s-sum"):
        reply = await get(tsd, f"query?start={T}&end={T + 40}&m=sum:{middle}:sys.cpu{{host=web01}}")
        assert answer(reply)[0]["dps"] == {str(T + 20): 0.05}
    assert answer(await get(tsd, f"query?start={T}&end={T + 40}&m=sum:0all-max:sys.cpu"))[0]["dps"] == {str(T): 135.0}


async def test_text_and_booleans_come_back_as_such(tsd: OpenTSDB) -> None:
    reply = await get(tsd, f"query?start={T}&end={T + 9}&m=none:state")
    assert b'"dps":{"1356998400":"on \\"air\\"","1356998401":true,"1356998402":9223372036854775807}' in reply.body
    status, said = error(await get(tsd, f"query?start={T}&end={T + 1}&m=sum:state"))
    assert status == 400
    assert "aggregator none" in said


async def test_a_stray_text_does_not_spoil_the_numbers(store: MemoryStore, tsd: OpenTSDB) -> None:
    store.put("p", {"host": "a"}, {**{(T + s) * 1000: s for s in range(5)}, (T + 9) * 1000: "n/a"})
    store.put("p", {"host": "b"}, {(T + 2) * 1000: "1,5", (T + 3) * 1000: 7})
    store.put("p", {"host": "c"}, {T * 1000: "off"})
    for end in (T + 5, T + 100):
        found = answer(await get(tsd, f"query?start={T}&end={end}&m=sum:p{{host=*}}"))
        assert [(e["tags"]["host"], e["dps"]) for e in found] == [
            ("a", {str(T + s): s for s in range(5)}),
            ("b", {str(T + 3): 7}),
        ]
    for middle in ("1m-avg:", "rate:", "1m-avg-zero:rate:"):
        assert (await get(tsd, f"query?start={T}&end={T + 300}&m=sum:{middle}p")).status == 200
        assert (await get(tsd, f"query?start={T}&end={T + 300}&m=sum:{middle}p{{host=c}}")).status == 400
    assert error(await get(tsd, f"query?start={T + 5}&end={T + 100}&m=sum:p"))[0] == 400
    assert answer(await get(tsd, f"query?start={T + 10}&end={T + 100}&m=sum:p")) == []


async def test_grafana_backend(tsd: OpenTSDB) -> None:
    query = {
        "start": T * 1000,
        "end": (T + 20) * 1000,
        "queries": [
            {
                "metric": "sys.cpu",
                "aggregator": "avg",
                "downsample": "10s-avg",
                "rate": True,
                "rateOptions": {"counter": True, "counterMax": 100, "dropResets": False},
                "filters": [{"type": "literal_or", "tagk": "host", "filter": "web01", "groupBy": True}],
                "explicitTags": False,
            }
        ],
    }
    expected = [[T + 10, 0.2], [T + 20, 0.2]]
    assert answer(await post(tsd, "query?arrays=true", query))[0]["dps"] == expected
    (element,) = answer(await post(tsd, "query", query))
    assert set(element) == {"metric", "tags", "aggregateTags", "dps"}
    assert element["dps"] == {str(T + 10): 0.2, str(T + 20): 0.2}


async def test_grafana_frontend(tsd: OpenTSDB) -> None:
    query = {
        "start": T * 1000,
        "msResolution": True,
        "globalAnnotations": True,
        "showQuery": True,
        "queries": [
            {"metric": "load", "aggregator": "sum", "downsample": "1m-avg"},
            {"metric": "sys.cpu", "aggregator": "sum", "downsample": "1m-sum", "tags": {"host": "web*"}},
        ],
    }
    found = answer(await post(tsd, "query", query))
    assert [(e["query"]["index"], e["metric"]) for e in found] == [(0, "load"), (1, "sys.cpu"), (1, "sys.cpu")]
    assert found[0]["dps"] == {"1356998400000": 0.75, "1356998460000": 1e16}
    assert found[1]["query"]["tags"] == {"host": "iwildcard(web*)"}


async def test_a_dash_at_the_end_of_a_downsampling_says_nothing(tsd: OpenTSDB) -> None:
    for text in ("10s-sum-", "10s-sum"):
        reply = await get(tsd, f"query?start={T}&end={T + 20}&m=sum:{text}:sys.cpu{{host=web01}}&arrays")
        assert answer(reply)[0]["dps"] == [[T, 1.0], [T + 10, 3.0], [T + 20, 5.0]]
    assert error(await get(tsd, f"query?start={T}&m=sum:10s-:sys.cpu"))[0] == 400


async def test_alibaba_sdk(tsd: OpenTSDB) -> None:
    query = (
        '{"delete":false,"end":1356998420,"msResolution":false,"queries":[{"aggregator":"sum","dpValue":">0",'
        '"downsample":"none","explicitTags":false,"filters":[],"granularity":"","limit":0,"metric":"sys.cpu",'
        '"rate":false,"tags":{"host":"web01"}}],"start":1356998400,"type":null}'
    )
    assert answer(await post(tsd, "query", query))[0]["dps"] == {str(T): 1, str(T + 10): 3, str(T + 20): 5}
    assert "version" in answer(await post(tsd, "version", {}))


async def narrowed(tsd: OpenTSDB, aggregator: str = "none", **sub: Any) -> list[list[list[float]]]:
    whole = {"start": T, "end": T + 60, "queries": [{"aggregator": aggregator, "metric": "sys.cpu", **sub}]}
    return [element["dps"] for element in answer(await post(tsd, "query?arrays", whole))]


async def test_alibabas_pages(tsd: OpenTSDB) -> None:
    assert await narrowed(tsd, limit=1, offset=1) == [[[T + 10, 3]], [[T + 20, 30]]]
    assert await narrowed(tsd, limit=2, globalLimit=4) == [[[T, 1]], [[T, 10]], [[T, 100]]]
    assert await narrowed(tsd, limit=0, offset=0, globalLimit=0) == await narrowed(tsd)
    assert await narrowed(tsd, offset=9) == []


async def test_alibabas_conditions_on_values(tsd: OpenTSDB) -> None:
    assert await narrowed(tsd, dpValue=">=5", tags={"dc": "lga"}) == [[[T + 20, 5]], [[T, 10], [T + 20, 30]]]
    assert await narrowed(tsd, dpValue=" != 3.0", tags={"host": "web01"}) == [[[T, 1], [T + 20, 5]]]
    # One is about the answer, the other about what is stored: the line through 1 and 5 has a 3 again.
    hosts = {"host": "web01|web02"}
    assert await narrowed(tsd, "sum", preDpValue="!=3", tags={"dc": "lga"}) == [[[T, 11], [T + 20, 35]]]
    assert await narrowed(tsd, "sum", dpValue="<20", tags=hosts) == [[[T, 1], [T + 10, 3], [T + 20, 5]], [[T, 10]]]
    query = {"start": T, "queries": [{"aggregator": "none", "metric": "state", "dpValue": '=on "air"'}]}
    assert answer(await post(tsd, "query", query))[0]["dps"] == {str(T): 'on "air"'}


async def test_alibabas_delta(tsd: OpenTSDB) -> None:
    assert await narrowed(tsd, delta=True, tags={"host": "web01"}) == [[[T + 10, 2.0], [T + 20, 2.0]]]
    risen = await narrowed(tsd, delta=True, deltaOptions={"counter": True, "counterMax": 20}, tags={"host": "web02"})
    assert risen == [[[T + 20, 20.0]]]


@pytest.mark.parametrize(
    ("sub", "message"),
    [
        ({"dpValue": "45"}, "Invalid dpValue: 45. It must look like >=45.2"),
        ({"preDpValue": "=>45"}, "Invalid preDpValue: =>45. It must look like >=45.2"),
        ({"limit": -1}, "'limit' must not be negative: -1"),
        ({"rate": True, "delta": True}, "rate and delta exclude each other"),
    ],
)
async def test_mistakes_in_what_only_alibaba_has(tsd: OpenTSDB, sub: dict[str, Any], message: str) -> None:
    query = {"start": T, "queries": [{"aggregator": "none", "metric": "sys.cpu", **sub}]}
    assert error(await post(tsd, "query", query)) == (400, message)


async def test_summary_comes_last(tsd: OpenTSDB) -> None:
    *found, summary = answer(await get(tsd, f"query?start={T}&end={T}&m=sum:sys.cpu&show_summary"))
    assert len(found) == 1
    assert summary["statsSummary"]["emittedDPs"] == 1


async def test_nothing_found(tsd: OpenTSDB) -> None:
    assert (await get(tsd, "query?start=1000000000&end=1000000001&m=sum:sys.cpu")).body == b"[]"
    assert (await get(tsd, f"query?start={T}&m=sum:sys.cpu{{host=nobody}}")).body == b"[]"
    assert (await get(tsd, f"query?start={T}&m=sum:sys.cpu{{nokey=x}}")).body == b"[]"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("query?m=sum:sys.cpu", "Missing parameter <code>start</code>"),
        ("query?start=1", "Missing sub queries"),
        ("query?start=1&m=sys.cpu", "Invalid parameter m=sys.cpu (not enough :-separated parts)"),
        (
            "query?start=1&m=a:1m-avg:rate:none:c:m",
            "Invalid parameter m=a:1m-avg:rate:none:c:m (too many :-separated parts)",
        ),
        ("query?start=1&m=:sys.cpu", "Missing the aggregation function"),
        ("query?start=1&m=mean:sys.cpu", "No such aggregation function: mean"),
        ("query?start=1&m=sum:", "Missing the metric or tsuids, provide at least one"),
        ("query?start=1&m=sum:nope", "No such name for 'metrics': 'nope'"),
        ("query?start=1&m=sum:sys.cpu{host", "Missing '}' at the end of: sys.cpu{host"),
        ("query?start=1&m=sum:sys.cpu{host}", "invalid tag: host"),
        ("query?start=1&m=sum:sys.cpu{host=x(y)}", "Could not find a tag value filter of the type: x"),
        (
            "query?start=1&m=sum:1m:sys.cpu",
            "Invalid downsampling specifier '1m': must provide at least interval and function",
        ),
        ("query?start=1&m=sum:1m-mean:sys.cpu", "No such downsampling function: mean"),
        ("query?start=1&m=sum:1m-avg-full:sys.cpu", "Unrecognized fill policy: full"),
        ("query?start=1&m=sum:1m-none:sys.cpu", "cannot use the NONE aggregator for downsampling"),
        ("query?start=1&m=sum:1x-avg:sys.cpu", "Invalid duration (suffix): 1x"),
        ("query?start=1&m=sum:0s-avg:sys.cpu", "Zero or negative duration: 0s"),
        ("query?start=1&m=sum:101yc-avg:sys.cpu", "a calendar bucket may have at most a hundred years: 101 years"),
        (
            f"query?start={T}&end={T - 1}&m=sum:sys.cpu",
            f"End time [{T - 1}000] must be greater than or equal to the start time [{T}000]",
        ),
        ("query?start=2013/1&m=sum:sys.cpu", "Invalid absolute date: 2013/1"),
        ("query?start=1&timezone=Mars/Base&m=sum:sys.cpu", "Invalid timezone name: Mars/Base"),
        ("query?start=1&m=sum:rate{counter,x}:sys.cpu", "Max value of counter was not a number, received 'x'"),
        ("suggest", "Missing parameter <code>type</code>"),
        ("suggest?type=hosts", "Invalid 'type' parameter:hosts"),
        ("suggest?type=tagk&max=many", "Unable to parse 'max' as a number"),
    ],
)
async def test_mistakes(tsd: OpenTSDB, target: str, message: str) -> None:
    assert error(await get(tsd, target)) == (400, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "Missing message content"),
        ("{", "Unable to parse the given JSON"),
        ("[]", "Unable to parse the given JSON"),
        ("{}", "Missing start time"),
        ('{"start":1}', "Missing sub queries"),
        ('{"start":1,"queries":[{"metric":"m"}]}', "Missing the aggregation function"),
        ('{"start":1,"queries":[{"aggregator":"sum"}]}', "Missing the metric or tsuids, provide at least one"),
        ('{"start":1,"delete":true,"queries":[{"aggregator":"sum","metric":"m"}]}', "Deleting data is not enabled"),
        (
            '{"start":1,"queries":[{"aggregator":"sum","metric":"m","filters":[{"type":"regexp","tagk":"h","filter":"("}]}]}',
            "Invalid regular expression: (",
        ),
    ],
)
async def test_mistakes_of_post(tsd: OpenTSDB, body: str, message: str) -> None:
    assert error(await post(tsd, "query", body)) == (400, message)


@pytest.mark.parametrize("start", ["yesterday", "-5", "1356998400.25", "12345678901234"])
async def test_bad_times(tsd: OpenTSDB, start: str) -> None:
    status, message = error(await get(tsd, f"query?start={start}&m=sum:sys.cpu"))
    assert status == 400
    assert message.startswith(f"Invalid time: {start}. ")


async def test_methods_that_nothing_answers(tsd: OpenTSDB) -> None:
    assert error(await tsd.ask("/api/query", method="PUT"))[0] == 405


async def test_suggest(tsd: OpenTSDB) -> None:
    assert answer(await get(tsd, "suggest?type=metrics&q=s")) == ["state", "sys.cpu"]
    assert answer(await get(tsd, "suggest?type=tagv&q=web&max=1")) == ["web01"]
    assert answer(await post(tsd, "suggest", {"type": "tagk", "max": 25})) == ["dc", "host"]
    assert error(await post(tsd, "suggest", {"q": "x"})) == (400, "Missing 'type' parameter")


async def test_aggregators_and_filters(tsd: OpenTSDB) -> None:
    assert answer(await get(tsd, "aggregators")) == list(AGGREGATORS)
    found = answer(await get(tsd, "config/filters"))
    assert {"literal_or", "wildcard", "regexp", "not_key"} <= set(found)
    assert all(set(entry) == {"description", "examples"} for entry in found.values())


async def test_jsonp_and_gzip(tsd: OpenTSDB) -> None:
    reply = await get(tsd, f"query?start={T}&end={T}&m=sum:sys.cpu&jsonp=cb")
    assert reply.body.startswith(b"cb([{")
    assert reply.body.endswith(b"}])")
    packed = await get(tsd, "config/filters", **{"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "literal_or" in json.loads(gzip.decompress(packed.body))


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_large_answer_is_streamed_whole(tsd: OpenTSDB, store: MemoryStore, encoding: str) -> None:
    points = {(T + s) * 1000: s if s % 3 else s / 7 for s in range(60_000)}
    store.put("large", {"host": "a"}, points)
    reply = await get(tsd, f"query?start={T}&end={T + 60_000}&m=sum:large&jsonp=f", **{"accept-encoding": encoding})
    body = gzip.decompress(reply.body) if encoding == "gzip" else reply.body
    assert json.loads(body[2:-1])[0]["dps"] == {str(t // 1000): v for t, v in points.items()}


async def test_too_many_points_is_413(tsd: OpenTSDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.query.buckets.QUERY_POINTS_MAX", 1000)
    status, message = error(await get(tsd, "query?start=1&m=sum:1s-sum-zero:sys.cpu"))
    assert status == 413
    assert "at most 1000 are allowed" in message


async def test_too_many_waiting_queries_is_503(tsd: OpenTSDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.limits.QUERIES_WAITING_MAX", 0)
    reply = await get(tsd, f"query?start={T}&m=sum:sys.cpu")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
