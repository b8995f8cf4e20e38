"""/api/annotation, and annotations beside the points that they are about."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, answered, error, real_room

from headrace import limits

T = 1369141261
NOTE = {"startTime": T, "description": "deployed", "notes": "by hand", "custom": {"owner": "jdoe"}}


async def tsuid_of(tsd: RealRoom, metric: str) -> str:
    await tsd.put((metric, T, 1, {"host": "a"}), (metric, T + 60, 2, {"host": "a"}))
    [last] = answered(await tsd.get(f"query/last?timeseries={metric}"))
    return str(last["tsuid"])


async def elements(tsd: RealRoom, flags: str) -> list[dict[str, Any]]:
    return list(answered(await tsd.get(f"query?start={T - 5}&end={T + 100}&m=sum:sys.cpu{flags}")))


async def test_write_read_change_delete(tsd: RealRoom) -> None:
    tsuid = await tsuid_of(tsd, "sys.cpu")
    written = answered(await tsd.post("annotation", {**NOTE, "tsuid": tsuid}))
    assert written == {**NOTE, "tsuid": tsuid, "endTime": 0}
    assert answered(await tsd.get(f"annotation?start_time={T}&tsuid={tsuid}")) == written
    assert answered(await tsd.post("annotation", {**NOTE, "tsuid": tsuid})) == written
    changed = answered(await tsd.post("annotation", {"startTime": T, "tsuid": tsuid, "endTime": T + 9}))
    assert changed == {**written, "endTime": T + 9}
    replaced = answered(await tsd.post("annotation", {"startTime": T, "tsuid": tsuid, "notes": "x"}, method="PUT"))
    assert replaced == {"startTime": T, "tsuid": tsuid, "endTime": 0, "description": "", "notes": "x"}
    gone = await tsd.ask(f"/api/annotation?start_time={T}&tsuid={tsuid}", method="DELETE")
    assert (gone.status, gone.body) == (204, b"")
    missing = (404, "Unable to locate annotation in storage")
    assert error(await tsd.get(f"annotation?start_time={T}&tsuid={tsuid}")) == missing
    assert (await tsd.ask(f"/api/annotation?start_time={T}&tsuid={tsuid}", method="DELETE")).status == 204


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("said", [{}, {"endTime": 0}, {"description": ""}, {"custom": None}, {"tsuid": "x"}])
async def test_one_that_says_nothing_is_304_and_makes_nothing(tsd: RealRoom, method: str, said: dict[str, Any]) -> None:
    reply = await tsd.post("annotation", {"startTime": T, **said}, method=method)
    assert (reply.status, reply.body) == (304, b"")
    assert answered(await tsd.post("annotation/bulk", [{"startTime": T, **said}], method=method)) == []
    assert (await tsd.get(f"annotation?start_time={T}")).status == 404


async def test_null_is_kept_and_a_number_is_a_text(tsd: RealRoom) -> None:
    said = {"startTime": T, "notes": "n", "description": 5, "custom": {"a": True, "b": None}}
    kept = answered(await tsd.post("annotation", said))
    assert (kept["description"], kept["custom"]) == ("5", {"a": "true", "b": None})
    del kept["notes"]
    assert answered(await tsd.post("annotation", {"startTime": T, "notes": None})) == kept
    assert answered(await tsd.get(f"annotation?start_time={T}")) == kept
    [listed] = answered(await tsd.get(f"annotations?start_time={T}&end_time={T}"))
    assert listed == kept


@pytest.mark.parametrize(
    ("said", "start"),
    [
        (f"{T}", T),
        (f"{T}000", T),
        (f"{T}000ms", T),
        ("2013/05/21-13:01:01", T),
        (f"{T}.500", T * 1000 + 500),
        (f"{T}500", T * 1000 + 500),
    ],
)
async def test_a_url_says_a_time_in_any_spelling(tsd: RealRoom, said: str, start: int) -> None:
    path = f"/api/annotation?start_time={said}&end_time={said}&notes=n"
    written = answered(await tsd.ask(path, method="POST"))
    assert (written["startTime"], written["endTime"]) == (start, start)
    assert answered(await tsd.get(f"annotation?start_time={said}")) == written
    assert (await tsd.ask(f"/api/annotation?start_time={said}", method="DELETE")).status == 204
    assert (await tsd.get(f"annotation?start_time={said}")).status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_end_that_is_no_time(tsd: RealRoom, method: str) -> None:
    body = {"startTime": T, "endTime": "x", "notes": "n"}
    assert error(await tsd.post("annotation", body, method=method))[0] == 400


async def test_what_is_empty_changes_nothing(tsd: RealRoom) -> None:
    kept = answered(await tsd.post("annotation", {"startTime": T, "endTime": T + 5, "notes": "n"}))
    said = {"startTime": T, "endTime": 0, "notes": "", "description": "a"}
    assert answered(await tsd.post("annotation", said)) == {**kept, "description": "a"}


@pytest.mark.parametrize("address", ["annotation", "annotation/bulk"])
async def test_what_two_say_at_once_is_kept_of_both(tsd: RealRoom, address: str) -> None:
    members = {"description": "d", "notes": "n", "endTime": T + 5, "custom": {"a": "b"}}
    said: list[Any] = [{"startTime": T, name: value} for name, value in members.items()]
    sent = [[one, *({"startTime": T + at, "notes": "n"} for at in range(1, 2000))] for one in said]
    replies = await asyncio.gather(*(tsd.post(address, one) for one in (sent if "bulk" in address else said)))
    assert [reply.status for reply in replies] == [200] * 4
    assert answered(await tsd.get(f"annotation?start_time={T}")) == {"startTime": T, "tsuid": "", **members}


async def test_a_time_with_a_fraction_is_cut(tsd: RealRoom) -> None:
    assert answered(await tsd.post("annotation", {"startTime": T + 0.5, "notes": "x"}))["startTime"] == T


async def test_beside_the_points(tsd: RealRoom) -> None:
    tsuid = await tsuid_of(tsd, "sys.cpu")
    assert "annotations" not in (await elements(tsd, ""))[0]
    await tsd.post("annotation", {**NOTE, "tsuid": tsuid.lower()})
    await tsd.post("annotation", {**NOTE, "startTime": T + 1000, "tsuid": tsuid})
    await tsd.post("annotation", {"startTime": (T + 5) * 1000, "description": "storm"})
    [element] = await elements(tsd, "")
    assert [note["startTime"] for note in element["annotations"]] == [T]
    assert "globalAnnotations" not in element
    [element] = await elements(tsd, "&global_annotations")
    assert element["globalAnnotations"] == [
        {"startTime": (T + 5) * 1000, "tsuid": "", "endTime": 0, "description": "storm", "notes": ""}
    ]
    assert not {"annotations", "globalAnnotations"} & set((await elements(tsd, "&no_annotations"))[0])
    asked = {"start": T, "globalAnnotations": True, "queries": [{"aggregator": "sum", "metric": "sys.cpu"}]}
    [posted] = answered(await tsd.post("query", asked))
    assert (len(posted["annotations"]), len(posted["globalAnnotations"])) == (2, 1)


@pytest.mark.parametrize("stamp", ["x", "-1", "1" * 20, "1" * 5000])
async def test_a_time_that_is_none(tsd: RealRoom, stamp: str) -> None:
    assert error(await tsd.get(f"annotation?start_time={stamp}&tsuid={await tsuid_of(tsd, 'sys.cpu')}"))[0] == 400


@pytest.mark.parametrize("path", ["annotation/bulk", "annotations/bulk"])
async def test_many_at_once(tsd: RealRoom, path: str) -> None:
    tsuid = await tsuid_of(tsd, "sys.cpu")
    notes = [{**NOTE, "startTime": T + at, "tsuid": tsuid} for at in range(3)]
    storm = {"startTime": T, "description": "storm"}
    written = answered(await tsd.post(path, [*notes, storm]))
    assert [(note.get("tsuid"), note["startTime"]) for note in written] == [
        *((tsuid, T + at) for at in range(3)),
        ("", T),
    ]
    assert answered(await tsd.get(f"annotation?start_time={T}"))["description"] == "storm"
    again = answered(
        await tsd.post(path, [notes[0], {"startTime": T, "notes": "rain"}, {"startTime": T, "endTime": T}])
    )
    both = {"startTime": T, "tsuid": "", "endTime": T, "description": "storm", "notes": "rain"}
    assert again == [written[0], both]
    replaced = answered(await tsd.post(path, [{"startTime": T, "notes": "sun"}], method="PUT"))
    assert replaced == [{"startTime": T, "tsuid": "", "endTime": 0, "description": "", "notes": "sun"}]
    body = {"tsuids": [tsuid], "startTime": T + 1, "endTime": T + 2}
    gone = answered(await tsd.post(path, body, method="DELETE"))
    ends = {"startTime": (T + 1) * 1000, "endTime": (T + 2) * 1000}
    assert gone == {"tsuids": [tsuid], "global": False, **ends, "totalDeleted": 2}
    all_of_them = await tsd.ask(f"/api/{path}?start_time={T}&tsuids={tsuid}&global", method="DELETE")
    assert answered(all_of_them)["totalDeleted"] == 2
    assert answered(await tsd.ask(f"/api/{path}?start_time=1970/01/02&global", method="DELETE"))["totalDeleted"] == 0


async def test_of_many_all_are_kept_or_none(tsd: RealRoom) -> None:
    assert error(await tsd.post("annotation/bulk", [NOTE, {"description": "when?"}]))[0] == 400
    assert (await tsd.get(f"annotation?start_time={T}")).status == 404
    assert error(await tsd.post("annotation/bulk", NOTE)) == (400, "Unable to parse the given JSON")
    assert error(await tsd.get("annotation/bulk"))[0] == 405
    missing = "Missing the TSUIDs or global annotations flag"
    assert error(await tsd.post("annotation/bulk", {"startTime": T}, method="DELETE")) == (400, missing)
    assert error(await tsd.post("annotation/bulk", {"global": True}, method="DELETE"))[0] == 400
    assert error(await tsd.ask("/api/annotation/bulk?global", method="DELETE"))[0] == 400
    before = (400, "The end timestamp cannot be less than the start timestamp")
    backwards = {"global": True, "startTime": T, "endTime": T - 1}
    assert error(await tsd.post("annotation/bulk", backwards, method="DELETE")) == before


@pytest.mark.parametrize("sealed", [False, True])
async def test_they_survive_a_restart_and_the_journal(tmp_path: Path, sealed: bool) -> None:
    with real_room(tmp_path, seal_points=2) as tsd:
        await tsd.post("annotation", NOTE)
        await tsd.post("annotation", {**NOTE, "startTime": T + 1})
        if sealed:
            for second in range(8):
                await tsd.put(("a", T + second, 1, {"host": "a"}))
        await tsd.ask(f"/api/annotation?start_time={T + 1}", method="DELETE")
    for _ in range(2):
        with real_room(tmp_path, seal_points=2) as tsd:
            assert answered(await tsd.get(f"annotation?start_time={T}"))["description"] == "deployed"
            assert (await tsd.get(f"annotation?start_time={T + 1}")).status == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "The start timestamp has not been set"),
        ({"startTime": "x"}, "Unable to convert the 'start' time: x"),
        ({"startTime": T, "endTime": -1}, "Unable to convert the 'end' time: -1"),
        ({"startTime": T, "tsuid": "000001", "notes": "n"}, "No such name for 'tsuids': '000001'"),
        ({"startTime": T, "notes": [1]}, "Unable to parse the given JSON"),
        ("{", "Unable to parse the given JSON"),
    ],
)
async def test_mistakes(tsd: RealRoom, body: Any, message: str) -> None:
    assert error(await tsd.post("annotation", body)) == (400, message)


async def test_one_that_is_too_large(tsd: RealRoom) -> None:
    assert (await tsd.post("annotation", json.dumps({**NOTE, "notes": "x" * 70_000}))).status == 413


async def test_a_delete_names_as_many_series_as_a_commit_may_change(tsd: RealRoom) -> None:
    tsuids = [f"{number:032X}" for number in range(limits.COMMIT_RECORDS + 1)]
    asked = {"startTime": T, "endTime": T + 1, "tsuids": tsuids}
    refused = error(await tsd.post("annotation/bulk", asked, method="DELETE"))
    assert refused == (413, f"one request may name {limits.COMMIT_RECORDS} series")
    await tsd.post("annotation", {**NOTE, "tsuid": tsuids[7]})
    asked["tsuids"] = [*tsuids[:9], tsuids[7].lower()]
    assert answered(await tsd.post("annotation/bulk", asked, method="DELETE"))["totalDeleted"] == 1
    assert (await tsd.get(f"annotation?start_time={T}&tsuid={tsuids[7]}")).status == 404
