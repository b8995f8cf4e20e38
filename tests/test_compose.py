"""compose.yaml agrees with the image, with the files that it mounts, and with what headrace says of its settings.
docker compose itself is nowhere in the suite: its loader has read the file (docs/decisions/image.md)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from serverprocess import running
from test_grafana_files import sources

from headrace import memory_bound
from headrace.config import Settings
from headrace.loading import load

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = SERVICES["headrace"]


def mounts() -> list[tuple[str, str]]:
    """From where, and to where."""
    return [tuple(mount.split(":")[:2]) for service in SERVICES.values() for mount in service["volumes"]]


def of_image(name: str) -> str:
    found = re.search(rf"\b{name}=(\S+)", DOCKERFILE)
    assert found
    return found[1]


def test_what_is_mounted_is_there() -> None:
    for source, _ in mounts():
        assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"], source
    for service in SERVICES.values():
        for mount in service["volumes"]:
            assert mount.endswith(":ro") == mount.startswith("./"), "files of ours are read"


def test_it_is_the_image_that_the_dockerfile_makes() -> None:
    assert (OURS["build"], OURS["image"]) == (".", "headrace")
    assert ("headrace", of_image("HEADRACE_DATA_DIR")) in mounts()
    [port] = OURS["ports"]
    assert port == "127.0.0.1:4242:4242"
    assert "EXPOSE 4242" in DOCKERFILE
    assert "HEALTHCHECK" in DOCKERFILE
    assert "healthcheck" not in OURS


def test_the_page_says_the_line_of_the_file() -> None:
    line = "docker compose up --build --detach"
    assert f"```sh\n{line}\n```" in (ROOT / "docs" / "install.md").read_text()
    assert f"#   {line}\n" in (ROOT / "compose.yaml").read_text()


def test_nothing_is_open_beyond_this_machine_and_nobody_has_a_privilege() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]
    assert OURS["read_only"] is True
    assert OURS["tmpfs"] == ["/tmp"]


def environment() -> dict[str, str]:
    """Of the container, and of nobody else."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("HEADRACE_")}
    return {**ours, "HEADRACE_HOST": of_image("HEADRACE_HOST"), **OURS["environment"]}


def test_its_settings_are_ones_with_which_the_server_can_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headrace", "check-config", "--data-dir", str(tmp_path / "data"), "--port", "0"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert checked.returncode == 0, checked.stderr
    assert "is not looked at" not in checked.stderr
    shown = checked.stdout
    for name in OURS["environment"]:
        assert f"  # {name}\n" in shown, "it is a setting"


def test_its_memory_is_enough_for_all_that_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HEADRACE_{name.upper()}", raising=False)
    for name, text in OURS["environment"].items():
        monkeypatch.setenv(name, text)
    needed = memory_bound.most(load({}).settings) + 1_000_000 * memory_bound.SERIES_BYTES
    assert int(OURS["mem_limit"].removesuffix("g")) * 2**30 >= needed, "with a million of series"


def test_what_grafana_asks_in_the_name_of_a_browser_is_answered(tmp_path: Path) -> None:
    grafana = SERVICES["grafana"]["environment"]
    used = set(re.findall(r"\$([A-Z_]+)", str(sources())))
    assert used <= grafana.keys()
    assert {grafana["HEADRACE_URL"], grafana["PROMETHEUS_URL"]} == {"http://headrace:4242", "http://prometheus:9090"}
    folders = {target for source, target in mounts() if source.startswith("./ops/grafana")}
    assert folders == {"/etc/grafana/provisioning", "/var/lib/grafana/dashboards"}
    home = Path(grafana["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (ROOT / "ops" / "grafana" / "dashboards" / home.name).exists()
    by_proxy = {
        "Host": "headrace:4242",
        "Sec_Fetch_Site": "same-origin",
        "Sec_Fetch_Mode": "cors",
        "X_Grafana_Org_Id": "1",
        "Authorization": "Bearer ",
        "Content_Type": "application/json",
    }
    with running(tmp_path / "data", **{k: v for k, v in environment().items() if k.startswith("HEADRACE_")}) as server:
        assert server.put({"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}})[0] == 204
        assert server.request("GET", "/api/suggest?type=metrics&q=m&max=1000", None, **by_proxy) == (200, b'["m"]')
        asked = b'{"start":1700000000000,"queries":[{"metric":"m","aggregator":"sum"}]}'
        assert server.request("POST", "/api/query", asked, **by_proxy)[0] == 200


def test_prometheus_scrapes_as_elsewhere_but_for_the_address() -> None:
    folder = ROOT / "ops" / "prometheus"
    here, elsewhere = (yaml.safe_load((folder / name).read_text()) for name in ("compose.yaml", "scrape.yaml"))
    [[job], [other]] = here["scrape_configs"], elsewhere["scrape_configs"]
    assert job.pop("static_configs") == [{"targets": ["headrace:4242"]}]
    assert other.pop("static_configs") == [{"targets": ["127.0.0.1:4242"]}]
    assert job == other
    assert here["rule_files"] == elsewhere["rule_files"]
    mounted = dict(mounts())
    config = mounted["./ops/prometheus/compose.yaml"]
    assert f"--config.file={config}" in SERVICES["prometheus"]["command"]
    [rules] = here["rule_files"]
    assert mounted[f"./ops/prometheus/{rules}"] == str(Path(config).parent / rules)


@pytest.mark.peer("promtool")
@pytest.mark.parametrize("name", ["compose.yaml", "scrape.yaml"])
def test_prometheus_own_tool_takes_the_files(name: str) -> None:
    file = ROOT / "ops" / "prometheus" / name
    checked = subprocess.run(["promtool", "check", "config", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "rules found" in checked.stdout


@pytest.mark.peer("victoria-metrics")
def test_victoriametrics_takes_the_scrape_configuration_as_the_page_says() -> None:
    said = re.search(r"`(-promscrape[^`]*)`", (ROOT / "docs" / "monitoring.md").read_text())
    assert said
    command = ["victoria-metrics", *said[1].split(), "-promscrape.config.dryRun"]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT / "ops" / "prometheus", timeout=60)
