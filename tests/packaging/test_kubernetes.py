"""ops/kubernetes/headrace.yaml is what Kubernetes takes, and a server in the environment that it gives keeps to it."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from installed import ROOT
from kubernetes_validate import utils as schemas
from serverprocess import ServerProcess
from test_image import PARSED, SAID
from test_readme import blocks

from headrace import memory_bound
from headrace.config import Settings
from headrace.kernels import cache
from headrace.model.time import HOUR_MS
from headrace.settings.quantities import parse_duration_ms

MANIFEST: Final = ROOT / "ops" / "kubernetes" / "headrace.yaml"
OBJECTS: Final[dict[tuple[str, str], Any]] = {
    (found["kind"], found["metadata"]["name"]): found for found in yaml.safe_load_all(MANIFEST.read_text())
}
SET: Final = OBJECTS["StatefulSet", "headrace"]["spec"]
POD: Final = SET["template"]["spec"]
[CONTAINER] = POD["containers"]
SECRET: Final = "headrace-tokens"


def seconds_of(probe: dict[str, Any]) -> int:
    """How long it may fail."""
    allowed: int = probe["periodSeconds"] * probe["failureThreshold"]
    return allowed


def bytes_of(quantity: str) -> int:
    return int(quantity[:-2]) * {"Mi": 2**20, "Gi": 2**30}[quantity[-2:]]


def token_of(key: str) -> str:
    """What the Secret has under a key, here."""
    return key.ljust(16, "-")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of the container, with its mounts in tmp_path; the kernels are ours."""
    found: dict[str, str] = {}
    for variable in CONTAINER["env"]:
        text = variable.get("value") or token_of(variable["valueFrom"]["secretKeyRef"]["key"])
        found[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda name: found[name[1]], text)
    mounts = {f"{mount['mountPath']}/": tmp_path / mount["name"] for mount in CONTAINER["volumeMounts"]}
    for place in mounts.values():
        place.mkdir()
    for name, text in found.items():
        for mounted, place in mounts.items():
            if text.startswith(mounted):
                found[name] = str(place / text.removeprefix(mounted))
    for name, text in OBJECTS["ConfigMap", "headrace"]["data"].items():
        (tmp_path / "configuration" / name).write_text(text)
    assert Path(found["HEADRACE_CONFIG"]).is_file()
    made = cache.in_use().folder
    assert made is not None
    image = {"PATH": f"{Path(sys.executable).parent}:/usr/bin", "HEADRACE_HOST": PARSED.envs["HEADRACE_HOST"]}
    return image | {"HEADRACE_CACHE_DIR": str(made.parent)} | found


@pytest.mark.parametrize("version", ["1.27.0", schemas.latest_version()])
def test_kubernetes_knows_each_field(version: str) -> None:
    assert len(OBJECTS) == 5
    for found in OBJECTS.values():
        schemas.validate(found, version, strict=True)


def test_a_server_does_what_it_says(tmp_path: Path, environment: dict[str, str]) -> None:
    def run(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    server = ServerProcess(tmp_path / "data" / "data", environment=environment, program=("headrace",), before=("env",))
    assert environment["HEADRACE_DATA_DIR"] == str(server.data_dir)
    assert CONTAINER["args"] == ["serve"] == json.loads(SAID["CMD"])
    shown = run("headrace", "check-config", "--port", str(server.port))
    megabytes = int(re.findall(r"^# memory: (\d+) MB at most", shown, re.MULTILINE)[0])
    with_series = megabytes * memory_bound.MB + 2_000_000 * memory_bound.SERIES_BYTES
    assert with_series < bytes_of(CONTAINER["resources"]["limits"]["memory"])

    server.start()
    try:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert server.get(CONTAINER[probe]["httpGet"]["path"])[0] == 200
        point = b'{"metric": "m", "timestamp": 1700000000, "value": 1, "tags": {"a": "b"}}'
        question = "/api/query?start=1700000000&m=none:m"
        for who, writes, reads in (("agents", 204, 403), ("readers", 403, 200), ("operator", 204, 200)):
            bearer = f"Bearer {token_of(who)}"
            assert server.request("POST", "/api/put", point, Authorization=bearer)[0] == writes
            assert server.request("GET", question, Authorization=bearer)[0] == reads
        assert server.request("GET", "/metrics", Authorization=f"Bearer {token_of('readers')}")[0] == 200
        assert server.get("/metrics")[0] == 401
        assert run("headrace", "seal", f"http://127.0.0.1:{server.port}").startswith("sealed through record ")
        assert server.stop() == 0
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
    assert all(json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{"))


def test_its_port_is_the_server_s() -> None:
    [port] = CONTAINER["ports"]
    assert [port["containerPort"]] == list(Settings.model_fields["port"].default) == [int(SAID["EXPOSE"])]
    for name in ("headrace", "headrace-pods"):
        [offered] = OBJECTS["Service", name]["spec"]["ports"]
        assert (offered["port"], offered["targetPort"]) == (port["containerPort"], port["name"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert CONTAINER[probe]["httpGet"]["port"] == port["name"]


def test_each_object_finds_the_others() -> None:
    labels = SET["template"]["metadata"]["labels"]
    assert SET["selector"]["matchLabels"] == labels
    assert OBJECTS["PodDisruptionBudget", "headrace"]["spec"]["selector"]["matchLabels"] == labels
    for name in ("headrace", "headrace-pods"):
        assert OBJECTS["Service", name]["spec"]["selector"] == labels
    assert OBJECTS["Service", SET["serviceName"]]["spec"]["clusterIP"] == "None"
    volumes = [volume["name"] for volume in POD["volumes"]]
    volumes += [claim["metadata"]["name"] for claim in SET["volumeClaimTemplates"]]
    assert sorted(volumes) == sorted(mount["name"] for mount in CONTAINER["volumeMounts"])
    [configuration] = [volume["configMap"]["name"] for volume in POD["volumes"] if "configMap" in volume]
    assert ("ConfigMap", configuration) in OBJECTS


def test_the_monitor_in_the_comment_finds_one_service() -> None:
    _, _, commented = MANIFEST.read_text().partition("# Where the Prometheus operator is there:\n")
    monitor = yaml.safe_load(re.sub("^# ", "", commented, flags=re.MULTILINE))
    [endpoint] = monitor["spec"]["endpoints"]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    found = [
        each for each in OBJECTS.values() if each["kind"] == "Service" and each["metadata"].get("labels") == wanted
    ]
    # Whose name is the job that the alert rules know.
    assert [each["metadata"]["name"] for each in found] == ["headrace"]
    assert endpoint["port"] in [port["name"] for port in found[0]["spec"]["ports"]]
    secret = endpoint["authorization"]["credentials"]
    assert (secret["name"], secret["key"] in keys_told()) == (SECRET, True)


def keys_told() -> set[str]:
    """Of the Secret that docs/install.md tells to make."""
    [told] = [text for text in blocks(ROOT / "docs" / "install.md") if text.startswith("kubectl create secret")]
    command = shlex.split(told.replace("\\\n", ""))
    assert command[:5] == ["kubectl", "create", "secret", "generic", SECRET]
    return {word.removeprefix("--from-literal=").partition("=")[0] for word in command[5:] if "=" in word}


def test_the_page_tells_to_make_the_secret() -> None:
    asked = [variable["valueFrom"]["secretKeyRef"] for variable in CONTAINER["env"] if "valueFrom" in variable]
    assert {reference["name"] for reference in asked} == {SECRET}
    assert {reference["key"] for reference in asked} == keys_told()
    applied = f"kubectl apply --filename {MANIFEST.relative_to(ROOT)}"
    assert any(applied in text for text in blocks(ROOT / "docs" / "install.md"))


def test_it_is_the_image_s_user_who_may_write_its_volume_and_nothing_else() -> None:
    assert f"{POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}" == SAID["USER"]
    assert POD["securityContext"]["fsGroup"] == POD["securityContext"]["runAsGroup"]
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is POD["enableServiceLinks"] is False
    writable = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {SAID["WORKDIR"], "/tmp"}


def test_it_waits_as_long_as_the_unit_of_systemd() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.read(ROOT / "ops" / "systemd" / "headrace.service")
    starting, stopping = (
        parse_duration_ms(unit["Service"][name].replace("min", "m")) // 1000
        for name in ("TimeoutStartSec", "TimeoutStopSec")
    )
    assert seconds_of(CONTAINER["startupProbe"]) == starting
    assert POD["terminationGracePeriodSeconds"] == stopping
    # A server that hangs is given up, one that is slow for a minute is not.
    assert 60 <= seconds_of(CONTAINER["livenessProbe"]) <= HOUR_MS // 1000
