"""/q with ascii and json. The lines are those of OpenTSDB 2.4.1 for the same points, in our order of tags."""

from __future__ import annotations

import json
from typing import Any

import pytest
from real_room import RealRoom
from roomclient import Answered

T = 1356998400
RANGE = f"start={T}&end={T + 60}"


async def stored(tsd: RealRoom) -> None:
    for n in range(3):
        await tsd.put(
            ("sys.cpu", T + 10 * n, 10 * n, {"dc": "lga", "host": "web01"}),
            ("sys.cpu", T + 10 * n, 5 + n / 2, {"dc": "lga", "host": "web02"}),
            ("sys.ms", T * 1000 + 250 * n, 1.5 * n, {"host": "web01"}),
        )


async def q(tsd: RealRoom, query: str, method: str = "GET") -> Answered:
    return await tsd.ask(f"/q?{query}", method=method)


async def lines(tsd: RealRoom, query: str) -> list[str]:
    reply = await q(tsd, f"{query}&ascii")
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "text/plain; charset=UTF-8"
    return reply.body.decode().splitlines()


SUMS = [f"sys.cpu {T} 5.0 dc=lga", f"sys.cpu {T + 10} 15.5 dc=lga", f"sys.cpu {T + 20} 26.0 dc=lga"]
WEB01 = [f"sys.cpu {T + 10 * n} {10 * n} dc=lga host=web01" for n in range(3)]
WEB02 = [f"sys.cpu {T + 10 * n} {5 + n / 2} dc=lga host=web02" for n in range(3)]
MAXIMA = [f"sys.cpu {T} 5.0 dc=lga", f"sys.cpu {T + 10} 10.0 dc=lga", f"sys.cpu {T + 20} 20.0 dc=lga"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"{RANGE}&m=sum:sys.cpu", SUMS),
        (f"{RANGE}&m=sum:sys.cpu%7Bhost=*%7D&nagios", WEB01 + WEB02),
        ("start=2013/01/01-01:00:00&end=2013/01/01-01:01:00&tz=Europe/Berlin&m=sum:sys.cpu", SUMS),
        (f"{RANGE}&m=sum:sys.cpu&m=max:10s-avg:sys.cpu&o=&o=axis+x1y2&yrange=%5B0:%5D&wxh=800x600", SUMS + MAXIMA),
        (f"{RANGE}&m=sum:sys.ms", [f"sys.ms {T} {value} host=web01" for value in ("0.0", "1.5", "3.0")]),
        (f"{RANGE}&m=sum:rate:sys.ms", [f"sys.ms {T} 6.0 host=web01"] * 2),
        (f"{RANGE}&m=sum:sys.cpu%7Bhost=web03%7D", []),
        (f"start={T + 100}&end={T + 160}&m=sum:sys.cpu", []),
        (f"{RANGE}&m=sum:20s-avg-nan:sys.ms", [f"sys.ms {T} 1.5 host=web01"]),
    ],
)
async def test_ascii(tsd: RealRoom, query: str, expected: list[str]) -> None:
    await stored(tsd)
    assert await lines(tsd, query) == expected


async def test_every_path_and_spelling_of_q(tsd: RealRoom) -> None:
    await stored(tsd)
    for target, method in (("/Q", "GET"), ("/q/", "GET"), ("/q/x", "GET"), ("/q", "POST")):
        reply = await tsd.ask(f"{target}?{RANGE}&m=sum:sys.cpu&ascii", method=method)
        assert reply.body.decode().splitlines() == SUMS
    assert (await q(tsd, f"{RANGE}&m=sum:sys.cpu&ascii&jsonp=f")).body.decode().splitlines() == SUMS
    assert (await q(tsd, f"{RANGE}&m=sum:sys.cpu&ascii", "DELETE")).status == 405


async def test_a_double_always_has_a_point(tsd: RealRoom) -> None:
    """check_tsd reads a value without one by int()."""
    values = [1e16, -1e16, 1e-7, 1.5e300, 12345678.0, 2**62]
    await tsd.put(*[("m", T + n, value, {"k": "v"}) for n, value in enumerate(values)])
    found = [line.split()[2] for line in await lines(tsd, f"{RANGE}&m=none:m")]
    assert ["." in text for text in found] == [True] * 5 + [False]
    assert [float(text) if "." in text else int(text) for text in found] == values


async def test_values_that_are_no_numbers(tsd: RealRoom) -> None:
    await tsd.put(("m", T, "two words\nsum", {"k": "v"}), ("m", T + 1, True, {"k": "v"}), ("m", T + 2, 3, {"k": "v"}))
    expected = [f'm {T} "two words\\nsum" k=v', f"m {T + 1} true k=v", f"m {T + 2} 3 k=v"]
    assert await lines(tsd, f"{RANGE}&m=none:m") == expected


async def test_many_points_come_in_pieces(tsd: RealRoom) -> None:
    count = 50_000
    await tsd.put(*[("m", T + n, n, {"k": "v"}) for n in range(count)])
    found = await lines(tsd, f"start={T}&end={T + count}&m=none:m")
    assert found == [f"m {T + n} {n} k=v" for n in range(count)]


async def test_json(tsd: RealRoom) -> None:
    await stored(tsd)
    query = f"{RANGE}&m=sum:sys.cpu&m=max:sys.ms&json"
    reply = await q(tsd, query)
    assert reply.headers["content-type"] == "application/json; charset=UTF-8"
    found: dict[str, Any] = json.loads(reply.body)
    assert list(found) == ["plotted", "points", "etags", "timing"]
    assert (found["plotted"], found["points"], found["etags"]) == (6, 6, [["host"], []])


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        (f"{RANGE}", 400, "Missing sub queries"),
        (f"end={T}&m=sum:sys.cpu", 400, "Missing parameter <code>start</code>"),
        (f"{RANGE}&m=nix:sys.cpu", 400, "No such aggregation function: nix"),
        (f"{RANGE}&m=sum", 400, "Invalid parameter m=sum (not enough :-separated parts)"),
        (f"{RANGE}&m=sum:unknown", 400, "No such name for 'metrics': 'unknown'"),
    ],
)
async def test_what_is_wrong(tsd: RealRoom, query: str, status: int, message: str) -> None:
    await stored(tsd)
    plain, in_json = await q(tsd, f"{query}&ascii"), await q(tsd, f"{query}&json")
    assert (plain.status, plain.body.decode()) == (status, f"{message}\n")
    assert plain.headers["content-type"] == "text/plain; charset=UTF-8"
    assert (in_json.status, json.loads(in_json.body)) == (status, {"err": message})


@pytest.mark.parametrize("flag", ["&png", ""])
async def test_there_are_no_plots(tsd: RealRoom, flag: str) -> None:
    await stored(tsd)
    reply = await q(tsd, f"{RANGE}&m=sum:sys.cpu{flag}")
    assert reply.status == 501
    assert b"Plots are not implemented" in reply.body
