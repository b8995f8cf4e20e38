from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from apollo_room import Apollo, apollo_room, sample

from headrace import limits
from headrace.errors import Refused
from headrace.protocols.apollo.access import Caller
from headrace.protocols.apollo.names import APOLLO_RULES, name_of
from headrace.protocols.apollo.registrations import DEVICE, SERIES, Registrations
from headrace.protocols.apollo.writing.binding import Bound, bind
from headrace.protocols.apollo.writing.decode import decode

G = "51922b39-8cd3-9ae3-d42f-6c8fde777e9c"
H = "5cdc7382-27d8-4e75-bade-38ea58cde171"
EVERYBODY = Caller("", guarded=False)


def bound(apollo: Apollo, *samples: dict[str, Any], device: str = "d", caller: Caller = EVERYBODY) -> Bound:
    return bind(Registrations(apollo.store), device, caller, decode(json.dumps(samples).encode()))


async def test_each_sample_has_the_key_of_its_name(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        [known] = await apollo.register("d", ("p", "t"))
        found = bound(apollo, sample(G, 1), sample(known, 2), sample(G.upper(), 3), sample(G, 4, metric="X"))
        names = [name_of("apollo", "d", None, G, "Raw"), name_of("t", "d", "p", known, "Raw")]
        names += [names[0], name_of("apollo", "d", None, G, "X")]
        assert [found.names.name(row) for row in range(4)] == names
        assert [tuple(key) for key in found.keys.tolist()] == [apollo.store.table.key_of(name) for name in names]
        for name in names:
            APOLLO_RULES.check(name)


async def test_changes_are_only_what_is_new(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        names = [(change.kind, change.key) for change in bound(apollo, sample(G, 1), sample(H, 1)).changes]
        assert names == [(SERIES, G), (SERIES, H), (DEVICE, "d")]
        await apollo.store_samples("d", [sample(G, 1), sample(H, 1)])
        assert bound(apollo, sample(G, 1), sample(H, 1)).changes == []
        assert [change.key for change in bound(apollo, sample(G, 1, metric="X")).changes] == [G]


async def test_a_caller_may_not_bind_to_anothers_device(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.register("d", ("p", "t"), ercollectionid="plant")
        assert bound(apollo, sample(G, 1), caller=Caller("plant", guarded=True)).changes
        with pytest.raises(Refused, match=r"^User does not have access to device$"):
            bound(apollo, sample(G, 1), caller=Caller("office", guarded=True))


def test_new_guids_of_one_post_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "APOLLO_POINTS_MAX", 1)
    with apollo_room(tmp_path / "data") as apollo:
        bound(apollo, sample(G, 1))
        with pytest.raises(Refused) as refused:
            bound(apollo, sample(G, 1), sample(H, 1))
        assert refused.value.rule == "too-many"
