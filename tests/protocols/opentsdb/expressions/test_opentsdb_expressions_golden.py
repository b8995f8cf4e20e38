"""What OpenTSDB 2.4.1 answered to expressions over the same points, and the differences that are wanted.

tests/golden/opentsdb/expressions.json: `real` is the real server's answer; with a `why`, ours differs for that reason
and is `ours`. The real server's errors are 400 or 500, ours 400 with the place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from real_room import RealRoom, real_room

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "opentsdb" / "expressions.json").read_text())
T = 1356998400


def entries(kind: str) -> list[Any]:
    return [pytest.param(entry, id=entry["name"]) for entry in GOLDEN[kind]]


@pytest.fixture(scope="module")
def tsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRoom]:
    with real_room(tmp_path_factory.mktemp("expressions")) as room:
        yield room


@pytest.fixture
async def filled(tsd: RealRoom) -> RealRoom:
    await tsd.put(*map(tuple, GOLDEN["stored"]))
    return tsd


def close(one: Any, other: Any) -> bool:
    """Alike but for the last digits, the order of names in a list, and annotations that are not there anyway."""
    match one, other:
        case dict(), dict():
            one, other = ({k: v for k, v in each.items() if k != "annotations"} for each in (one, other))
            return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
        case list(), list():
            if one and all(isinstance(each, str) for each in (*one, *other)):
                return sorted(one) == sorted(other)
            return len(one) == len(other) and all(close(*pair) for pair in zip(one, other, strict=True))
        case float(), float():
            return math.isclose(one, other, rel_tol=1e-12)
        case _:
            return type(one) is type(other) and bool(one == other)


def compare(status: int, body: bytes, entry: dict[str, Any]) -> None:
    said = json.loads(body)
    real = entry["real"]
    alike = close(said, real["answer"]) if real["status"] == status == 200 else real["status"] >= 400 == status
    assert alike != ("why" in entry), said
    if ours := entry.get("ours"):
        assert status == ours["status"]
        assert close(said, ours["answer"]) if status == 200 else said["error"]["message"] == ours["message"], said


@pytest.mark.parametrize("entry", entries("exp"))
async def test_exp(filled: RealRoom, entry: dict[str, Any]) -> None:
    reply = await filled.post("query/exp", entry["send"])
    compare(reply.status, reply.body, entry)


@pytest.mark.parametrize("entry", entries("gexp"))
async def test_gexp(filled: RealRoom, entry: dict[str, Any]) -> None:
    asked = urlencode({"start": T, "end": T + 40, "exp": entry["send"]}, doseq=True)
    reply = await filled.get(f"query/gexp?{asked}")
    compare(reply.status, reply.body, entry)


async def test_formulas(filled: RealRoom) -> None:
    """150 that were made at random, over values of every sign."""
    for formula, values in GOLDEN["formulas"]:
        asked = {
            "time": {"start": T, "end": T + 200, "aggregator": "sum"},
            "metrics": [{"id": "a", "metric": "num.a"}, {"id": "b", "metric": "num.b"}],
            "expressions": [{"id": "e", "expr": formula}],
        }
        [output] = json.loads((await filled.post("query/exp", asked)).body)["outputs"]
        assert close([value for _, value in output["dps"]], values), (formula, output)
    assert len(GOLDEN["formulas"]) > 100
