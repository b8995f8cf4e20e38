"""The documents cannot fall behind: settings, metrics, dependencies and links are compared with what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from headrace import config
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.settings.allowed import allowed
from headrace.settings.one_line import to_toml

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def section(page: Path, heading: str, rank: int = 2) -> str:
    """The text under a heading, to the next one of its rank."""
    marks = "#" * rank
    _, _, rest = page.read_text().partition(f"\n{marks} {heading}\n")
    assert rest, f"{page} has no heading {heading}"
    return rest.partition(f"\n{marks} ")[0]


def rows(page: Path, heading: str, rank: int = 2) -> list[list[str]]:
    """The cells of the first table in a section, without its two heading lines."""
    lines = [line for line in section(page, heading, rank).splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_setting_stands_in_operations_and_nothing_else() -> None:
    written = rows(DOCS / "operations.md", "Settings")
    expected = [
        [
            name,
            "none" if name in config.SECRETS else config.flag_of(name),
            config.variable_of(name),
            allowed(field).strip("`"),
            to_toml(field.default),
            field.description,
        ]
        for name, field in Settings.model_fields.items()
    ]
    assert written == expected


def test_every_metric_stands_in_monitoring_and_nothing_else() -> None:
    written = [
        (name, kind, tuple(labels.replace(",", " ").split()), meaning)
        for name, kind, labels, meaning in rows(DOCS / "monitoring.md", "Metrics")
    ]
    built = [value for value in vars(Metrics()).values() if hasattr(value, "describe")]
    # A counter describes itself without the _total that every sample of it bears.
    expected = [
        (
            family.name + "_total" * (family.type == "counter"),
            family.type,
            tuple(metric._labelnames),
            family.documentation,
        )
        for metric in built
        for family in metric.describe()
    ]
    assert [row for row in written if row[0] != "headrace_build_info"] == expected


def test_every_metric_of_ours_is_rendered_under_its_documented_name() -> None:
    helped = re.findall(r"^# HELP (headrace_\w+) ", Metrics().render().decode(), re.MULTILINE)
    assert helped == [name for name, *_ in rows(DOCS / "monitoring.md", "Metrics")]


def test_every_dependency_has_its_reason_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {"At run time": project["project"]["dependencies"]}
    groups |= {
        f"For {name}": project["dependency-groups"][group] for name, group in {"lint": "lint", "tests": "test"}.items()
    }
    for heading, requirements in groups.items():
        names = [re.split("[<>=]", requirement)[0] for requirement in requirements]
        assert [name for name, _ in rows(DOCS / "decisions" / "dependencies.md", heading)] == names


def test_every_extra_has_its_reason_and_is_what_the_tests_use() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    written = {name: packages for name, packages, _ in rows(DOCS / "decisions" / "dependencies.md", "Extras")}
    assert written == {
        extra: ", ".join(re.split("[<>=]", requirement)[0] for requirement in requirements)
        for extra, requirements in extras.items()
    }
    assert {name for name, *_ in rows(DOCS / "install.md", "Extras", rank=3)} == extras.keys()
    used = set(project["dependency-groups"]["test"])
    assert not {requirement for requirements in extras.values() for requirement in requirements} - used


def test_scripts_install_the_programs_that_are_documented() -> None:
    found = re.search(r"^packages=\((.*)\)$", (ROOT / "scripts" / "peers").read_text(), re.MULTILINE)
    assert found
    installed = {name for name in found[1].split() if not name.startswith("lib")}
    heading = "From Debian, for tests and benchmarks (`scripts/peers`)"
    assert {name for name, _ in rows(DOCS / "decisions" / "dependencies.md", heading)} == installed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    dead = [link for link in links if not (page.parent / link).exists()]
    assert not dead, dead


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    fenced = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", fenced, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_heading(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", page.read_text())
    dead = [
        f"{where}#{anchor}"
        for where, anchor in links
        if (target := page.parent / where if where else page).suffix == ".md" and anchor not in anchors(target)
    ]
    assert not dead, dead
