"""The rules for Prometheus ask for metrics and labels that the server has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from headrace.metrics import Metrics

OPS = Path(__file__).parents[1] / "ops" / "prometheus"
NAME = re.compile(r"\bheadrace_[a-z_]+")
BY = re.compile(r"by \(([^)]*)\)")
SHOWN = re.compile(r"\$labels\.(\w+)")


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((OPS / "headrace-alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def labels_of(name: str) -> set[str]:
    """Labels of a metric of ours, by the name that Prometheus has."""
    for metric in vars(Metrics()).values():
        labels = getattr(metric, "_labelnames", None)
        if labels is not None and name in {f"{metric._name}{end}" for end in ("", "_total", "_bucket")}:
            return set(labels)
    raise AssertionError(f"there is no metric {name}")


def test_every_metric_is_there_with_the_labels_that_are_asked_for() -> None:
    for rule in rules():
        names = NAME.findall(rule["expr"])
        assert names or rule["alert"] == "HeadraceDown"
        known = {"instance", "le"}.union(*map(labels_of, names))
        asked = {one.strip() for by in BY.findall(rule["expr"]) for one in by.split(",")}
        asked |= set(SHOWN.findall(rule["annotations"]["summary"]))
        assert asked <= known, rule["alert"]


def test_each_says_how_bad_it_is_and_has_a_name_of_its_own() -> None:
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found)
    assert {rule["labels"]["severity"] for rule in found} == {"critical", "warning", "info"}


def test_the_scrape_job_is_the_one_that_the_rules_know() -> None:
    scrape = yaml.safe_load((OPS / "scrape.yaml").read_text())
    [job] = scrape["scrape_configs"]
    assert f'job="{job["job_name"]}"' in rules()[0]["expr"]
    assert scrape["rule_files"] == ["headrace-alerts.yaml"]
