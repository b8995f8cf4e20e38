"""What all tests share: programs from Debian (`peer`), and that CI lets nothing be skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from headrace.kernels import cache
from headrace.kernels.making.compiling import compile_all

# A loaded machine is slow, not wrong; pytest's own timeout catches what hangs.
settings.register_profile("headrace", deadline=None)
settings.load_profile("headrace")

pytest_plugins = ["pytester"]

NOTHING_SKIPS = os.environ.get("TESTS_REQUIRE_PEERS") == "1"

# Debian puts collectd into /usr/sbin, which is not on the PATH of an ordinary user.
os.environ["PATH"] += os.pathsep + "/usr/sbin"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Kernels are compiled by all cores before the first test, not by each process of tests for itself."""
    if not hasattr(session.config, "workerinput") and not cache.are_compiled():
        compile_all()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("peer"):
        (program,) = marker.args
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed; scripts/peers installs it")
        for plugin in marker.kwargs.get("plugins", ()):
            if lacking := _lacking(program, plugin):
                pytest.skip(f"{program}'s plugin {plugin} lacks {lacking}; scripts/peers installs it")


def _lacking(program: str, plugin: str) -> str:
    """What keeps a plugin from being loaded; "" for nothing. A package may only recommend a library of its plugins."""
    folders = [folder for above in _LIBRARIES for folder in Path("/").glob(f"{above}/{program}")]
    found = next((file for folder in folders if (file := folder / f"{plugin}.so").exists()), None)
    if found is None:
        return "its file"
    told = subprocess.run(["ldd", found], capture_output=True, text=True, check=True).stdout
    return ", ".join(line.split()[0] for line in told.splitlines() if line.endswith("not found"))


_LIBRARIES: Final = ("usr/lib", "usr/lib/*", "usr/local/lib")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _forbid(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _forbid(report)
    return report


def _forbid(report: pytest.TestReport | pytest.CollectReport) -> None:
    if NOTHING_SKIPS:
        report.outcome = "failed"
        report.longrepr = f"TESTS_REQUIRE_PEERS=1 lets nothing be skipped: {report.longrepr}"
