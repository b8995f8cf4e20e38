"""Clients from Maven Central against a real server process: KairosDB's, Alibaba's, and version 2 of the AWS SDK."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from datazone_clients import CONTENT, DOMAIN, PREFIX, ROOT, SETTINGS, SUMMARY, TYPE, environment, installed
from serverprocess import ServerProcess, running

HERE = Path(__file__).parent
START_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(tmp_path_factory.mktemp("java") / "data") as server:
        yield server


def java(client: str, program: str, home: Path, *arguments: object, options: Sequence[str] = ()) -> list[str]:
    """The lines that a program of one file prints, compiled and run with the jars of a client. options: of java."""
    jars = installed(ROOT / ".clients" / "java" / client / "installed").parent
    # What would make a long-running program fast costs a short one time.
    command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *options, "-cp", f"{jars}/*"]
    said = subprocess.run(
        [*command, str(HERE / program), *map(str, arguments)],
        env=environment(home, AWS_REGION="us-east-1", LC_ALL="C.UTF-8"),
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert said.returncode == 0, said.stderr.decode()
    return said.stdout.decode().splitlines()


@pytest.mark.peer("javac")
@pytest.mark.parametrize("version", ["3.0.0", "3.1.0"])
def test_kairosdb(version: str, server: ServerProcess, tmp_path: Path) -> None:
    """3.0.0 takes a success without a Content-Type for a failure."""
    url = f"http://127.0.0.1:{server.port}"
    heard = java(f"client-{version}", "KairosDialogue.java", tmp_path, url, version, START_MS)
    assert heard[0].startswith("version KairosDB 1.3.0")
    assert heard[1:] == [
        "check 204 [JVM-Thread-Deadlock: OK, Datastore-Query: OK]",
        f"names [{version}.double, {version}.long, {version}.string]",
        "sample_size 4",
        f"{version}.long {{host=[a]}} {START_MS}={2**62} {START_MS + 1}=-3",
        f"{version}.long {{host=[b]}} {START_MS}={2**62} {START_MS + 1}=-3",
        "sample_size 1",
        f"{version}.double {{host=[a]}} {START_MS}=0.1",
        "sample_size 1",
        f"{version}.string {{host=[a]}} {START_MS}=up é",
        "sample_size 0",
        f"{version}.none {{}}",
        "deleted",
        "sample_size 2",
        f"{version}.long {{host=[a]}} {START_MS}={2**62}",
        f"{version}.long {{host=[b]}} {START_MS}={2**62}",
        "sample_size 0",
        f"{version}.double {{}}",
        "sample_size 1",
        f"{version}.string {{host=[a]}} {START_MS}=up é",
        "sample_size 0",
        f"{version}.none {{}}",
    ]


@pytest.mark.peer("javac")
def test_micrometer(server: ServerProcess, tmp_path: Path) -> None:
    """It posts when it is closed, and reads no answer; what it wrote is read by OpenTSDB's questions."""
    url = f"http://127.0.0.1:{server.port}/api/v1/datapoints"
    java("micrometer-registry-kairos-1.13.0", "MicrometerDialogue.java", tmp_path, url)
    metrics = {"queue_size": 17.5, "latency_count": 1, "latency_max": 20, "latency_sum": 20}
    queries = [{"metric": metric, "aggregator": "none"} for metric in metrics]
    answers = server.query(start="1h-ago", queries=queries)
    assert {answer["metric"]: set(answer["dps"].values()) for answer in answers} == {
        metric: {value} for metric, value in metrics.items()
    }
    assert all(answer["tags"] == {"host": "a"} for answer in answers)


@pytest.mark.peer("javac")
def test_hitsdb(server: ServerProcess, tmp_path: Path) -> None:
    """The load-balancing client asks for the server's health every 2 s, and refuses every put once it is ill."""
    heard = java("hitsdb-client-0.3.7", "HitsDialogue.java", tmp_path, "127.0.0.1", server.port, START_MS)
    for name in ("plain", "balancing"):
        said = [line for line in heard if line.startswith(name)]
        assert said[0].startswith(f"{name} version 2.4.0")
        assert said[1:] == [
            f"{name} put 2 failed 0",
            f"{name} put 1 failed 1",
            f"{name}.one {{host=a}} {{{START_MS}={2**62}, {START_MS + 1}=0.1, {START_MS + 2}=-3}}",
            f"{name}.many [timestamp, load, up] [[{START_MS}, 0.5, true]]",
            f"{name} suggested [{name}.many, {name}.one, {name}.queued]",
        ]
        queries = [{"metric": f"{name}.queued", "aggregator": "none"}]
        [queued] = server.query(start=START_MS, end=START_MS + 2000, msResolution=True, queries=queries)
        assert queued["dps"] == {str(START_MS + number): number for number in range(1000)}


@pytest.mark.peer("javac")
def test_datazone(tmp_path: Path) -> None:
    """By a server that asks for signatures."""
    with running(tmp_path / "data", **SETTINGS) as server:
        url = f"http://127.0.0.1:{server.port}{PREFIX}"
        heard = java("datazone-2.40.2", "DataZoneDialogue.java", tmp_path, url, DOMAIN, TYPE, CONTENT)
    assert heard[:-1] == [
        f"type {TYPE} ENABLED SMITHY",
        "posted 201 5",
        f"listed 2024-01-02T03:04:05.681Z {SUMMARY}",
        f"listed 2024-01-02T03:04:05.680Z {SUMMARY}",
        f"listed 2024-01-02T03:04:05.679Z {SUMMARY}",
        f"listed 2024-01-02T03:04:05.678Z {SUMMARY}",
        "got true true",
        "deleted 204",
        "missing 404",
    ]
    assert heard[-1].startswith("elsewhere UnknownOperationException No operation is at GET ")
