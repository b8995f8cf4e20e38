"""A flag for every setting, as `serve` and `check-config` have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headrace import cli, config, log
from headrace.commands.settings_flags import EXIT_MISCONFIGURED
from headrace.config import Settings
from headrace.settings.allowed import allowed
from headrace.settings.one_line import to_toml


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(config.variable_of(name), raising=False)
    monkeypatch.setenv(config.variable_of("port"), "0")
    monkeypatch.setattr(log, "configure", lambda *_: None)
    monkeypatch.chdir(tmp_path)


def headrace(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


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
        behind = f"[{allowed(field)}; {config.variable_of(name)}; default: {to_toml(field.default)}]"
        assert behind.replace(" ", "") in shown.replace(" ", "")  # lines break behind hyphens, too
    assert "--config" in shown


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


@pytest.mark.parametrize("name", sorted(config.SECRETS))
@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_a_secret_is_no_flag(command: str, name: str) -> None:
    """Not that it helps for the one that was typed; but nobody goes on with it."""
    for given in (("--data-dir", "d", config.flag_of(name), "hush"), (f"{config.flag_of(name)}=hush",)):
        refused = headrace(command, *given)
        assert refused.exit_code == EXIT_MISCONFIGURED
        assert "every user of this machine can see a command line" in refused.stderr
        assert f"set {config.variable_of(name)}." in refused.stderr
        assert "hush" not in refused.output
    assert not Path("d").exists()


def test_config_file_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.toml").write_text("seal_points = 77\n")
    monkeypatch.setenv("HEADRACE_CONFIG", "c.toml")
    assert "seal_points = 77  # c.toml" in headrace("check-config").stdout.splitlines()


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_mistakes_are_sentences_and_exit_code_2(command: str) -> None:
    result = headrace(command, "--telnet", "smtp", "--log-format", "xml")
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith('headrace: telnet = "smtp" (from --telnet) is not allowed: ')
    assert second.startswith('headrace: log_format = "xml" (from --log-format) is not allowed: ')


def test_no_insecure_overrides_the_file() -> None:
    Path("c.toml").write_text('insecure = true\nhost = "0.0.0.0"\n')
    assert headrace("check-config", "--config", "c.toml").exit_code == 0
    assert headrace("check-config", "--config", "c.toml", "--no-insecure").exit_code == 2
