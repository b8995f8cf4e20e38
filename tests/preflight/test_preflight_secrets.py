"""Secrets that everybody on the machine may read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from certified import Authority

from headrace.config import variable_of
from headrace.loading import load
from headrace.preflight.secrets import secrets
from headrace.settings.principals import TOKENS_FILE

PRINCIPAL = '[principals.a]\ntoken = "0123456789abcdef"\ngrants = [{ may = ["read"] }]\n'


def test_files_that_are_for_all(tmp_path: Path) -> None:
    config, tokens = tmp_path / "c.toml", tmp_path / TOKENS_FILE
    files = Authority(tmp_path).issue()
    certificate, key = files.certificate, files.key
    listener = {"address": "127.0.0.1:0", "tls_certificate": str(certificate), "tls_key": str(key)}
    config.write_text(PRINCIPAL)
    tokens.touch()
    loaded = load({"listeners": (json.dumps(listener),), "data_dir": str(tmp_path)}, config)
    for file in (config, tokens, key):
        file.chmod(0o640)
    assert list(secrets(loaded)) == []
    for file in (config, tokens, key):
        file.chmod(0o644)
    found = list(secrets(loaded))
    assert not any(one.is_error for one in found)
    assert [one.what for one in found] == [
        f"principals: {config} holds secrets and may be read by everybody on this machine; chmod o-r {config}",
        f"listeners: {key} holds a private key and may be read by everybody on this machine; chmod o-r {key}",
        f"data_dir: {tokens} holds hashes of tokens and may be read by everybody on this machine; chmod o-r {tokens}",
    ]


def test_a_file_without_secrets_and_secrets_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "c.toml"
    config.write_text("seal_points = 5\n")
    monkeypatch.setenv(variable_of("datazone_credentials"), '{"AKID": "secret"}')
    assert list(secrets(load({}, config))) == []
