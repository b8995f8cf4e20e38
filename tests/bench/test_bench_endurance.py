"""The benchmark of endurance still works."""

from __future__ import annotations

import pytest

from bench import wrk
from bench.__main__ import main


@pytest.mark.skipif(wrk.version() is None, reason="wrk is not installed")
def test_a_quick_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "endurance", "--quick"])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr().out
    assert ended.value.code == 0, shown
    assert "backlog at most" in shown
    assert shown.endswith("ok\n")
