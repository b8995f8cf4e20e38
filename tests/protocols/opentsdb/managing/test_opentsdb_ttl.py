"""/api/ttl as aliyun-tsdb-java-sdk asks it (TestHiTSDBClientTTL)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, answered, error, real_room

DAY = 86_400
HOST = {"host": "a"}


async def write_old_points(tsd: RealRoom) -> None:
    now = int(time.time())
    await tsd.put(*(("sys.cpu", now - age * DAY, age, HOST) for age in (1, 20, 40)), ("kept", now - 40 * DAY, 40, HOST))


async def values(tsd: RealRoom, metric: str = "sys.cpu") -> list[int]:
    found = answered(await tsd.get(f"query?start=60d-ago&m=none:{metric}&arrays"))
    return [value for element in found for _, value in element["dps"]]


async def test_it_hides_at_once_and_stays_over_a_restart(tmp_path: Path) -> None:
    setting = {"retention": {"kept": "0", "default": "30d"}}
    with real_room(tmp_path, **setting) as tsd:
        await write_old_points(tsd)
        assert answered(await tsd.get("ttl")) == {"val": 30 * DAY}
        assert await values(tsd) == [20, 1]
        assert answered(await tsd.post("ttl", {"val": 10 * DAY})) == {"val": 10 * DAY}
        assert await values(tsd) == [1]
    with real_room(tmp_path, **setting) as tsd:
        assert answered(await tsd.post("ttl", "")) == {"val": 10 * DAY}
        assert await values(tsd) == [1]
        assert await values(tsd, "kept") == [40]
        assert (await tsd.post("ttl", {"val": 2**31 - 1})).status == 200
        assert await values(tsd) == [40, 20, 1]
    with real_room(tmp_path, retention={"default": "10d"}) as tsd:
        assert answered(await tsd.get("ttl")) == {"val": 2**31 - 1}
        assert await values(tsd) == [40, 20, 1]


async def test_without_any_it_is_the_greatest_number(tmp_path: Path) -> None:
    with real_room(tmp_path) as tsd:
        assert answered(await tsd.get("ttl")) == {"val": 2**31 - 1}


@pytest.mark.parametrize("body", [{"val": 0}, {"val": -1}, {"val": 2**31}, {}, {"val": None}])
async def test_mistakes_change_nothing(tmp_path: Path, body: Any) -> None:
    with real_room(tmp_path) as tsd:
        told = (400, "'val' must be a number of seconds from 1 to 2147483647")
        assert error(await tsd.post("ttl", body)) == told
        assert error(await tsd.post("ttl", '{"val":"soon"}'))[0] == 400
        assert answered(await tsd.get("ttl")) == {"val": 2**31 - 1}


async def test_what_it_outranks_is_told(tmp_path: Path) -> None:
    def told(tsd: RealRoom) -> tuple[list[str], bytes, bytes]:
        lines = tsd.store_metrics.render().splitlines()
        [kept] = [line for line in lines if line.startswith(b"headrace_retention_seconds ")]
        [outranked] = [line for line in lines if line.startswith(b"headrace_settings_outranked ")]
        return tsd.opened.outranked, kept.split()[1], outranked.split()[1]

    with real_room(tmp_path, retention={"default": "1d"}) as tsd:
        assert told(tsd) == ([], b"86400.0", b"0.0")
        await tsd.post("ttl", {"val": 86_400})
        assert told(tsd) == ([], b"86400.0", b"0.0")
        await tsd.post("ttl", {"val": 60})
        sentence = (
            "retention: points are kept for 60 s, as POST /api/ttl has set it, and not for 86400 s, as the setting"
        )
        assert told(tsd) == ([f"{sentence} says"], b"60.0", b"1.0")
    with real_room(tmp_path) as tsd:
        [sentence] = told(tsd)[0]
        assert "for 60 s" in sentence
        assert "not for ever" in sentence
