import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import query
from bench.__main__ import main


def test_the_data_is_the_same_each_time_and_whole() -> None:
    points = [
        point for sender in range(query.SENDERS) for body in query.bodies(2, sender) for point in json.loads(body)
    ]
    assert points == [
        point for sender in range(query.SENDERS) for body in query.bodies(2, sender) for point in json.loads(body)
    ]
    names = {(p["metric"], p["timestamp"], *p["tags"].values()) for p in points}
    assert len(names) == len(points) == 2 * query.POINTS_A_MINUTE
    assert {p["timestamp"] for p in points} == set(range(query.START_S, query.START_S + 120))
    assert all(45 <= p["value"] < 55 for p in points)


def test_values_are_compared() -> None:
    times, values = np.array([0, 60]), np.array([1.0, 2.0])
    expected: query.Answers = {("a",): (times, values)}
    assert query.compared(expected, expected) == "equal (2)"
    assert query.compared({("a",): (times, values + 1e-6)}, expected) == "differ: values of ('a',)"
    assert query.compared({("a",): (times + 1, values)}, expected) == "differ: times of ('a',)"
    assert query.compared({}, expected) == "differ: 0 results, not 1"


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
