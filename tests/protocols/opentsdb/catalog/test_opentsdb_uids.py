"""/api/uid/uidmeta, tsmeta and rename: members, statuses and words of OpenTSDB 2.4.1."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, answered, error, real_room

from headrace import limits

T = 1356998400


async def stored(tsd: RealRoom) -> None:
    await tsd.put(
        ("sys.cpu", T, 1, {"dc": "lga", "host": "web01"}),
        ("sys.cpu", T, 2, {"dc": "lga", "host": "web02"}),
        ("sys.mem", T, 3, {"host": "web01"}),
    )


async def uid(tsd: RealRoom, kind: str, name: str) -> str:
    """As uid/assign tells it."""
    reply = await tsd.post("uid/assign", {kind: [name]})
    words: str = json.loads(reply.body)[f"{kind}_errors"][name]
    return words.removeprefix("Name already exists with UID: ")


async def tsuid(tsd: RealRoom, query: str) -> str:
    [found] = answered(await tsd.get(f"search/lookup?m={query}"))["results"]
    return str(found["tsuid"])


async def test_what_is_known_of_a_name(tsd: RealRoom) -> None:
    await stored(tsd)
    for kind, name in (("metric", "sys.cpu"), ("tagk", "host"), ("tagv", "web02")):
        number = await uid(tsd, kind, name)
        expected = {
            "uid": number,
            "type": kind.upper(),
            "name": name,
            "description": "",
            "notes": "",
            "created": 0,
            "custom": None,
            "displayName": "",
        }
        assert answered(await tsd.get(f"uid/uidmeta?uid={number.lower()}&type={kind}")) == expected


async def test_words_about_a_name_are_kept(tmp_path: Path) -> None:
    with real_room(tmp_path) as tsd:
        await stored(tsd)
        about = {"uid": await uid(tsd, "metric", "sys.cpu"), "type": "metric"}
        said = {**about, "displayName": "CPU", "custom": {"a": "b"}}
        first = answered(await tsd.post("uid/uidmeta", said))
        assert (first["displayName"], first["custom"], first["name"]) == ("CPU", {"a": "b"}, "sys.cpu")
        assert answered(await tsd.post("uid/uidmeta", said)) == first
        second = answered(await tsd.post("uid/uidmeta", {**about, "notes": "n"}))
        assert second == {**first, "notes": "n"}
        for nothing in ({}, {"notes": ""}, {"custom": None}, {"uid": "00000000000000FF"}, {"uid": "x"}):
            assert (await tsd.post("uid/uidmeta", {**about, **nothing})).status == 304
    with real_room(tmp_path) as tsd:
        assert answered(await tsd.get(f"uid/uidmeta?uid={about['uid']}&type=metric")) == second
        third = answered(await tsd.post("uid/uidmeta", {**about, "description": "d"}, method="PUT"))
        assert (third["description"], third["displayName"], third["custom"], third["notes"]) == ("d", "", None, "")
        gone = await tsd.post("uid/uidmeta", about, method="DELETE")
        assert (gone.status, gone.body) == (204, b"")
        assert (await tsd.post("uid/uidmeta", about, method="DELETE")).status == 204
        assert error(await tsd.post("uid/uidmeta", {**about, "uid": "x"}, method="DELETE"))[0] == 400
        assert answered(await tsd.get(f"uid/uidmeta?uid={about['uid']}&type=metric"))["description"] == ""


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("uid=00000000000000FF&type=metric", 404, "Could not find the requested UID"),
        ("uid=000001&type=metric", 404, "Could not find the requested UID"),
        ("uid=XYZ&type=metric", 400, "A UID is made of hexadecimal digits: XYZ"),
        ("uid=000001&type=x", 400, "Invalid type requested: x"),
        ("type=metric", 400, "Missing parameter <code>uid</code>"),
        ("uid=000001", 400, "Missing parameter <code>type</code>"),
    ],
)
async def test_what_is_wrong_with_a_name(tsd: RealRoom, query: str, status: int, message: str) -> None:
    await stored(tsd)
    assert error(await tsd.get(f"uid/uidmeta?{query}")) == (status, message)
    assert error(await tsd.ask(f"/api/uid/uidmeta?{query}&notes=n", method="POST")) == (status, message)


async def test_too_many_names_to_look_through(tsd: RealRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    await stored(tsd)
    monkeypatch.setattr(limits, "OPENTSDB_SUGGEST_MAX", 1)
    status, message = error(await tsd.get("uid/uidmeta?uid=00000000000000FF&type=tagk"))
    assert (status, message) == (413, "there are more than 1 names to look through")


async def test_what_is_known_of_a_series(tsd: RealRoom) -> None:
    await stored(tsd)
    key = await tsuid(tsd, "sys.mem")
    found = answered(await tsd.get(f"uid/tsmeta?tsuid={key.lower()}"))
    names = {
        "metric": answered(await tsd.get(f"uid/uidmeta?type=metric&uid={await uid(tsd, 'metric', 'sys.mem')}")),
        "tags": [
            answered(await tsd.get(f"uid/uidmeta?type={kind}&uid={await uid(tsd, kind, name)}"))
            for kind, name in (("tagk", "host"), ("tagv", "web01"))
        ],
    }
    assert found == {
        "tsuid": key,
        **names,
        "description": "",
        "notes": "",
        "created": 0,
        "units": "",
        "retention": 0,
        "max": "NaN",
        "min": "NaN",
        "displayName": "",
        "dataType": "",
        "lastReceived": 0,
        "totalDatapoints": 0,
    }


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ("sys.cpu", ["web01", "web02"]),
        ("sys.cpu%7Bhost=web02%7D", ["web02"]),
        ("sys.cpu%7Bhost=*%7D", ["web01", "web02"]),
        ("sys.cpu%7Bhost=nix%7D", []),
    ],
)
async def test_series_by_metric_and_tags(tsd: RealRoom, query: str, hosts: list[str]) -> None:
    await stored(tsd)
    found = answered(await tsd.get(f"uid/tsmeta?m={query}"))
    assert [one["tags"][3]["name"] for one in found] == hosts


async def test_words_about_a_series_are_kept(tsd: RealRoom) -> None:
    await stored(tsd)
    key = await tsuid(tsd, "sys.mem")
    said = {"tsuid": key, "displayName": "CPU", "units": "%", "retention": 42, "max": 100.5, "min": 0}
    first = answered(await tsd.post("uid/tsmeta", said))
    assert {name: first[name] for name in said} == said
    assert answered(await tsd.post("uid/tsmeta", first)) == first  # a client that sends back what it was shown
    answered(await tsd.post("uid/tsmeta", {"tsuid": key, "notes": "n"}, method="PUT"))
    second = answered(await tsd.get(f"uid/tsmeta?tsuid={key}"))
    assert (second["notes"], second["units"], second["max"]) == ("n", "", "NaN")
    by_name = answered(
        await tsd.post("uid/tsmeta?m=sys.cpu%7Bhost=web02,dc=lga%7D&create=true", {"displayName": "two"})
    )
    assert (by_name["displayName"], by_name["tags"][3]["name"]) == ("two", "web02")
    assert error(await tsd.post("uid/tsmeta?m=sys.mem%7Bhost=web01%7D", {}, method="DELETE"))[0] == 400
    by_query = answered(await tsd.ask(f"/api/uid/tsmeta?tsuid={key}&retention=7&max=1.5", method="POST"))
    assert (by_query["retention"], by_query["max"], by_query["notes"]) == (7, 1.5, "n")
    assert (await tsd.post("uid/tsmeta", {"tsuid": key}, method="DELETE")).status == 204
    assert answered(await tsd.get(f"uid/tsmeta?tsuid={key}"))["retention"] == 0


@pytest.mark.parametrize(
    ("query", "body", "status", "message"),
    [
        ("", None, 400, "Missing parameter <code>m</code>"),
        ("?m=nix", None, 404, "Unable to find one of the UIDs"),
        ("?tsuid=0000FF000001000001", None, 404, "Could not find Timeseries meta data"),
        (f"?tsuid={'F' * 32}", None, 404, "Could not find Timeseries meta data"),
        ("?tsuid=0000&max=x", None, 404, "Could not find Timeseries meta data"),
        ("?tsuid=zz", None, 400, "TSUID is too short, may be missing tags"),
        ("", {"tsuid": "0000", "displayName": "x"}, 400, "TSUID is too short, may be missing tags"),
        ("", {"tsuid": "0000FF000001000001", "displayName": "x"}, 404, "Could not find Timeseries meta data"),
        ("", {"displayName": "x"}, 400, "Missing parameter <code>m</code>"),
        ("", {"tsuid": "F" * 32, "displayName": "x"}, 404, "Could not find Timeseries meta data"),
        ("?m=sys.cpu%7Bhost=web01%7D", {"displayName": "x"}, 400, "Could not find TSMeta"),
        ("", {"tsuid": "F" * 32, "retention": "long"}, 400, "Unable to parse the given JSON"),
    ],
)
async def test_what_is_wrong_with_a_series(tsd: RealRoom, query: str, body: Any, status: int, message: str) -> None:
    await stored(tsd)
    reply = await (tsd.get(f"uid/tsmeta{query}") if body is None else tsd.post(f"uid/tsmeta{query}", body))
    assert error(reply) == (status, message)


async def test_null_is_kept_and_a_number_is_a_text(tsd: RealRoom) -> None:
    await stored(tsd)
    about = {"uid": await uid(tsd, "metric", "sys.mem"), "type": "metric"}
    named = answered(await tsd.post("uid/uidmeta", {**about, "notes": None, "description": 5}))
    assert (named["notes"], named["description"]) == (None, "5")
    key = await tsuid(tsd, "sys.mem")
    said = {"tsuid": key, "notes": None, "retention": "5", "max": None, "min": "0.5"}
    found = answered(await tsd.post("uid/tsmeta", said))
    assert "notes" not in found
    assert (found["retention"], found["max"], found["min"]) == (5, 0.0, 0.5)
    for nothing in ({"notes": ""}, {"retention": 0}):
        assert (await tsd.post("uid/tsmeta", {"tsuid": key, **nothing}, method="PUT")).status == 304
    by_url = await tsd.ask(f"/api/uid/tsmeta?tsuid={key}&max=&retention=&notes=n", method="POST")
    assert answered(by_url)["max"] == 0.0
    assert answered(await tsd.post("uid/tsmeta", {"tsuid": key, "max": "NaN"}))["max"] == "NaN"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ('"retention":1e30', 400),
        (f'"retention":{10**30}', 400),
        ('"max":1e999', 400),
        ('"max":"Infinity","min":"-inf"', 304),
        ('"notes":"\\ud800"', 400),
        ('"custom":{"a":{}}', 400),
        ('"custom":' + "[" * 2000, 400),
    ],
)
async def test_hostile_words(tsd: RealRoom, said: str, status: int) -> None:
    await stored(tsd)
    key = await tsuid(tsd, "sys.mem")
    assert (await tsd.post("uid/tsmeta", f'{{"tsuid":"{key}",{said}}}')).status == status
    assert answered(await tsd.get(f"uid/tsmeta?tsuid={key}"))["max"] == "NaN"


async def test_limits(tsd: RealRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    await stored(tsd)
    long = {"tsuid": await tsuid(tsd, "sys.mem"), "notes": "n" * limits.OPENTSDB_ANNOTATION_BYTES_MAX}
    assert (await tsd.post("uid/tsmeta", long)).status == 413
    monkeypatch.setattr(limits, "OPENTSDB_METAS_BYTES_MAX", 500)
    for path in ("uid/tsmeta?m=sys.cpu", "search/tsmeta?query=*", "search/uidmeta?query=*"):
        assert error(await tsd.get(path)) == (413, "more than 500 bytes of meta data: ask for less")
    monkeypatch.setattr(limits, "OPENTSDB_METAS_MAX", 1)
    assert error(await tsd.get("uid/tsmeta?m=sys.cpu")) == (413, "more than 1 series match: name more tags")


async def test_names_stay(tsd: RealRoom) -> None:
    await stored(tsd)
    for reply in (
        await tsd.get("uid/rename?metric=sys.cpu&name=sys.cpus"),
        await tsd.post("uid/rename", {"metric": "sys.cpu", "name": "sys.cpus"}),
    ):
        assert error(reply) == (501, "Renaming is not implemented: points are stored with their names")
    assert error(await tsd.get("uid/rename?metric=sys.cpu")) == (400, "Missing necessary values to rename UID")
    assert error(await tsd.post("uid/rename", {"metric": "sys.cpu", "name": "x"}, "PUT"))[0] == 405
    for path in ("uid", "uid/nix", "uid/uidmeta/x"):
        assert error(await tsd.get(path)) == (501, "Other UID endpoints have not been implemented yet")


@pytest.mark.parametrize("address", ["uidmeta", "tsmeta"])
async def test_what_two_say_at_once_is_kept_of_both(tsd: RealRoom, address: str) -> None:
    await stored(tsd)
    if address == "uidmeta":
        about = {"uid": await uid(tsd, "metric", "sys.cpu"), "type": "metric"}
    else:
        about = {"tsuid": await tsuid(tsd, "sys.mem")}
    members = {"description": "d", "notes": "n", "displayName": "s", "custom": {"a": "b"}}
    said = [{**about, name: value} for name, value in members.items()]
    replies = await asyncio.gather(*(tsd.post(f"uid/{address}", one) for one in said))
    assert [reply.status for reply in replies] == [200] * 4
    asked = "&".join(f"{name}={value}" for name, value in about.items())
    shown = answered(await tsd.get(f"uid/{address}?{asked}"))
    assert {name: shown[name] for name in members} == members
