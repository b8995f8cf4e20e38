from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from apollo_room import Apollo, apollo_room, sample

from headrace import limits
from headrace.errors import Unavailable
from headrace.protocols.apollo.access import Caller
from headrace.protocols.apollo.names import SeriesIds, is_guid, name_of
from headrace.protocols.apollo.registrations import DEVICE, SERIES, Registrations
from headrace.protocols.apollo.wire import Point

G = "51922b39-8cd3-9ae3-d42f-6c8fde777e9c"
EVERYBODY = Caller("", guarded=False)
ZERO = "00000000-0000-0000-0000-00000000000"


def tags_of(apollo: Apollo, metric: str) -> list[dict[str, str]]:
    """The tags of all series of a metric, as every other room sees them."""
    with apollo.store.snapshot() as snapshot:
        return [dict(name.tags) for name in snapshot.names(snapshot.find(metric, {}))]


def test_guids_derive_from_device_and_point_and_the_secret_alone() -> None:
    secret = np.arange(8, dtype=np.uint64)
    ids = SeriesIds(secret)
    assert ids.of("d", "p") == SeriesIds(secret.copy()).of("d", "p")
    made = [ids.of("d", "p"), ids.of("d", "q"), ids.of("dp", ""), ids.of("1:d", "p"), ids.of("é", "p")]
    made.append(SeriesIds(secret + np.uint64(1)).of("d", "p"))
    assert len(set(made)) == len(made)
    assert all(str(UUID(one)) == one and is_guid(one) for one in made)


@pytest.mark.parametrize("text", ["", "x", G[:-1], G + "0", G.replace("-", ""), "{" + G + "}", G[:-1] + "g", G + "\n"])
def test_what_is_no_guid(text: str) -> None:
    assert not is_guid(text)


async def test_samples_are_points_of_the_common_store(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        [series_id] = await apollo.register("Device 1", ("Point 1", "temperature"))
        await apollo.store_samples(
            "Device 1", [sample(series_id, 1), sample(series_id, 2, metric="Hourly"), sample(G, 3)]
        )
        known = {"device": "Device 1", "point": "Point 1", "timeseriesId": series_id}
        assert tags_of(apollo, "temperature") == [known | {"metric": "Raw"}, known | {"metric": "Hourly"}]
        assert tags_of(apollo, "apollo") == [{"device": "Device 1", "timeseriesId": G, "metric": "Raw"}]


async def test_the_name_for_other_rooms_is_that_of_the_first_registration(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        [first] = await apollo.register("d", ("p", "a"))
        await apollo.store_samples("d", [sample(first, 1)])
        assert await apollo.register("d", ("p", "b")) == [first]
        await apollo.store_samples("d", [sample(first, 2, "2019-01-01T00:00:00Z")])
        assert len(tags_of(apollo, "a")) == 1
        assert [one["val"] for one in await apollo.samples("d", first)] == [2, 1]
        registrations = Registrations(apollo.store)
        known = registrations.series(first)
        assert known is not None
        assert (known.series.name, known.series.type) == ("a", "b")


async def test_a_device_that_registers_again_changes_nothing(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        points = [(f"p{number}", "t") for number in range(1000)]
        ids = await apollo.register("d", *points)
        commits = apollo.store._parts.journal.last_sequence
        assert await apollo.register("d", *points) == ids
        assert apollo.store._parts.journal.last_sequence == commits


async def test_all_of_it_is_there_after_opening_again(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        [series_id] = await apollo.register("d", ("p", "t"))
        await apollo.store_samples("d", [sample(series_id, 1), sample(G, 2), sample(G, 3, metric="Hourly")])
    with apollo_room(tmp_path / "data") as apollo:
        assert await apollo.register("d", ("p", "t")) == [series_id]
        assert [one["val"] for one in await apollo.samples("d", series_id, G)] == [1, 2, 3]
        assert (await apollo.post("other", [sample(G, 4)])).status == 404


async def test_nothing_of_a_bad_request_is_stored(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        for bad in (
            sample(G, None),
            sample("x", 1),
            sample(G, 1, "never"),
            sample(G, 1, metric=""),
            sample(G, 2**64),
            sample(G, 1, metric="m" * 4097),
        ):
            reply = await apollo.post("d", [sample(ZERO + "1", 1), bad])
            assert reply.status == 400
            assert "samples[1]" in reply.said[1]
        assert tags_of_nothing(apollo)
        assert apollo.store.documents(SERIES, "", "\U0010ffff") == []
        assert apollo.store.documents(DEVICE, "", "\U0010ffff") == []


async def test_names_too_long_are_told_as_the_caller_knows_them(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        long = "x" * 4097
        for device, point, place in [
            ("d", {"id": long, "pointType": "t"}, "points[1].id"),
            ("d", {"id": "p", "pointType": long}, "points[1].pointType"),
            (long, {"id": "p", "pointType": "t"}, "deviceId"),
        ]:
            good = {"id": "good", "pointType": "t"}
            reply = await apollo.ask(f"/apollo/devices/{device}/timeseries", [good, point])
            assert reply.said == (400, f"{place}: longer than 4096 bytes")
        reply = await apollo.post("d", [sample(G, 1), sample(G, 1, metric=long)])
        assert reply.said == (400, "samples[1].metric: longer than 4096 bytes")


def tags_of_nothing(apollo: Apollo) -> bool:
    return apollo.store.suggest("metrics", "", 10) == []


async def test_a_new_guid_and_its_samples_are_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with apollo_room(tmp_path / "data") as apollo:

        async def full(*_: object) -> int:
            raise Unavailable("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(apollo.store, "commit", full)
            reply = await apollo.post("d", [sample(G, 1)])
            assert reply.said == (503, "the disk is full")
            assert int(reply.headers["retry-after"]) > 0
            reply = await apollo.ask("/apollo/devices/d/timeseries", [{"id": "p", "pointType": "t"}])
            assert reply.status == 503
        assert (await apollo.get("d", G)).status == 404
        await apollo.store_samples("other", [sample(G, 2)])
        assert [one["val"] for one in await apollo.samples("other", G)] == [2]


async def test_requests_at_once_make_one_truth(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        # Of many first registrations each gives the point another type; one of them is the first.
        ids = await asyncio.gather(*(apollo.register("d", ("p", f"type{number}")) for number in range(20)))
        assert len({series_id for [series_id] in ids}) == 1
        await apollo.store_samples("d", [sample(ids[0][0], 1)])
        assert len(apollo.store.suggest("metrics", "type", 100)) == 1
        # Of many devices that post one GUID, one gets it.
        replies = await asyncio.gather(*(apollo.post(f"d{number}", [sample(G, number)]) for number in range(20)))
        assert sorted(reply.status for reply in replies) == [202] + [404] * 19
        # Of many posts of one GUID by one device each is stored, whoever binds it.
        stamps = [f"2018-01-27T00:00:{second:02}Z" for second in range(20)]
        await asyncio.gather(*(apollo.store_samples("f", [sample(ZERO + "4", 1, stamp)]) for stamp in stamps))
        assert len(await apollo.samples("f", ZERO + "4")) == 20
        # Of many metrics of one series none is forgotten.
        names = [f"m{number}" for number in range(20)]
        await asyncio.gather(*(apollo.store_samples("e", [sample(ZERO + "2", 1, metric=name)]) for name in names))
        assert {one["metric"] for one in await apollo.samples("e", ZERO + "2")} == set(names)


async def test_guids_that_several_devices_would_have_go_to_one_each(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        guids = [f"{ZERO}{number:x}" for number in range(16)]
        pairs = [(guids[number], guids[(number + 1) % 16]) for number in range(16)]
        replies = await asyncio.gather(
            *(apollo.post(f"d{number}", [sample(one, 1) for one in pair]) for number, pair in enumerate(pairs))
        )
        taken = [pair for pair, reply in zip(pairs, replies, strict=True) if reply.status == 202]
        assert {reply.status for reply in replies} == {202, 404}
        assert len({one for pair in taken for one in pair}) == 2 * len(taken), "nobody got one of two, or another's"
        assert len(tags_of(apollo, "apollo")) == 2 * len(taken)


async def test_many_devices_at_once_share_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        commit, all_of_them = apollo.store.commit, asyncio.Barrier(30)

        async def together(*changes: Any) -> int:
            async with asyncio.timeout(10):  # which one after another would not do
                await all_of_them.wait()
            return await commit(*changes)

        monkeypatch.setattr(apollo.store, "commit", together)
        ids = await asyncio.gather(*(apollo.register(f"d{number}", ("p", "t")) for number in range(30)))
        assert len({series_id for [series_id] in ids}) == 30
        unknown = [f"{ZERO[:-1]}{number:02x}" for number in range(30)]
        replies = await asyncio.gather(*(apollo.post(f"d{n}", [sample(one, 1)]) for n, one in enumerate(unknown)))
        assert {reply.status for reply in replies} == {202}


async def test_ids_of_devices_and_points_are_any_text(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        for device in ("a/b", "a b", "ä|ö", "%2F", "samples", "..", "\0", '"'):
            [series_id] = await apollo.register(device, ("p/q \\ é", "kind of | thing"))
            await apollo.store_samples(device, [sample(series_id.upper(), 1)])
            [found] = await apollo.samples(device, series_id.upper())
            assert found["timeseriesId"] == series_id
        assert {tags["device"] for tags in tags_of(apollo, "kind of | thing")} >= {"a/b", "ä|ö", "%2F", "\0"}


async def test_names_and_lists_that_are_too_long(tmp_path: Path) -> None:
    long = "x" * (limits.APOLLO_NAME_BYTES_MAX + 1)
    with apollo_room(tmp_path / "data") as apollo:
        for point in ({"id": long, "pointType": "t"}, {"id": "p", "pointType": long}):
            reply = await apollo.ask("/apollo/devices/d/timeseries", [{"id": "q", "pointType": "t"}, point])
            assert reply.status == 400
            assert reply.said[1].startswith("points[1].")
        reply = await apollo.post("d", [sample(G, 1), sample(G, 1, metric=long)])
        assert reply.status == 400
        assert reply.said[1].startswith("samples[1].")
        points = [{"id": str(number), "pointType": "t"} for number in range(limits.APOLLO_POINTS_MAX + 1)]
        assert (await apollo.ask("/apollo/devices/d/timeseries", points)).status == 413
        assert (await apollo.ask("/apollo/devices/d/timeseries", points[1:])).status == 202
        assert (await apollo.post(long, [sample(G, 1)])).status == 400


async def test_a_time_series_has_a_bounded_number_of_metrics(tmp_path: Path) -> None:
    most = limits.APOLLO_METRICS_MAX
    with apollo_room(tmp_path / "data") as apollo:
        many = [sample(G, number, metric=f"m{number}") for number in range(most + 1)]
        assert (await apollo.post("d", many)).said == (
            400,
            f"samples[{most}].metric: a timeseries has at most 100 metrics",
        )
        await apollo.store_samples("d", many[:-1])
        assert (await apollo.post("d", many[-1:])).status == 400


async def test_a_series_too_many_is_refused_by_name(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data", series_max=1) as apollo:
        await apollo.store_samples("d", [sample(G, 1)])
        reply = await apollo.post("d", [sample(G, 2), sample(ZERO + "3", 2)])
        assert reply.status == 400
        assert reply.said[1].startswith("samples[1]: ")
        assert [one["val"] for one in await apollo.samples("d", G)] == [1]


async def test_accepted_and_refused_are_counted(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", [sample(G, 1), sample(G, 2)])
        await apollo.post("d", [sample("x", 1)])
        text = apollo.metrics.render().decode()
        assert 'headrace_points_accepted_total{room="apollo"} 2.0' in text
        assert 'headrace_points_refused_total{reason="guid",room="apollo"} 1.0' in text


async def test_large_bodies_go_the_same_way(tmp_path: Path) -> None:
    count = 10_000
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples(
            "d",
            [
                sample(G, number, f"2018-01-27T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z")
                for number in range(count)
            ],
        )
        assert [one["val"] for one in await apollo.samples("d", G)] == list(range(count))[::-1]


def test_a_name_has_a_point_only_where_one_is_known() -> None:
    assert dict(name_of("m", "d", None, G, "Raw").tags) == {"device": "d", "timeseriesId": G, "metric": "Raw"}
    assert dict(name_of("m", "d", "p", G, "Raw").tags)["point"] == "p"


async def test_what_is_cached_is_what_the_store_has(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        registrations = Registrations(apollo.store)
        [series_id] = await registrations.register("d", EVERYBODY, [Point("p", "a")])
        assert registrations.series(series_id) == registrations.fresh(series_id)
        await registrations.register("d", EVERYBODY, [Point("p", "b")])
        assert registrations.series(series_id) == registrations.fresh(series_id)
