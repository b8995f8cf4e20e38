import sys

import pytest

from bench import kairos_query
from bench.__main__ import main


def test_quick_run_asks_every_question(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "kairos-query", "--quick"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert [row[0] for row in rows] == list(kairos_query.QUESTIONS)
    assert {row[1] for row in rows} == {"100,000", "100"}
