from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from headrace import __version__, cli, config, log
from headrace.config import Settings
from headrace.rooms import ABOUT_ROOMS


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(config.variable_of(name), raising=False)
    monkeypatch.setenv(config.variable_of("port"), "0")
    monkeypatch.setattr(log, "configure", lambda *_: None)
    monkeypatch.chdir(tmp_path)


def headrace(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def test_version() -> None:
    assert headrace("--version").output == f"headrace, version {__version__}\n"


def test_help_of_serve_names_every_room() -> None:
    shown = headrace("serve", "--help").output
    for room in ABOUT_ROOMS:
        assert f"  {room.speaks} " in shown
        assert f"  {room.send[0].line}\n" in shown


def test_a_host_that_others_reach_is_refused_before_anything_starts() -> None:
    result = headrace("serve", "--host", "0.0.0.0", "--data-dir", "d")
    assert result.exit_code == 2
    assert "can be reached by others" in result.stderr
    assert not Path("d").exists()


def test_serve_gives_the_settings_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []
    server = ModuleType("headrace.serve")
    monkeypatch.setattr(server, "run", lambda settings, **_: seen.append(settings), raising=False)
    monkeypatch.setitem(sys.modules, "headrace.serve", server)
    assert CliRunner().invoke(cli.main, ["serve", "--port", "0", "--data-dir", "d"]).exit_code == 0
    assert seen == [Settings(port=(0,), data_dir=Path("d"))]
