"""Every panel of the dashboards shows something of a real server: Prometheus scrapes it by our file, with our rules,
and is asked what the panels ask; and the panels with data ask headrace itself, as Grafana's data source OpenTSDB
does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from serverprocess import ServerProcess, free_port, running
from test_grafana_files import GRAFANA, Panel, dashboard, panels, sources
from test_readme import block, paste

PROMETHEUS = GRAFANA.parent / "prometheus"
SERVER, DATA = (GRAFANA / "dashboards" / name for name in ("headrace.json", "data.json"))
RATE_INTERVAL = "10s"
"""What Grafana puts for four scrapes, which come once a second here."""

COLLECT_S = 4
"""At one reading a second. write_tsdb sends what it has when its buffer is full, and at the end."""

COLLECTD = """
Hostname "collector"
FQDNLookup false
BaseDir "{folder}"
PIDFile "{folder}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
Interval 1
"""

AGENTS = [pytest.mark.peer("prometheus"), pytest.mark.peer("collectd", plugins=("write_tsdb",))]
pytestmark = [*AGENTS, pytest.mark.peer("curl")]


@dataclass
class Watched:
    """A server with some traffic, and the Prometheus that watches it."""

    server: ServerProcess
    prometheus: str

    def ask(self, path: str, **parameters: str) -> Any:
        url = f"{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            said = json.load(answer)
        assert said["status"] == "success", said
        return said["data"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with running(folder / "data", "--seal-points", "30") as server:
        port = free_port()
        found = Watched(server, f"http://127.0.0.1:{port}")
        with ended(prometheus(folder, server, port)):
            begin = time.monotonic()
            with ended(collectd(folder, server)):
                while not has_seen_enough(found) or time.monotonic() < begin + COLLECT_S:
                    assert time.monotonic() < begin + 30
                    some_traffic(server)
                    time.sleep(0.3)
            yield found


@contextmanager
def ended(command: list[str]) -> Iterator[None]:
    """It runs in the block."""
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def prometheus(folder: Path, server: ServerProcess, port: int) -> list[str]:
    said = yaml.safe_load((PROMETHEUS / "scrape.yaml").read_text())
    said["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    [job] = said["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{server.port}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(said))
    for rules in said["rule_files"]:
        shutil.copy(PROMETHEUS / rules, folder)
    where = [f"--storage.tsdb.path={folder / 'prometheus'}", f"--web.listen-address=127.0.0.1:{port}"]
    return ["prometheus", f"--config.file={folder / 'prometheus.yml'}", "--log.level=error", *where]


def collectd(folder: Path, server: ServerProcess) -> list[str]:
    (folder / "collectd.conf").write_text(COLLECTD.format(folder=folder) + block("LoadPlugin cpu", server))
    return ["collectd", "-f", "-C", str(folder / "collectd.conf")]


def some_traffic(server: ServerProcess) -> None:
    paste(block("curl -i", server))
    paste(block("exec 3<>", server))
    assert server.put({"metric": "room.temperature", "timestamp": 1, "value": 1, "tags": {}})[0] == 400
    assert server.get("/api/v1/metricnames")[0] == 200


def has_seen_enough(found: Watched) -> bool:
    """Three scrapes, so that there are rates, and all rules evaluated."""
    try:
        [up] = found.ask("query", query="count_over_time(up[1m])")["result"] or [{"value": [0, "0"]}]
        rules = [rule for group in found.ask("rules")["groups"] for rule in group["rules"]]
    except OSError:
        return False
    return int(up["value"][1]) >= 3 and bool(rules) and all(rule["health"] != "unknown" for rule in rules)


def test_prometheus_takes_scrape_and_rules_as_they_are(watched: Watched) -> None:
    [target] = watched.ask("targets")["activeTargets"]
    assert (target["health"], target["labels"]["job"]) == ("up", "headrace")
    [group] = watched.ask("rules")["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    assert not [rule["name"] for rule in group["rules"] if rule["state"] == "firing"]


@pytest.mark.parametrize("panel", panels(SERVER), ids=lambda panel: panel["title"])
def test_a_panel_of_the_server_shows_something(watched: Watched, panel: Panel) -> None:
    for target in panel["targets"]:
        query = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
        query = query.replace("$job", ".*").replace("$instance", ".*")
        assert "$" not in query
        result = watched.ask("query", query=query)["result"]
        assert result or "noValue" in panel["fieldConfig"]["defaults"], query
        # Where nothing is counted yet, a line says none.
        shown = [one for one in result if "none" not in one["metric"].values()]
        for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
            assert all(label in one["metric"] for one in shown), label


def test_the_variables_of_the_server_have_values(watched: Watched) -> None:
    values = {}
    for variable in dashboard(SERVER)["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert asked
            matching = {"match[]": asked[1].replace("$job", ".*")}
            values[variable["name"]] = watched.ask(f"label/{asked[2]}/values", **matching)
    assert values == {"job": ["headrace"], "instance": [f"127.0.0.1:{watched.server.port}"]}


CHOSEN = {
    "metric": "room.temperature",
    "aggregator": "avg",
    "tag": "room",
    "value": "*",
    "room": "kitchen|hall",
    "host": "*",
    "cpu": "0",
    "datasource": "headrace-opentsdb",
}
"""What the variables stand for: one, several of them, as Grafana joins them in a query, and all."""


def filled(text: Any, other: Mapping[str, str] = MappingProxyType({})) -> Any:
    """What is no text has no variables."""
    if not isinstance(text, str):
        return text
    return re.sub(r"\$([a-z]+)\b", lambda found: {**CHOSEN, **other}[found[1]], text)


def names(server: ServerProcess, query: str) -> list[str]:
    """What a variable's query finds, as Grafana's data source asks for it."""
    call = re.fullmatch(r"(\w+)\((.*)\)", filled(query))
    assert call, query
    if call[1] == "metrics":
        path = "/api/suggest?" + urllib.parse.urlencode({"type": "metrics", "q": call[2], "max": 1000})
        suggested: list[str] = json.loads(server.get(path)[1])
        return suggested
    metric, _, key = call[2].partition(", ")
    what = f"{metric}{{{key}=*}}" if call[1] == "tag_values" else metric
    limit = sources()[0]["jsonData"]["lookupLimit"]
    status, body = server.get("/api/search/lookup?" + urllib.parse.urlencode({"m": what, "limit": limit}))
    assert status == 200, body
    tags = [result["tags"] for result in json.loads(body)["results"]]
    return sorted({one[key] for one in tags} if call[1] == "tag_values" else {name for one in tags for name in one})


def test_the_variables_of_the_data_have_values(watched: Watched) -> None:
    found = {}
    for variable in dashboard(DATA)["templating"]["list"]:
        if variable["type"] == "query":
            values = names(watched.server, variable["query"])
            if variable["regex"]:
                matches = (re.search(variable["regex"].strip("/"), value) for value in values)
                values = [match[1] for match in matches if match]
            found[variable["name"]] = values
    assert "room.temperature" in found.pop("metric")
    assert found.pop("cpu")[0] == "0"
    rooms = ["hall", "kitchen"]
    assert found == {"tag": ["room"], "value": rooms, "room": rooms, "host": ["collector"]}


def query_of(target: dict[str, Any], **other: str) -> dict[str, Any]:
    """A query of a panel, as the data source makes it of the panel's fields."""
    query: dict[str, Any] = {
        "metric": filled(target["metric"], other),
        "aggregator": filled(target["aggregator"], other),
        "downsample": f"1s-{target['downsampleAggregator']}",
    }
    if target.get("shouldComputeRate"):
        query |= {"rate": True, "rateOptions": {"counter": target["isCounter"], "dropResets": True}}
    if "filters" in target:
        query["filters"] = [{key: filled(text, other) for key, text in one.items()} for one in target["filters"]]
    elif "tags" in target:
        query["tags"] = {key: filled(text, other) for key, text in target["tags"].items()}
    return query


@pytest.mark.parametrize("panel", panels(DATA), ids=lambda panel: panel["title"])
def test_a_panel_of_the_data_shows_points(watched: Watched, panel: Panel) -> None:
    source = sources()[0]["jsonData"]
    assert (source["tsdbVersion"], source["tsdbResolution"]) == (3, 1)
    queries = [query_of(target) for target in panel["targets"]]
    start = int(time.time() - 3600) * 1000
    # The data source in the browser, for a time that ends now; and Grafana's server, which always says the end.
    by_browser: dict[str, Any] = {"msResolution": False, "globalAnnotations": True, "showQuery": True}
    for rest in (by_browser, {"end": int(time.time() + 1) * 1000}):
        status, body = watched.server.request(
            "POST", "/api/query", json.dumps({"start": start, "queries": queries, **rest}).encode()
        )
        assert status == 200, body
        found = json.loads(body)
        assert all(one["dps"] and min(map(int, one["dps"])) * 1000 >= start for one in found)
        if "showQuery" in rest:
            assert {one["query"]["index"] for one in found} == set(range(len(queries)))
    if by_tag := re.search(r"\$tag_(\w+)", panel["targets"][0].get("alias", "")):
        assert {one["tags"][by_tag[1]] for one in found} == {"kitchen", "hall"}


def test_every_aggregator_and_a_single_value_can_be_chosen(watched: Watched) -> None:
    [variable] = [one for one in dashboard(DATA)["templating"]["list"] if one["name"] == "aggregator"]
    known = json.loads(watched.server.get("/api/aggregators")[1])
    [target] = panels(DATA)[0]["targets"]
    for option in variable["options"]:
        assert option["value"] in known
        asked = {"start": "1h-ago", "queries": [query_of(target, aggregator=option["value"], value="hall")]}
        [series] = watched.server.query(**asked)
        assert series["tags"] == {"room": "hall"}


def test_the_header_without_a_token_is_taken_where_nobody_is_asked(watched: Watched) -> None:
    [source] = [one for one in sources() if one["type"] == "opentsdb"]
    assert source["secureJsonData"]["httpHeaderValue1"] == "Bearer $HEADRACE_TOKEN"
    status, _ = watched.server.request("GET", "/api/suggest?type=metrics&q=cpu&max=1000", Authorization="Bearer ")
    assert status == 200
