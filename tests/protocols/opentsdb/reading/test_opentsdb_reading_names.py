"""search/lookup, suggest, uid/assign and dump_meta, as section 3 of the facts and the clients have them."""

from __future__ import annotations

import json

import pytest
from real_room import RealRoom, answered, error

T = 1356998400


async def fill(tsd: RealRoom) -> None:
    await tsd.put(
        ("sys.cpu", T, 1, {"host": "web01", "dc": "lga"}),
        ("sys.cpu", T, 1, {"host": "web02", "dc": "lga"}),
        ("sys.cpu", T, 1, {"host": "db01"}),
        ("load", T, 1, {"host": "web01"}),
    )


async def test_the_shape_that_grafana_reads(tsd: RealRoom) -> None:
    await fill(tsd)
    found = answered(await tsd.get("search/lookup?m=sys.cpu{dc=*}&limit=1000"))
    assert set(found) == {"type", "metric", "tags", "limit", "startIndex", "time", "totalResults", "results"}
    assert (found["type"], found["metric"], found["limit"], found["startIndex"]) == ("LOOKUP", "sys.cpu", 1000, 0)
    assert found["tags"] == [{"key": "dc", "value": "*"}]
    assert found["totalResults"] == 2
    assert [result["tags"]["host"] for result in found["results"]] == ["web01", "web02"]
    assert all(set(result) == {"tsuid", "metric", "tags"} for result in found["results"])


async def test_lookup_by_post_with_limit_and_without_metric(tsd: RealRoom) -> None:
    await fill(tsd)
    asked = {"metric": "sys.cpu", "tags": [{"key": "host", "value": "*"}], "limit": 2}
    found = answered(await tsd.post("search/lookup", asked))
    assert (found["totalResults"], len(found["results"])) == (3, 2)
    rest = answered(await tsd.post("search/lookup", {**asked, "startIndex": 2}))
    assert [result["tags"] for result in rest["results"]] == [{"host": "db01"}]
    anywhere = answered(await tsd.get("search/lookup?m={host=web01}"))
    assert (anywhere["metric"], sorted(r["metric"] for r in anywhere["results"])) == ("*", ["load", "sys.cpu"])
    any_key = answered(await tsd.get("search/lookup?m=sys.cpu{*=lga}"))
    assert any_key["totalResults"] == 2
    assert answered(await tsd.get("search/lookup?m=load"))["totalResults"] == 1


@pytest.mark.parametrize(
    ("question", "hosts"),
    [
        ("sys.cpu{host=web01,host=db01}", ["web01", "db01"]),
        ("sys.cpu{host=web01,host=*}", ["web01", "web02", "db01"]),
        ("sys.cpu{host=,dc=lga}", ["web01", "web02"]),
        ("sys.cpu{=web02}", ["web02"]),
        ("{host=web01,host=db01}", ["web01", "db01", "web01"]),
        ("{=db01,=web02}", ["web02", "db01"]),
    ],
)
async def test_repeated_keys_and_empty_sides(tsd: RealRoom, question: str, hosts: list[str]) -> None:
    await fill(tsd)
    found = answered(await tsd.get(f"search/lookup?m={question}"))
    assert [result["tags"]["host"] for result in found["results"]] == hosts


async def test_limits_are_any_integers(tsd: RealRoom) -> None:
    await fill(tsd)
    assert (await tsd.get("search/lookup?m=sys.cpu&limit=")).status == 400
    assert len(answered(await tsd.get("suggest?type=tagv&max="))) == 4
    for limit, count in (("1000000000", 3), ("0", 3), ("-1", 3), ("1", 1)):
        assert len(answered(await tsd.get(f"search/lookup?m=sys.cpu&limit={limit}"))["results"]) == count
        assert len(answered(await tsd.get(f"suggest?type=tagv&max={limit}"))) == (1 if limit == "1" else 4)
    assert len(answered(await tsd.post("suggest", {"type": "tagv", "max": "2"}))) == 2
    assert (await tsd.get("suggest?type=tagv&max=99999999999")).status == 400


async def test_a_lookup_everywhere_finds_no_field(tsd: RealRoom) -> None:
    await fill(tsd)
    await tsd.post("mput", [{"metric": "wind", "timestamp": T, "tags": {"host": "web01"}, "fields": {"speed": 1}}])
    found = answered(await tsd.get("search/lookup?m={host=web01}"))
    assert [result["metric"] for result in found["results"]] == ["sys.cpu", "load"]


@pytest.mark.parametrize("question", ["nope", "sys.cpu{rack=*}", "sys.cpu{host=nobody}", "{*=nobody}"])
async def test_an_unknown_name_is_404(tsd: RealRoom, question: str) -> None:
    await fill(tsd)
    assert error(await tsd.get(f"search/lookup?m={question}")) == (404, "Unable to resolve one or more names")


async def test_mistakes(tsd: RealRoom) -> None:
    assert error(await tsd.get("search/lookup")) == (400, "Missing parameter <code>m</code>")
    assert error(await tsd.get("search/lookup?m=a&limit=x")) == (400, "Unable to convert 'limit' to a valid number")
    assert error(await tsd.get("search/lookup?m=a{=}"))[0] == 400
    assert error(await tsd.get("uid/assign")) == (400, "Missing values to assign UIDs")
    numbers = json.loads((await tsd.post("uid/assign", {"metric": [5, True]})).body)
    assert set(numbers["metric"]) == {"5", "true"}
    assert error(await tsd.post("uid/assign", {"metric": [None]}))[0] == 400
    # Measured on OpenTSDB 2.4.1.
    assert error(await tsd.get("uid/assign?metric=")) == (400, "Missing values to assign UIDs")
    assert error(await tsd.get("dump_meta")) == (400, "Missing 'tagkey' parameter")
    assert error(await tsd.get("dump_meta?tagkey=host&max=x")) == (400, "Unable to parse the given parameters")


async def test_uid_assign(tsd: RealRoom) -> None:
    await fill(tsd)
    found = answered(await tsd.get("uid/assign?metric=new.a,new.b&tagk=rack"))
    assert set(found) == {"metric", "tagk"}
    assert set(found["metric"]) == {"new.a", "new.b"}
    assert len({*found["metric"].values(), *found["tagk"].values()}) == 3
    reply = await tsd.post("uid/assign", {"metric": ["load", "new.a", "bad!"], "tagv": ["web01"]})
    assert reply.status == 400
    said = reply.body.decode()
    assert '"metric_errors":{"load":"Name already exists with UID: ' in said
    assert '"bad!":"Invalid metric (\\"bad!\\"): illegal character: !"' in said
    assert f'"metric":{{"new.a":"{found["metric"]["new.a"]}"}}' in said
    assert '"tagv_errors":{"web01":"Name already exists' in said


async def test_a_kind_of_names_that_nobody_knows_gets_no_ids(tsd: RealRoom) -> None:
    # As OpenTSDB 2.4.1 answers: a bad name before an unknown kind, and the other kinds all the same.
    reply = await tsd.post("uid/assign", {"foo": ["a", "b!", ""], "metric": ["new.a"]})
    assert reply.status == 400
    said = json.loads(reply.body)
    assert said["foo"] == {}
    assert said["foo_errors"] == {
        "a": "Unknown type name",
        "b!": 'Invalid foo ("b!"): illegal character: !',
        "": "Invalid foo: empty string",
    }
    assert set(said["metric"]) == {"new.a"}
    assert answered(await tsd.post("uid/assign", {"metric": []})) == {"metric": {}}
    assert set(answered(await tsd.get("uid/assign?metric=new.a,,&tagk=,"))) == {"metric"}


async def test_dump_meta(tsd: RealRoom) -> None:
    await fill(tsd)
    asked = {"tagkey": "host", "tagvalueprefix": "web", "max": 10, "dump_metric": False}
    assert answered(await tsd.post("dump_meta", asked)) == [{"host": "web01"}, {"host": "web02"}]
    assert answered(await tsd.post("dump_meta", {**asked, "metric": "load"})) == [{"host": "web01"}]
    assert answered(await tsd.post("dump_meta", {**asked, "dump_metric": True})) == ["load", "sys.cpu"]
    assert answered(await tsd.get("dump_meta?tagkey=host&tagvalueprefix=web0&max=1")) == [{"host": "web01"}]
