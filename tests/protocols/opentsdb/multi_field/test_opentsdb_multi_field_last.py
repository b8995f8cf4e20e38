"""mlast: the latest value of each field."""

from __future__ import annotations

from real_room import RealRoom, answered
from wind_points import TAGS, WIND, T


async def test_the_latest_values(tsd: RealRoom) -> None:
    await tsd.post("mput", [WIND, {**WIND, "timestamp": T + 5, "fields": {"direction": "N"}}])
    asked = {
        "queries": [{"metric": "wind", "fields": ["direction"], "tags": {"sensor": "95D8-7913"}}],
        "tupleFormat": True,
    }
    [element] = answered(await tsd.post("query/mlast", asked))
    assert element == {
        "metric": "wind",
        "tags": TAGS,
        "columns": ["timestamp", "direction"],
        "values": [[(T + 5) * 1000, "N"]],
    }


async def test_of_series_of_the_same_tags_the_latest_moment_is_first(tsd: RealRoom) -> None:
    await tsd.post("mput", [WIND, {**WIND, "timestamp": T + 5, "fields": {"direction": "N"}}])
    [every] = answered(await tsd.post("query/mlast", {"queries": [{"metric": "wind"}]}))
    assert every["columns"] == ["timestamp", "direction", "level", "speed"]
    assert every["values"] == [[(T + 5) * 1000, "N", None, None], [T * 1000, None, 1, 45.2]]
    back = {"queries": [{"metric": "wind"}], "timestamp": T}
    [before] = answered(await tsd.post("query/mlast", back))
    assert before["values"] == [[T * 1000, "S", 1, 45.2]]
    assert answered(await tsd.post("query/mlast", {**back, "backScan": 1})) == []
