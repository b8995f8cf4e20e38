"""Dashboards and provisioning for Grafana hang together. What the panels show: tests/clients/test_dashboards.py."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_docs import rows

GRAFANA = Path(__file__).parents[1] / "ops" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
UNITS = {"short", "percentunit", "bytes", "s", "cps", "reqps", "binBps", "ops", "celsius"}
"""Of Grafana's, those that are used (its getValueFormats)."""
BUILT_IN = {"__rate_interval"}

Panel = dict[str, Any]


def dashboard(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def panels(file: Path) -> list[Panel]:
    """Those that show something."""
    return [panel for panel in dashboard(file)["panels"] if panel["type"] != "row"]


def sources() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(
        (GRAFANA / "provisioning" / "datasources" / "headrace.yaml").read_text()
    )["datasources"]
    return found


def test_there_is_one_for_the_server_and_one_for_its_data() -> None:
    assert [file.name for file in DASHBOARDS] == ["data.json", "headrace.json"]
    assert {dashboard(file)["uid"] for file in DASHBOARDS} == {"headrace", "headrace-data"}


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_each_panel_has_its_place_and_its_words(file: Path) -> None:
    everything = dashboard(file)["panels"]
    ids = [panel["id"] for panel in everything]
    assert len(set(ids)) == len(ids)
    for one, other in combinations((panel["gridPos"] for panel in everything), 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in everything)
    for panel in panels(file):
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert len(panel["description"]) > 15, panel["title"]
        assert panel["targets"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_the_sources_are_those_that_are_provisioned(file: Path) -> None:
    variables = {variable["name"]: variable for variable in dashboard(file)["templating"]["list"]}
    chosen = variables["datasource"]
    provisioned = {source["uid"]: source["type"] for source in sources()}
    assert provisioned[chosen["current"]["value"]] == chosen["query"]
    for panel in panels(file):
        for asks in (panel, *panel["targets"]):
            assert asks["datasource"] == {"type": chosen["query"], "uid": "${datasource}"}
    queried = [variable for variable in variables.values() if variable["type"] == "query"]
    assert all(variable["datasource"]["uid"] == "${datasource}" for variable in queried)


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_every_variable_is_used_and_there(file: Path) -> None:
    text = json.dumps([panels(file), dashboard(file)["templating"]["list"]])
    used = set(re.findall(r"\$\{?([a-z_]+)\b", text)) - BUILT_IN - {"__all"}
    # As $tag_room: Grafana's word for a tag of the series, in an alias.
    named = {variable["name"] for variable in dashboard(file)["templating"]["list"]}
    assert named <= used
    assert {name for name in used if not name.startswith("tag_")} <= named


def test_every_metric_of_ours_is_shown() -> None:
    [server] = [file for file in DASHBOARDS if file.stem == "headrace"]
    shown = set(re.findall(r"headrace_[a-z_]+", json.dumps(panels(server))))
    told = {name for name, *_ in rows(GRAFANA.parents[1] / "docs" / "monitoring.md", "Metrics")}
    assert told <= {name.removesuffix("_bucket").removesuffix("_count") for name in shown}


def test_the_provider_names_the_folder_that_is_documented() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "headrace.yaml").read_text())
    [folder] = [one["options"]["path"] for one in provider["providers"]]
    page = (GRAFANA.parents[1] / "docs" / "monitoring.md").read_text()
    assert f"`{folder}`" in page
    for file in GRAFANA.rglob("*.*"):
        assert f"`{file.relative_to(GRAFANA)}`" in page
