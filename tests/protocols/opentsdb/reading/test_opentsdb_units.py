"""Seconds or milliseconds: OpenTSDB's answers, and Alibaba's, which keep the unit of what was written ("Query data":
msResolution)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, answered, real_room

T = 1359763200
TAGS = {"host": "a"}
TENTHS = [(T * 1000 + at * 100, at) for at in range(10)]


@contextmanager
def room_with(folder: Path, **settings: Any) -> Iterator[RealRoom]:
    with real_room(folder, **settings) as room:
        yield room


async def fill(room: RealRoom) -> None:
    """`tenths` ten times a second and `jittered` once a minute, written in ms; `seconds` in seconds."""
    await room.put(*[("tenths", time, value, TAGS) for time, value in TENTHS])
    await room.put(*[("jittered", (T + 60 * at) * 1000 + 17 * (at != 3), at, TAGS) for at in range(5)])
    await room.put(*[("seconds", T + 60 * at, at, TAGS) for at in range(5)])


async def dps(room: RealRoom, m: str, more: str = "", span: tuple[int, int] = (T, T + 300)) -> Any:
    [element] = answered(await room.get(f"query?start={span[0]}&end={span[1]}&m={m}{more}"))
    return element["dps"]


async def test_in_seconds_an_array_has_all_and_an_object_what_the_aggregator_makes_of_them(tmp_path: Path) -> None:
    """OpenTSDB 2.4.1 in arrays; its documentation for objects: downsampled by the query's aggregation function."""
    with room_with(tmp_path) as room:
        await fill(room)
        assert await dps(room, "sum:tenths", "&arrays") == [[T, value] for _, value in TENTHS]
        for aggregator, value in (("sum", 45), ("avg", 4.5), ("max", 9), ("min", 0), ("count", 10), ("none", 9)):
            assert await dps(room, f"{aggregator}:tenths") == {str(T): value}
        assert await dps(room, "sum:tenths", "&ms") == {str(time): value for time, value in TENTHS}
        assert await dps(room, "sum:tenths", "&ms&arrays") == [list(point) for point in TENTHS]
        assert await dps(room, "max:250ms-sum:tenths") == {str(T): 18.0}
        assert await dps(room, "sum:rate:tenths") == {str(T): 90.0}
        assert await dps(room, "sum:seconds") == {str(T + 60 * at): at for at in range(5)}


async def test_only_points_of_the_range_make_a_second(tmp_path: Path) -> None:
    with room_with(tmp_path) as room:
        await fill(room)
        assert await dps(room, "sum:tenths", span=(T * 1000 + 250, T * 1000 + 600)) == {str(T): 3 + 4 + 5 + 6}


async def test_a_second_that_no_double_can_hold_is_refused_and_not_called_nan(tmp_path: Path) -> None:
    with room_with(tmp_path) as room:
        await room.put(("great", T * 1000, 1.5e308, TAGS), ("great", T * 1000 + 1, 1.5e308, TAGS))
        assert (await room.get(f"query?start={T}&end={T + 9}&m=sum:great")).status == 400
        assert await dps(room, "max:great") == {str(T): 1.5e308}
        assert await dps(room, "sum:great", "&arrays") == [[T, 1.5e308]] * 2


async def test_as_written(tmp_path: Path) -> None:
    with room_with(tmp_path, opentsdb_times="as-written") as room:
        await fill(room)
        assert await dps(room, "sum:tenths") == {str(time): value for time, value in TENTHS}
        assert await dps(room, "none:tenths", "&arrays") == [list(point) for point in TENTHS]
        assert list(await dps(room, "sum:jittered")) == [str((T + 60 * at) * 1000 + 17 * (at != 3)) for at in range(5)]
        assert await dps(room, "sum:seconds") == {str(T + 60 * at): at for at in range(5)}
        assert list(await dps(room, "sum:seconds", "&ms")) == [str((T + 60 * at) * 1000) for at in range(5)]


async def test_as_written_downsampled(tmp_path: Path) -> None:
    with room_with(tmp_path, opentsdb_times="as-written") as room:
        await fill(room)
        stamps = [T + 60 * at for at in range(5)]
        assert list(await dps(room, "sum:1m-avg:jittered")) == [str(stamp * 1000) for stamp in stamps]
        assert next(iter(await dps(room, "sum:1m-avg-zero:rate:jittered"))) == str((T + 60) * 1000)
        assert list(await dps(room, "sum:1m-avg:seconds")) == [str(stamp) for stamp in stamps]
        assert list(await dps(room, "sum:0all-avg:seconds")) == [str(T)]
        assert list(await dps(room, "sum:500ms-avg:seconds"))[:2] == [str(T * 1000), str((T + 60) * 1000)]


async def test_one_point_on_a_whole_second_has_the_unit_of_its_neighbours(tmp_path: Path) -> None:
    whole = (T + 180) * 1000
    with room_with(tmp_path, opentsdb_times="as-written") as room:
        await fill(room)
        for span in ((T + 180, T + 180), (whole, whole)):
            assert await dps(room, "sum:jittered", span=span) == {str(whole): 3}
            assert await dps(room, "sum:seconds", span=span) == {str(T + 180): 3}
        for metric, stamp in (("jittered", whole), ("seconds", T + 180)):
            asked = {"queries": [{"metric": metric, "tags": TAGS}], "timestamp": T + 200}
            assert [entry["timestamp"] for entry in answered(await room.post("query/last", asked))] == [stamp]
            asked["msResolution"] = True
            assert [entry["timestamp"] for entry in answered(await room.post("query/last", asked))] == [whole]


async def test_so_has_one_whose_neighbours_are_hours_away(tmp_path: Path) -> None:
    with room_with(tmp_path, opentsdb_times="as-written") as room:
        await room.put(*[("hourly", (T + 7200 * at) * 1000 + 17 * (at != 3), at, TAGS) for at in range(4)])
        whole = T + 7200 * 3
        for m in ("sum:hourly", "none:hourly", "sum:1m-avg:hourly"):
            assert list(await dps(room, m, span=(whole, whole + 60))) == [str(whole * 1000)]


async def test_each_sub_query_has_its_own_unit(tmp_path: Path) -> None:
    with room_with(tmp_path, opentsdb_times="as-written") as room:
        await fill(room)
        found = answered(await room.get(f"query?start={T}&end={T + 59}&m=sum:seconds&m=sum:jittered&m=sum:seconds"))
        assert [list(element["dps"]) for element in found] == [[str(T)], [str(T * 1000 + 17)], [str(T)]]
        subs = [{"metric": metric} for metric in ("seconds", "tenths", "seconds")]
        last = answered(await room.post("query/last", {"queries": subs}))
        assert [entry["timestamp"] for entry in last] == [T + 240, T * 1000 + 900, T + 240]


@pytest.mark.parametrize("told", ["seconds", "as-written", "milliseconds"])
async def test_the_latest_points(tmp_path: Path, told: str) -> None:
    """OpenTSDB tells them in ms always."""
    with room_with(tmp_path, opentsdb_times=told) as room:
        await fill(room)
        for metric in ("tenths", "jittered", "seconds"):
            [entry] = answered(await room.get(f"query/last?timeseries={metric}"))
            in_ms = {"tenths": T * 1000 + 900, "jittered": (T + 240) * 1000 + 17, "seconds": (T + 240) * 1000}[metric]
            assert entry["timestamp"] == (in_ms // 1000 if (told, metric) == ("as-written", "seconds") else in_ms)


async def test_milliseconds_throughout(tmp_path: Path) -> None:
    """For senders who write whole minutes in ms, which nobody can tell from seconds."""
    with room_with(tmp_path, opentsdb_times="milliseconds") as room:
        await fill(room)
        assert list(await dps(room, "sum:seconds")) == [str((T + 60 * at) * 1000) for at in range(5)]
        assert list(await dps(room, "sum:1m-avg:jittered")) == [str((T + 60 * at) * 1000) for at in range(5)]
        wind = {"metric": "wind", "timestamp": T, "fields": {"speed": 1}, "tags": TAGS}
        assert (await room.post("mput", [wind])).status == 204
        question = {"start": T, "end": T, "queries": [{"metric": "wind", "fields": [{"field": "speed"}]}]}
        assert answered(await room.post("mquery", question))[0]["values"] == [[T * 1000, 1]]
        last = {"queries": [{"metric": "wind", "fields": ["speed"]}]}
        assert answered(await room.post("query/mlast", last))[0]["values"] == [[T * 1000, 1]]


@pytest.mark.parametrize("told", ["seconds", "as-written"])
async def test_what_only_alibaba_has_is_told_as_written(tmp_path: Path, told: str) -> None:
    with room_with(tmp_path, opentsdb_times=told) as room:
        for metric, times in (("ms", [T * 1000, T * 1000 + 250]), ("s", [T, T + 1])):
            points = [
                {"metric": metric, "timestamp": time, "fields": {"speed": at, "level": "x"}, "tags": TAGS}
                for at, time in enumerate(times)
            ]
            assert (await room.post("mput", points)).status == 204

            for fields, stamps in (
                ([{"field": "speed"}, {"field": "level"}], times),
                ([{"field": "speed", "aggregator": "sum", "downsample": "5s-sum"}], times[:1]),
            ):
                asked = {"start": T, "end": T + 5, "queries": [{"metric": metric, "fields": fields}]}
                [element] = answered(await room.post("mquery", asked))
                assert [row[0] for row in element["values"]] == stamps
                [element] = answered(await room.post("mquery", {**asked, "msResolution": True}))
                assert element["values"][0][0] == T * 1000
            asked = {"queries": [{"metric": metric, "fields": ["speed"]}]}
            [element] = answered(await room.post("query/mlast", asked))
            assert element["values"] == [[T * 1000 + (250 if metric == "ms" else 1000), 1]]
