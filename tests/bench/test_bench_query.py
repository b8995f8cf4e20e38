import json
import sys
from pathlib import Path

import pytest

from bench import query
from bench.__main__ import main


def test_the_data_is_the_same_each_time_and_whole() -> None:
    points = [point for body in query.bodies(2) for point in json.loads(body)]
    assert points == [point for body in query.bodies(2) for point in json.loads(body)]
    names = {(p["metric"], p["timestamp"], *p["tags"].values()) for p in points}
    assert len(names) == len(points) == 2 * (query.HOSTS * query.CORES_A_HOST + 60)


def test_quick_run_writes_table_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "query", "--quick", "--only", "headrace", "--results", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().out
    assert ended.value.code == 0, printed
    (written,) = tmp_path.glob("query-*.json")
    cells = {cell["question"]: cell for cell in json.loads(written.read_text())["cells"]}
    assert cells.keys() == {question.name for question in query.QUESTIONS}
    assert all(cell["answer_bytes"] > 50 for cell in cells.values())
