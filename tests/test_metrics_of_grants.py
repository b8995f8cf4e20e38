"""Grants for some metrics, through a real server: who has one sees what a server answers that has no other metrics, at
every address that reads; writes and deletes touch nothing else, and what was refused is named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pytest
from serverprocess import ServerProcess, running

from headrace.protocols.kairosdb import routes as kairosdb
from headrace.protocols.opentsdb import routes as opentsdb

T: Final = 1_700_000_000
OPEN: Final = "plant.temp"
HIDDEN: Final = "secret.pay"
MARKS: Final = re.compile(rb"hidden|424242|nobodysees")
"""What only points and documents of HIDDEN metrics have."""


def token(name: str) -> str:
    return f"token-of-{name}-0123456789"


def bound(*deeds: str, metrics: tuple[str, ...] = ("plant.*",)) -> dict[str, Any]:
    return {"may": list(deeds), "metrics": list(metrics)}


PRINCIPALS: Final = {
    "all": [{"may": ["read", "write", "delete", "admin"]}],
    "reader": [bound("read")],
    "writer": [bound("write")],
    "deleter": [bound("read", "delete")],
    "readsall": [{"may": ["read"]}, bound("delete")],
    "keeper": [bound("read", "write", "delete")],
    "kairos": [{**bound("read"), "rooms": ["kairosdb"]}],
    "annotator": [{"may": ["read"]}, bound("write")],
    "copier": [bound("read"), {"may": ["write"]}],
    "eraser": [bound("read"), {"may": ["delete"]}],
    "domain": [{"may": ["read", "write", "delete"], "domains": ["dzd_mine"]}],
}

ANY: Final = [{"type": "wildcard", "tagk": "host", "filter": "*", "groupBy": True}]


def one(metric: str, **said: Any) -> dict[str, Any]:
    return {"metric": metric, "aggregator": "sum", **said}


def asked(*queries: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"start": T - 10, "end": T + 100, "queries": list(queries), **said}


def kairos(*names: str) -> dict[str, Any]:
    return {
        "start_absolute": (T - 10) * 1000,
        "end_absolute": (T + 100) * 1000,
        "metrics": [{"name": name, "group_by": [{"name": "tag", "tags": ["host"]}]} for name in names],
    }


def exp(metric: str) -> dict[str, Any]:
    return {
        "time": {"start": str(T - 10), "end": str(T + 100), "aggregator": "sum"},
        "filters": [{"tags": ANY, "id": "f1"}],
        "metrics": [{"id": "a", "metric": metric, "filter": "f1"}],
        "expressions": [{"id": "e", "expr": "a * 2"}],
        "outputs": [{"id": "e"}, {"id": "a"}],
    }


class Uids(NamedTuple):
    """Of one metric. How they are found out is a test of its own."""

    tsuid: str
    metric: str


def reads(metric: str, uids: Uids) -> list[tuple[str, str, Any]]:
    """Questions about one metric, and about all, at every address that reads: method, path, body."""
    q, name = f"start={T - 10}&end={T + 100}", quote(metric)
    return [
        ("GET", f"/api/query?{q}&m=sum:{name}{{host=*}}&show_tsuids=true", None),
        ("GET", f"/api/query?{q}&tsuid=sum:{uids.tsuid}", None),
        ("POST", "/api/query", asked(one(metric, filters=ANY), one(OPEN), globalAnnotations=True)),
        ("POST", "/api/query", asked({"aggregator": "sum", "tsuids": [uids.tsuid]})),
        ("GET", f"/api/query/last?timeseries={name}&back_scan=500000&resolve=true", None),
        ("GET", f"/api/query/last?tsuids={uids.tsuid}&back_scan=500000&resolve=true", None),
        ("POST", "/api/query/last", {"queries": [{"metric": metric}, {"tsuids": [uids.tsuid]}], "backScan": 500000}),
        ("POST", "/api/query/exp", exp(metric)),
        ("GET", f"/api/query/gexp?{q}&exp={quote(f'scale(sum:{metric}{{host=*}},2)')}", None),
        ("POST", "/api/mquery", asked({"metric": metric, "fields": [{"field": "*", "aggregator": "sum"}]})),
        ("POST", "/api/query/mlast", {"queries": [{"metric": metric, "fields": ["*"]}], "timestamp": T + 100}),
        ("POST", "/api/query/mlast", {"queries": [{"tsuids": [uids.tsuid], "fields": ["*"]}], "timestamp": T + 100}),
        *[("GET", f"/api/suggest?type={role}&max=100{more}", None) for role in ROLES for more in ("", "&q=s", "&q=h")],
        ("GET", f"/api/suggest?type=fields&metric={name}&max=100", None),
        ("GET", "/suggest?type=metrics&max=100", None),
        ("GET", f"/q?{q}&m=sum:{name}&json", None),
        ("GET", f"/q?{q}&m=sum:{name}{{host=*}}&ascii", None),
        ("GET", f"/api/search/lookup?m={name}", None),
        ("GET", "/api/search/lookup?m=*{host=*}", None),
        ("POST", "/api/search/lookup", {"metric": "*", "tags": [{"key": "*", "value": "hidden-host"}]}),
        *[("GET", f"/api/search/{what}?query=*&limit=100", None) for what in SEARCHES],
        *[("POST", f"/api/search/{what}", {"query": "name:*", "limit": 100}) for what in SEARCHES],
        ("GET", f"/api/uid/assign?metric={name}&tagk=hidden&tagv=hidden-host,open-host", None),
        ("GET", f"/api/uid/uidmeta?uid={uids.metric}&type=metric", None),
        ("GET", f"/api/uid/tsmeta?tsuid={uids.tsuid}", None),
        ("GET", f"/api/uid/tsmeta?m={name}{{host=*}}", None),
        ("POST", "/api/dump_meta", {"metric": metric, "tagkey": "host", "tagvalueprefix": ""}),
        ("POST", "/api/dump_meta", {"tagkey": "hidden"}),
        ("GET", f"/api/annotation?start_time={T}&tsuid={uids.tsuid}", None),
        ("GET", f"/api/annotations?start_time={T - 10}&end_time={T + 10}", None),
        ("GET", f"/api/annotations?start_time={T - 10}&end_time={T + 10}&tsuids={uids.tsuid}", None),
        ("GET", f"/api/annotation/bulk?start_time={T}&tsuids={uids.tsuid}", None),
        ("GET", "/api/ttl", None),
        ("GET", "/api/config/filters", None),
        ("GET", "/api/aggregators", None),
        ("GET", "/aggregators", None),
        ("GET", "/api/serializers", None),
        ("GET", "/api/version", None),
        ("GET", "/api/dropcaches", None),
        ("POST", "/api/v1/datapoints/query", kairos(metric, OPEN)),
        ("POST", "/api/v1/datapoints/query/tags", kairos(metric, OPEN)),
        ("GET", f"/api/v1/datapoints/query?query={quote(json.dumps(kairos(metric)))}", None),
        ("GET", "/api/v1/metricnames", None),
        ("GET", "/api/v1/metricnames?prefix=s", None),
        ("GET", "/api/v1/tagnames", None),
        ("GET", "/api/v1/tagvalues", None),
        ("GET", "/api/v1/version", None),
        ("GET", "/api/v1/features", None),
        ("GET", "/api/v1/features/aggregators", None),
        ("GET", "/api/v1/metadata/s", None),
        ("GET", "/api/v1/metadata/s/nobodysees", None),
        ("GET", "/api/v1/metadata/s/nobodysees/k", None),
        ("GET", "/api/v1/rollups", None),
    ]


ROLES: Final = ("metrics", "tagk", "tagv")
SEARCHES: Final = ("annotation", "tsmeta", "tsmeta_summary", "tsuids", "uidmeta")

NOTHING_OF_METRICS: Final = {
    # Answered without a look at the store, or refused as not there.
    *("config", "stats/", "stats/jvm", "stats/threads", "stats/region_clients", "search/", "uid/", "uid/rename"),
    *("tree/", "rollup", "histogram", "users", "sqlquery", "truncate", "delete_all_table", "updatelast"),
    *("set_cluster", "tags/", "annotations/bulk", "features/", "rollups/", "metadata/"),
}


def test_every_address_that_reads_is_among_them() -> None:
    sent = {(method, path.partition("?")[0]) for method, path, _ in reads(OPEN, Uids("", ""))}
    paths = {path.removeprefix("/api/v1/").removeprefix("/api/") for _, path in sent}
    declared = {path: deeds for table in (opentsdb.DEEDS, kairosdb.DEEDS) for path, deeds in table.items()}
    reading = {path for path, deeds in declared.items() if deeds == "read" or (deeds != "open" and "read" in deeds)}
    reading |= {path for path, deeds in declared.items() if not isinstance(deeds, str) and "GET" not in deeds}
    assert reading - paths - NOTHING_OF_METRICS == set()


class Servers(NamedTuple):
    """Of one database, which was copied before the points of HIDDEN came."""

    full: ServerProcess
    without: ServerProcess
    hidden: Uids


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("grants")
    principals = {name: {"token": token(name), "grants": grants} for name, grants in PRINCIPALS.items()}
    config = folder / "headrace.toml"
    config.write_text(f"opentsdb_delete = true\nprincipals = {json.dumps(json.dumps(principals))}\n")
    with running(folder / "full", "--config", str(config)) as full:
        put(full, [point(OPEN, 1, "open-host"), point("plant.flow", 2, "open-host")])
        assert full.stop() == 0
    shutil.copytree(folder / "full", folder / "without")
    with (
        running(folder / "full", "--config", str(config)) as full,
        running(folder / "without", "--config", str(config)) as without,
    ):
        put(full, [point(HIDDEN, 424242, "hidden-host"), point(HIDDEN, 7, "open-host", hidden="x")])
        put(full, [point("plantations", 424242, "hidden-host"), point("xplant.temp", 424242, "open-host", hidden="y")])
        fields = {"metric": HIDDEN, "timestamp": T, "tags": {"host": "hidden-host"}, "fields": {"nobodysees": 424242}}
        assert send(full, "all", "POST", "/api/mput", [fields])[0] == 204
        tsuid = answer(full, "all", "GET", f"/api/query?start={T}&m=none:{HIDDEN}{{hidden=x}}&show_tsuids=true")
        said = json.loads(send(full, "all", "GET", f"/api/uid/assign?metric={HIDDEN}", None)[1])
        hidden = Uids(tsuid[0]["tsuids"][0], said["metric_errors"][HIDDEN].rpartition(" ")[2])
        document(full, hidden.tsuid)
        yield Servers(full, without, hidden)


def document(server: ServerProcess, tsuid: str) -> None:
    for path, body in (
        ("/api/annotation", {"startTime": T, "tsuid": tsuid, "description": "nobodysees"}),
        ("/api/annotation", {"startTime": T, "description": "nobodysees"}),
        ("/api/uid/tsmeta", {"tsuid": tsuid, "description": "nobodysees"}),
        ("/api/v1/metadata/s/nobodysees/k", "nobodysees"),
        ("/api/v1/rollups", ROLLUP),
    ):
        assert send(server, "all", "POST", path, body)[0] in (200, 204), path


ROLLUP: Final = {
    "name": "nobodysees",
    "execution_interval": {"value": 1, "unit": "hours"},
    "rollups": [
        {
            "save_as": f"{HIDDEN}.rolled",
            "query": {
                "start_relative": {"value": 1, "unit": "hours"},
                "metrics": [
                    {
                        "name": HIDDEN,
                        "aggregators": [{"name": "sum", "sampling": {"value": 1, "unit": "minutes"}}],
                    }
                ],
            },
        }
    ],
}


def point(metric: str, value: int, host: str, **tags: str) -> dict[str, Any]:
    return {"metric": metric, "timestamp": T, "value": value, "tags": {"host": host, **tags}}


def send(server: ServerProcess, who: str, method: str, path: str, body: Any) -> tuple[int, bytes]:
    text = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    return server.request(method, path, text, Authorization=f"Bearer {token(who)}", Content_Type="application/json")


def answer(server: ServerProcess, who: str, method: str, path: str, body: Any = None) -> Any:
    status, said = send(server, who, method, path, body)
    assert status == 200, said
    return json.loads(said)


def put(server: ServerProcess, points: list[dict[str, Any]]) -> None:
    assert send(server, "all", "POST", "/api/put", points) == (204, b"")


CHANGING_NUMBERS: Final = re.compile(
    rb'"(requestid|took|sample_?time|startTime|time|timing)": ?[0-9.]+|\d+(\.\d+)? ?ms'
)


@pytest.mark.parametrize("metric", [HIDDEN, OPEN, "nothing.there"])
def test_what_is_read_is_what_a_server_answers_without_the_others(servers: Servers, metric: str) -> None:
    for method, path, body in reads(metric, servers.hidden):
        status, said = send(servers.full, "reader", method, path, body)
        expected = send(servers.without, "all", method, path, body)
        assert status != 500
        assert not MARKS.search(said.replace(b"hidden-host,open-host", b"")) or MARKS.search(expected[1]), (path, said)
        told = [CHANGING_NUMBERS.sub(b"", text) for text in (said, expected[1])]
        assert (status, told[0]) == (expected[0], told[1]), (method, path, body)


def test_writes_of_other_metrics_are_refused_by_name_and_the_rest_is_stored(servers: Servers) -> None:
    full = servers.full
    mixed = [point("plant.new", 1, "a"), point(HIDDEN, 5, "open-host", hidden="x"), point("other", 2, "a")]
    status, said = send(full, "writer", "POST", "/api/put?details", mixed)
    told = json.loads(said)
    assert (status, told["success"], told["failed"]) == (400, 1, 2)
    assert [one["datapoint"]["metric"] for one in told["errors"]] == [HIDDEN, "other"]
    assert {one["error"] for one in told["errors"]} == {"writer may not write this metric"}
    many = [{"name": name, "timestamp": T * 1000, "value": 1, "tags": {"host": "a"}} for name in (HIDDEN, "plant.new2")]
    status, said = send(full, "writer", "POST", "/api/v1/datapoints", many)
    assert status == 400
    assert "writer may not write this metric" in json.loads(said)["errors"][0]
    fields = [{"metric": name, "timestamp": T, "tags": {"a": "b"}, "fields": {"f": 1}} for name in ("plant", HIDDEN)]
    assert send(full, "writer", "POST", "/api/mput", fields)[0] == 400
    assert send(full, "writer", "POST", "/api/put", [point("plant.good", 1, "a")]) == (204, b"")
    assert send(full, "writer", "POST", "/api/put", [point(OPEN, 1, "open-host")]) == (204, b"")
    found = answer(full, "all", "GET", "/api/suggest?type=metrics&max=100")
    assert {"plant.new", "plant.new2", "plant.good"} <= set(found)
    assert "other" not in found
    assert held(full) == [424242, 7]


def held(server: ServerProcess) -> list[int]:
    found = answer(server, "all", "GET", f"/api/query?start={T}&m=none:{HIDDEN}")
    return sorted((value for series in found for value in series["dps"].values()), reverse=True)


DELETES: Final = [
    ("DELETE", f"/api/query?start={T - 10}&end={T + 10}&m=none:{HIDDEN}", None),
    ("POST", "/api/query", asked(one(HIDDEN), delete=True)),
    ("POST", "/api/query", asked(one(HIDDEN), one("plant.gone"), delete=True)),
    ("POST", "/api/delete_data", {"metric": HIDDEN, "start": T - 10, "end": T + 10, "tags": {"host": "open-host"}}),
    ("POST", "/api/delete_meta", {"metric": HIDDEN, "tags": {"host": "open-host"}}),
    ("POST", "/api/v1/datapoints/delete", kairos(HIDDEN)),
    ("DELETE", f"/api/v1/metric/{HIDDEN}", None),
    ("DELETE", "/api/v1/metadata/s/nobodysees/k", None),
    ("DELETE", f"/api/annotation?start_time={T}", None),
    ("DELETE", f"/api/annotation/bulk?start_time={T - 10}&end_time={T + 10}&global=true", None),
]


@pytest.mark.parametrize("who", ["deleter", "readsall", "keeper"])
def test_deletes_touch_nothing_else(servers: Servers, who: str) -> None:
    full = servers.full
    documents = [f"/api/annotation?start_time={T}", "/api/v1/metadata/s/nobodysees/k", "/api/v1/rollups"]
    before = [send(full, "all", "GET", path, None) for path in documents]
    for method, path, body in DELETES:
        status, said = send(full, who, method, path, body)
        assert status < 500, (path, said)
        assert held(full) == [424242, 7], path
    assert [send(full, "all", "GET", path, None) for path in documents] == before
    put(full, [point("plant.gone", 1, "a")])
    assert send(full, who, "POST", "/api/v1/datapoints/delete", kairos("plant.gone"))[0] == 204
    assert "plant.gone" not in answer(full, "all", "GET", "/api/suggest?type=metrics&max=100")
    put(full, [point("plant.gone", 1, "a")])
    assert send(full, who, "DELETE", "/api/v1/metric/plant.gone", None)[0] == 204
    assert "plant.gone" not in answer(full, "all", "GET", "/api/suggest?type=metrics&max=100")


def test_who_reads_all_and_deletes_some_is_told_so(servers: Servers) -> None:
    status, said = send(servers.full, "readsall", "POST", "/api/query", asked(one(HIDDEN), delete=True))
    assert (status, json.loads(said)["error"]["message"]) == (403, f"readsall may not delete {HIDDEN}")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", *case)
        for case in (
            ("/api/annotation", {"startTime": T, "description": "d"}),
            ("/api/uid/tsmeta", {"tsuid": "0" * 32, "description": "d"}),
            ("/api/v1/metadata/s/k/v", "text"),
            ("/api/v1/rollups", ROLLUP),
        )
    ],
)
def test_what_is_of_no_metric_is_not_for_those_who_are_bound(
    servers: Servers, method: str, path: str, body: Any
) -> None:
    status, said = send(servers.full, "keeper", method, path, body)
    assert 400 <= status < 500, said


def test_documents_are_for_who_may_read_all(servers: Servers) -> None:
    full = servers.full
    asked = f"/api/annotation?start_time={T}"
    assert answer(full, "annotator", "GET", asked) == answer(full, "all", "GET", asked)
    # A roll-up would read for it what it may not.
    before = answer(full, "all", "GET", "/api/v1/rollups")
    for who in ("annotator", "copier"):
        status, said = send(full, who, "POST", "/api/v1/rollups", ROLLUP)
        assert (status, "this is of none" in said.decode()) == (403, True)
    assert answer(full, "all", "GET", "/api/v1/rollups") == before


def test_a_rollup_is_not_there_for_who_is_bound(servers: Servers) -> None:
    full = servers.full
    [task] = answer(full, "all", "GET", "/api/v1/rollups")
    for method, path in (
        ("GET", f"/api/v1/rollups/{task['id']}"),
        ("GET", f"/api/v1/rollups/status/{task['id']}"),
        ("GET", f"/api/v1/rollups/backfill/{task['id']}?startTime={T * 1000}"),
        ("PUT", f"/api/v1/rollups/{task['id']}"),
        ("DELETE", f"/api/v1/rollups/{task['id']}"),
    ):
        body = ROLLUP if method == "PUT" else None
        found = send(full, "keeper", method, path, body)
        nothing = send(full, "keeper", method, path.replace(task["id"], "x"), body)
        assert (found[0], found[1].replace(task["id"].encode(), b"x")) == nothing, path
        assert found[0] == 404
    assert answer(full, "all", "GET", "/api/v1/rollups") == [task]


def test_who_may_delete_all_is_shown_no_more_than_it_may_read(servers: Servers) -> None:
    for method, path, body in DELETES[:2]:
        status, said = send(servers.full, "eraser", method, path, body)
        assert (status, json.loads(said)["error"]["message"]) == (400, f"No such name for 'metrics': '{HIDDEN}'")
    assert held(servers.full) == [424242, 7]


def test_saving_what_was_read_needs_both(servers: Servers) -> None:
    for source, target, status in ((HIDDEN, "plant.saved", 200), (OPEN, "other", 400), (OPEN, "plant.saved2", 200)):
        saving = kairos(source)
        saving["metrics"][0]["aggregators"] = [{"name": "save_as", "metric_name": target}]
        assert send(servers.full, "keeper", "POST", "/api/v1/datapoints/query", saving)[0] == status
    found = answer(servers.full, "all", "GET", "/api/suggest?type=metrics&max=100")
    assert {"plant.saved", "plant.saved2", "other"} & set(found) == {"plant.saved2"}


def test_a_grant_for_metrics_holds_in_its_rooms_alone(servers: Servers) -> None:
    full = servers.full
    assert OPEN in answer(full, "kairos", "GET", "/api/v1/metricnames")["results"]
    for who, path in (
        ("kairos", "/api/version"),
        ("reader", "/metrics"),
        ("reader", "/apollo/devices/d/timeseries/samples?timeseriesIds=a"),
        ("reader", "/v2/domains/dzd_mine/entities/ASSET/a/time-series-data-points?formName=f"),
        ("domain", "/api/v1/metricnames"),
        ("domain", "/api/suggest?type=metrics"),
    ):
        assert send(full, who, "GET", path, None)[0] == 403, (who, path)


FORM: Final = {
    "forms": [{"formName": "f", "typeIdentifier": "t", "timestamp": "2024-01-01T00:00:00Z", "content": '{"a":1}'}]
}


def test_domains_of_datazone(servers: Servers) -> None:
    full = servers.full
    for domain, is_granted in (("dzd_mine", True), ("dzd_other", False)):
        path = f"/v2/domains/{domain}/entities/ASSET/a/time-series-data-points"
        assert send(full, "all", "POST", path, FORM)[0] == 201
        for method, asked_path, body, good in (
            ("GET", f"{path}?formName=f", None, 200),
            ("POST", path, FORM, 201),
            ("GET", f"/v2/domains/{domain}/form-types/t", None, 200),
            ("DELETE", f"{path}?formName=f", None, 204),
        ):
            status, said = send(full, "domain", method, asked_path, body)
            if is_granted:
                assert status == good, (asked_path, said)
            else:
                assert (status, json.loads(said)["message"]) == (
                    403,
                    f"domain is not granted {DEED[method]} in this domain",
                )
        kept = answer(full, "all", "GET", f"{path}?formName=f")["items"]
        assert bool(kept) is not is_granted


DEED: Final = {"GET": "read", "POST": "write", "DELETE": "delete"}
