"""What `headrace check-config` prints. What it finds on a machine: tests/preflight."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headrace import cli, config, log
from headrace.config import Settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(config.variable_of(name), raising=False)
    monkeypatch.setenv(config.variable_of("port"), "0")
    monkeypatch.setattr(log, "configure", lambda *_: None)
    monkeypatch.chdir(tmp_path)


def headrace(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def test_check_config_prints_toml_with_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.toml").write_text("seal_points = 5\n")
    monkeypatch.setenv("HEADRACE_LOG_LEVEL", "debug")
    result = headrace("check-config", "--config", "c.toml", "--port", "0", "--port", "0", "--insecure")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "port = [0, 0]  # --port" in lines
    assert "insecure = true  # --insecure" in lines
    assert 'log_level = "debug"  # HEADRACE_LOG_LEVEL' in lines
    assert "seal_points = 5  # c.toml" in lines
    assert 'host = "127.0.0.1"  # default' in lines
    assert list(tomllib.loads(result.stdout)) == list(Settings.model_fields)


def test_check_config_reads_what_it_prints() -> None:
    first = headrace("check-config", "--data-dir", 'a "quoted" dir', "--seal-age-s", "1.5").stdout
    Path("c.toml").write_text(first)
    second = headrace("check-config", "--config", "c.toml").stdout
    assert tomllib.loads(second) == tomllib.loads(first)
    assert "# default" not in second


def test_check_config_shows_no_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    given = '{"AKIDEXAMPLE": "hush-hush"}'
    monkeypatch.setenv("HEADRACE_DATAZONE_CREDENTIALS", given)
    shown = headrace("check-config")
    assert shown.exit_code == 0
    expected = 'datazone_credentials = { "AKIDEXAMPLE" = "**********" }  # HEADRACE_DATAZONE_CREDENTIALS'
    assert expected in shown.stdout.splitlines()
    for wrong in (given[:-1], '{"A/B": "hush-hush"}', '{"AKIDEXAMPLE": ["hush-hush"]}', '["hush-hush"]', '"hush-hush"'):
        monkeypatch.setenv("HEADRACE_DATAZONE_CREDENTIALS", wrong)
        refused = headrace("check-config")
        assert refused.exit_code == 2, wrong
        assert "datazone_credentials = " in refused.output
        assert "hush" not in refused.output


def test_check_config_loads_neither_kernels_nor_rooms() -> None:
    program = (
        "import sys\nfrom headrace import cli\ntry: cli.main(['check-config'])\nexcept SystemExit: pass\n"
        "slow = {'pyarrow', 'headrace.kernels.storing', 'headrace.protocols.opentsdb.room', 'cryptography'}\n"
        "assert not slow & set(sys.modules), 'check-config is slow'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
