"""What the server says of itself."""

from __future__ import annotations

from real_room import RealRoom, answered

from headrace.protocols.opentsdb.telling.version import VERSION_LINES


async def test_config_is_a_flat_object_of_text(tsd: RealRoom) -> None:
    found = answered(await tsd.get("config"))
    assert found["tsd.core.auto_create_metrics"] == "true"
    assert found["tsd.network.port"] == "4242"
    assert all(isinstance(value, str) for value in found.values())
    assert answered(await tsd.post("config", {})) == found


async def test_stats_are_points_with_text_values(tsd: RealRoom) -> None:
    await tsd.put(("a", 1356998400, 1, {"host": "a"}))
    found = {stat["metric"]: stat for stat in answered(await tsd.get("stats"))}
    accepted = found["headrace.points.accepted.total"]
    assert set(accepted) == {"metric", "timestamp", "value", "tags"}
    assert (accepted["value"], accepted["tags"]["room"]) == ("1", "opentsdb")


async def test_caches_serializers_version(tsd: RealRoom) -> None:
    assert answered(await tsd.get("dropcaches")) == {"status": "200", "message": "Caches dropped"}
    (serializer,) = answered(await tsd.get("serializers"))
    assert serializer["serializer"] == "json"
    assert serializer["response_content_type"] == "application/json; charset=UTF-8"
    version = answered(await tsd.post("version", {}))
    assert version["version"].startswith("2.4.")
    assert version["version"].partition("-")[2] in VERSION_LINES
    assert VERSION_LINES.count("\n") == 2
    assert all(isinstance(value, str) for value in version.values())
    # opentsdb-py asks with this header and no body.
    assert answered(await tsd.get("v1/version", **{"content-encoding": "gzip"})) == version
