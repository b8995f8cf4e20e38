"""One server at a time on a data directory; a killed one is in nobody's way."""

from __future__ import annotations

from pathlib import Path

import pytest
from serverprocess import ServerProcess, running


def test_a_second_server_refuses_to_start(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with running(data_dir) as first:
        assert first.process is not None
        second = ServerProcess(data_dir)
        with pytest.raises(AssertionError, match="the server ended at once") as ended:
            second.start()
        assert f"headrace: another server (process {first.process.pid}) uses the data directory" in str(ended.value)
        assert "Traceback" not in str(ended.value)
        assert second.process is not None
        assert second.process.returncode == 1
        point = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"host": "a"}}
        assert first.put(point)[0] == 204, "the first does not notice"
        first.kill()
        second.start()
        assert second.query(start=1_700_000_000, end=1_700_000_001, queries=[{"metric": "m", "aggregator": "sum"}])
        second.kill()
