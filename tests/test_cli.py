from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from headrace import __version__, cli, config
from headrace.config import Settings
from headrace.rooms import ABOUT_ROOMS


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(config.variable_of(name), raising=False)
    monkeypatch.chdir(tmp_path)


def headrace(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def test_version() -> None:
    assert headrace("--version").output == f"headrace, version {__version__}\n"


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_help_shows_every_setting_with_flag_and_variable(command: str) -> None:
    shown = " ".join(headrace(command, "--help").output.split())
    for name, field in Settings.model_fields.items():
        if name in config.SECRETS:
            assert config.flag_of(name) not in shown
            continue
        assert config.flag_of(name) in shown
        assert config.variable_of(name) in shown
        assert str(field.description) in shown
    assert "--config" in shown


def test_help_of_serve_names_every_room() -> None:
    shown = headrace("serve", "--help").output
    for room in ABOUT_ROOMS:
        assert f"  {room.speaks} " in shown
        assert f"  {room.send[0].line}\n" in shown


def test_help_says_what_a_flag_takes() -> None:
    shown = headrace("serve", "--help").output
    for flag in (
        "--data-dir DIR",
        "--series-max SERIES",
        "--series-per-hour-max SERIES",
        "--body-bytes-max BYTES",
        "--seal-age-s S",
        "--log-format console|json",
    ):
        assert f"  {flag} " in shown


def test_check_config_prints_toml_with_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.toml").write_text("seal_points = 5\n")
    monkeypatch.setenv("HEADRACE_LOG_LEVEL", "debug")
    result = headrace("check-config", "--config", "c.toml", "--port", "1", "--port", "2", "--insecure")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "port = [1, 2]  # --port" in lines
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


@pytest.mark.parametrize("name", sorted(config.SECRETS))
@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_a_secret_is_no_flag(command: str, name: str) -> None:
    """Not that it helps for the one that was typed; but nobody goes on with it."""
    for given in (("--data-dir", "d", config.flag_of(name), "hush"), (f"{config.flag_of(name)}=hush",)):
        refused = headrace(command, *given)
        assert refused.exit_code == 2
        assert "every user of this machine can see a command line" in refused.stderr
        assert f"set {config.variable_of(name)}." in refused.stderr
        assert "hush" not in refused.output
    assert not Path("d").exists()


def test_config_file_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.toml").write_text("port = 77\n")
    monkeypatch.setenv("HEADRACE_CONFIG", "c.toml")
    assert "port = [77]  # c.toml" in headrace("check-config").stdout.splitlines()


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_mistakes_are_sentences_and_exit_code_2(command: str) -> None:
    result = headrace(command, "--telnet", "smtp", "--log-format", "xml")
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith('headrace: telnet = "smtp" (from --telnet) is not allowed: ')
    assert second.startswith('headrace: log_format = "xml" (from --log-format) is not allowed: ')


def test_a_host_that_others_reach_is_refused_before_anything_starts() -> None:
    result = headrace("serve", "--host", "0.0.0.0", "--data-dir", "d")
    assert result.exit_code == 2
    assert "can be reached by others" in result.stderr
    assert not Path("d").exists()


def test_no_insecure_overrides_the_file() -> None:
    Path("c.toml").write_text('insecure = true\nhost = "0.0.0.0"\n')
    assert headrace("check-config", "--config", "c.toml").exit_code == 0
    assert headrace("check-config", "--config", "c.toml", "--no-insecure").exit_code == 2


def test_serve_gives_the_settings_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []
    server = ModuleType("headrace.serve")
    monkeypatch.setattr(server, "run", lambda settings, **_: seen.append(settings), raising=False)
    monkeypatch.setitem(sys.modules, "headrace.serve", server)
    assert CliRunner().invoke(cli.main, ["serve", "--port", "0", "--data-dir", "d"]).exit_code == 0
    assert seen == [Settings(port=(0,), data_dir=Path("d"))]


def test_check_config_loads_neither_kernels_nor_rooms() -> None:
    program = (
        "import sys\nfrom headrace import cli\ntry: cli.main(['check-config'])\nexcept SystemExit: pass\n"
        "assert not {'numba', 'numpy', 'pyarrow'} & set(sys.modules), 'check-config is slow'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
