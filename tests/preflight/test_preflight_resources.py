"""Memory and open files of the machine, or of the control group."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from headrace import limits, memory_bound
from headrace.loading import load
from headrace.preflight import resources


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resources, "CGROUPS", tmp_path / "fs")
    monkeypatch.setattr(resources, "MEMBERSHIP", tmp_path / "membership")
    return tmp_path


def say(groups: Path, membership: str, **limits_by_file: str) -> None:
    (groups / "membership").write_text(membership)
    for file, text in limits_by_file.items():
        path = groups / "fs" / file.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_without_groups_it_is_the_machines(groups: Path) -> None:
    assert resources.memory_bytes() == MACHINE
    say(groups, "0::/\n", **{"memory.max": "max\n"})
    assert resources.memory_bytes() == MACHINE


def test_the_least_of_a_group_and_those_above_it(groups: Path) -> None:
    say(
        groups,
        "0::/system.slice/headrace.service\n",
        **{"system.slice__headrace.service__memory.max": "max\n", "system.slice__memory.max": "200000000\n"},
    )
    assert resources.memory_bytes() == 200_000_000


def test_version_1(groups: Path) -> None:
    say(groups, "5:cpu,cpuacct:/a\n4:memory:/a\n", **{"memory__a__memory.limit_in_bytes": "300000000\n"})
    assert resources.memory_bytes() == 300_000_000


def test_too_little_memory_is_a_warning_with_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    most = memory_bound.most(load({}).settings)
    monkeypatch.setattr(resources, "memory_bytes", lambda: most)
    assert list(resources.resources(load({}))) == []
    monkeypatch.setattr(resources, "memory_bytes", lambda: 2_000_000_000)
    [warning] = resources.resources(load({}))
    assert not warning.is_error
    assert warning.what.startswith(
        f"memory: {-(-most // 1_000_000)} MB at most are allowed, whatever is sent, and 2000 MB"
    )
    assert "body_bytes_max, query_memory_bytes or seal_points" in warning.what


def test_too_few_open_files_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "memory_bytes", lambda: 10**12)
    for hard, told in ((limits.OPEN_FILES_MAX, False), (resource.RLIM_INFINITY, False), (1024, True)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, hard=hard: (1024, hard))
        found = list(resources.resources(load({})))
        assert [one.is_error for one in found] == [False] * told
        assert not told or found[0].what.startswith("open files: 8192 are needed for 4096 connections")
