"""A Java program is started within its bounds, and ended."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from oracles.servers import artefacts
from oracles.servers.java import FILE_BYTES_MAX, JavaProgram

pytestmark = [pytest.mark.real_server, pytest.mark.timeout(300)]


@pytest.fixture
def zookeeper(tmp_path: Path) -> JavaProgram:
    """A small server that is among the jars of HBase."""
    if reason := artefacts.missing("hbase-2.4.17"):
        pytest.skip(reason)
    (tmp_path / "zoo.cfg").write_text(
        f"dataDir={tmp_path}\nclientPort=0\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
    )
    classpath = [f"{artefacts.jars('hbase-2.4.17')}/*"]
    main = "org.apache.zookeeper.server.ZooKeeperServerMain"
    return JavaProgram("zookeeper", tmp_path, classpath, main, [str(tmp_path / "zoo.cfg")], heap_mb=64)


def test_a_program_is_bounded_and_ends_when_told(zookeeper: JavaProgram) -> None:
    zookeeper.start()
    try:
        time.sleep(0.5)
        zookeeper.wait_until(zookeeper.is_running, within_s=10)
        assert zookeeper.process is not None
        limits = Path(f"/proc/{zookeeper.process.pid}/limits").read_text()
        [file_size] = [line.split() for line in limits.splitlines() if line.startswith("Max file size")]
        assert file_size[3:5] == [str(FILE_BYTES_MAX)] * 2
    finally:
        zookeeper.stop()
    assert not zookeeper.is_running()


def test_a_program_that_ends_at_once_says_why(zookeeper: JavaProgram) -> None:
    zookeeper.main = "no.such.Program"
    zookeeper.start()
    with pytest.raises(AssertionError, match=r"no.such.Program"):
        zookeeper.wait_until(lambda: False, within_s=20)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(artefacts, "CACHE", tmp_path)
    said = artefacts.missing("hbase-2.4.17")
    assert said is not None
    assert said.endswith(("scripts/peers installs it", "scripts/peers brings them"))


def test_an_old_java_is_known() -> None:
    assert artefacts.major_version('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment') == 17
    assert artefacts.major_version('java version "1.8.0_402"') == 8
    assert artefacts.major_version("Unrecognized option: -version") == 0
