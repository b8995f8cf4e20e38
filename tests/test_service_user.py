"""A server of a user without a home, whose program nobody may write: as services and images run it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from powerless import close, open_again, without_power_over_files
from serverprocess import ServerProcess

import headrace
from headrace.kernels import cache


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Path]:
    """A folder with a copy of the package, which has not compiled anything."""
    folder = tmp_path / "program"
    source = Path(headrace.__file__).parent
    shutil.copytree(source, folder / "headrace", ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    open_again(folder)


@pytest.mark.parametrize("home", ["given", "program/headrace/kernels/__pycache__", "data/cache"])
def test_it_starts_with_the_kernels_that_are_there(tmp_path: Path, program: Path, home: str) -> None:
    made = cache.in_use().folder
    assert made is not None
    shutil.copytree(made, tmp_path / home / made.name)
    close(program)
    if (tmp_path / "given").exists():
        close(tmp_path / "given")
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "HEADRACE_", "NUMBA_"))},
        "PYTHONPATH": str(program),
        "HOME": "/nonexistent",
        "HEADRACE_CACHE_DIR": str(tmp_path / "given"),
    }
    server = ServerProcess(tmp_path / "data", before=without_power_over_files(), environment=environment)
    server.start()
    try:
        point = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"k": "v"}}
        assert server.put([point]) == (204, b"")
        [series] = server.query(start=1_700_000_000, queries=[{"aggregator": "none", "metric": "m"}])
        assert series["dps"] == {"1700000000": 1}
        assert server.stop() == 0
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
    assert "Compiling" not in server.log.read_text()
    assert bool(list(program.rglob("compiled-*"))) == home.startswith("program")
