"""delete_data, delete_meta, as Alibaba's SDK asks them."""

from __future__ import annotations

from real_room import RealRoom, answered, error

T = 1537170208


async def fill(tsd: RealRoom) -> None:
    await tsd.put(*(("m", T + second, second, {"host": host}) for host in "ab" for second in range(3)))


async def test_delete_data(tsd: RealRoom) -> None:
    await fill(tsd)
    reply = await tsd.post("delete_data", {"metric": "m", "tags": {"host": "a"}, "start": T + 1, "end": (T + 1) * 1000})
    assert (reply.status, reply.body) == (200, b"")
    found = answered(await tsd.get(f"query?start={T}&end={T + 9}&m=none:m"))
    assert [len(element["dps"]) for element in found] == [2, 3]


async def test_delete_meta(tsd: RealRoom) -> None:
    await fill(tsd)
    asked = {"metric": "m", "tags": {"host": "a"}, "deleteData": True, "recursive": True}
    assert (await tsd.post("delete_meta", asked)).status == 200
    found = answered(await tsd.get(f"query?start={T}&end={T + 9}&m=none:m"))
    assert [element["tags"]["host"] for element in found] == ["b"]
    assert (await tsd.post("delete_meta", {**asked, "deleteData": False})).status == 501


async def test_mistakes(tsd: RealRoom) -> None:
    await fill(tsd)
    assert error(await tsd.post("delete_data", {"metric": "m"})) == (400, "Missing start time")
    assert error(await tsd.post("delete_data", {"metric": "x", "start": T})) == (400, "No such name for 'metrics': 'x'")
    assert error(await tsd.post("delete_data", {"metric": "m", "start": T, "end": 5}))[0] == 400
    assert (await tsd.get("delete_data")).status == 405
