"""tsuids: what names a series must name it after a restart too, and on every server of the database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_room import RealRoom, answered, error, real_room

from headrace.errors import Refused
from headrace.protocols.opentsdb.tsuids import keys_of, tsuids_of

T = 1356998400
POINTS = (
    ("sys.cpu", T, 1, {"host": "web01", "dc": "lga"}),
    ("sys.cpu", T + 10, 3, {"host": "web01", "dc": "lga"}),
    ("sys.cpu", T, 10, {"host": "web02", "dc": "lga"}),
    ("load", T, 0.5, {"host": "web01"}),
)


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=5))
def test_a_key_and_its_text_are_one_to_one(keys: list[tuple[int, int]]) -> None:
    column = np.array(keys, dtype=np.uint64).reshape(-1, 2)
    texts = tsuids_of(column)
    assert all(re.fullmatch("[0-9A-F]{32}", text) for text in texts)
    assert [int(text, 16) for text in texts] == [high << 64 | low for low, high in keys]
    assert np.array_equal(keys_of([text.lower() for text in texts]), column)


@pytest.mark.parametrize("text", ["", "000001", "0" * 31, "0" * 33, "g" * 32, " " + "0" * 31])
def test_what_cannot_be_a_tsuid(text: str) -> None:
    with pytest.raises(Refused, match="No such name for 'tsuids'"):
        keys_of([text])


async def shown(tsd: RealRoom, query: str) -> list[dict[str, Any]]:
    return list(answered(await tsd.get(f"query?start={T}&end={T + 60}&{query}")))


async def test_tsuids_are_shown_asked_by_and_survive_a_restart(tmp_path: Path) -> None:
    with real_room(tmp_path) as tsd:
        await tsd.put(*POINTS)
        (group,) = await shown(tsd, "m=sum:sys.cpu&show_tsuids")
        assert len(set(group["tsuids"])) == 2
        by_host = await shown(tsd, "m=sum:sys.cpu{host=*}&show_tsuids")
        assert [element["tsuids"] for element in by_host] == [[tsuid] for tsuid in group["tsuids"]]
        posted = {"start": T, "showTSUIDs": True, "queries": [{"aggregator": "none", "metric": "load"}]}
        ((load,),) = [element["tsuids"] for element in answered(await tsd.post("query", posted))]
    with real_room(tmp_path) as tsd:
        (again,) = await shown(tsd, "m=sum:sys.cpu&show_tsuids")
        assert again["tsuids"] == group["tsuids"]
        both = ",".join(group["tsuids"])
        (summed,) = await shown(tsd, f"tsuid=sum:{both}")
        assert (summed["metric"], summed["dps"]) == ("sys.cpu", {str(T): 11, str(T + 10): 3})
        assert (summed["tags"], summed["aggregateTags"]) == ({"dc": "lga"}, ["host"])
        each = await shown(tsd, f"tsuid=none:{both.lower()}")
        assert [element["dps"] for element in each] == [{str(T): 1, str(T + 10): 3}, {str(T): 10}]
        (rated,) = await shown(tsd, f"tsuid=sum:rate:{group['tsuids'][0]}")
        assert rated["dps"] == {str(T + 10): 0.2}
        (counted,) = await shown(tsd, f"tsuid=sum:1m-count:{both}&show_query")
        assert counted["dps"] == {str(T): 3.0}
        assert (counted["query"]["tsuids"], counted["query"]["metric"]) == (group["tsuids"], None)
        asked = {"start": T, "queries": [{"aggregator": "max", "tsuids": group["tsuids"], "metric": "ignored"}]}
        assert answered(await tsd.post("query", asked))[0]["dps"] == {str(T): 10, str(T + 10): 3}
        mixed = await tsd.get(f"query?start={T}&tsuid=sum:{both},{load}")
        assert error(mixed) == (400, "One or more TSUIDs did not share the same metric")
        for unknown in ("000001", "0" * 32):
            message = f"No such name for 'tsuids': '{unknown}'"
            assert error(await tsd.get(f"query?start={T}&tsuid=sum:{load},{unknown}")) == (400, message)


async def test_two_databases_name_the_same_series_differently(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        with real_room(tmp_path / name) as tsd:
            await tsd.put(POINTS[-1])
            found += (await shown(tsd, "m=sum:load&show_tsuids"))[0]["tsuids"]
    assert found[0] != found[1]
