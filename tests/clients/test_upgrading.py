"""What docs/install.md says of an older server on a newer database: it names the file, and changes nothing."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from serverprocess import running
from test_readme import ROOT

from headrace.store.embedded.documents.catalog import FORMAT
from headrace.store.embedded.segments.current import CURRENT_FORMAT


def newer_catalog(data: Path) -> None:
    with closing(sqlite3.connect(data / "catalog.sqlite")) as catalog:
        catalog.execute("UPDATE database SET format = format + 1")
        catalog.commit()


def newer_list(data: Path) -> None:
    listed = data / "segments" / "current.json"
    listed.write_text(json.dumps(json.loads(listed.read_text()) | {"format": CURRENT_FORMAT + 1}))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("newer") / "data"
    with running(data) as server:
        assert server.put({"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}})[0] == 204
        server.stop()
    return data


@pytest.mark.parametrize(
    ("make_newer", "said"),
    [
        (newer_catalog, f"catalog.sqlite: format {FORMAT + 1}; this server reads format {FORMAT}"),
        (
            newer_list,
            f"segments/current.json: format {CURRENT_FORMAT + 1}, this version of headrace reads 1 to {CURRENT_FORMAT}",
        ),
    ],
)
def test_an_older_server_on_a_newer_database(database: Path, make_newer: Callable[[Path], None], said: str) -> None:
    before = files(database)
    make_newer(database)
    newer = files(database)
    command = [sys.executable, "-m", "headrace", "serve", "--port", "0", "--data-dir", str(database)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"headrace: {database}/{said}"
    assert files(database) == newer
    for name, content in before.items():  # for the next one
        (database / name).write_bytes(content)
    # The page has the same sentences, of earlier numbers.
    pattern = re.sub(r"\d+", r"\\d+", re.escape(said))
    assert re.search(pattern, (ROOT / "docs" / "install.md").read_text())


def files(data: Path) -> dict[str, bytes]:
    """But for the lock, which has the process of who tried last."""
    return {
        str(path.relative_to(data)): path.read_bytes()
        for path in data.rglob("*")
        if path.is_file() and path.name != "lock"
    }
