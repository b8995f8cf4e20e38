from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headrace import config
from headrace.config import Settings
from headrace.errors import Misconfigured
from headrace.loading import load, unknown_variables
from headrace.settings.one_line import to_toml


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HEADRACE_"):
            monkeypatch.delenv(name)


def problems(flags: dict[str, object], file: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(Misconfigured) as mistake:
        load(flags, file)
    return mistake.value.problems


def test_defaults_are_a_server_on_loopback_4242() -> None:
    loaded = load({})
    assert (loaded.settings.host, loaded.settings.port) == ("127.0.0.1", (4242,))
    assert loaded.settings.data_dir == Path("data")
    assert set(loaded.sources.values()) == {"default"}
    assert set(loaded.sources) == set(Settings.model_fields)


def test_flags_win_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text('seal_points = 1\nseal_age_s = 1\nlog_level = "error"\n')
    monkeypatch.setenv("HEADRACE_SEAL_POINTS", "2")
    monkeypatch.setenv("HEADRACE_SEAL_AGE_S", "2")
    loaded = load({"seal_points": "3"}, file)
    assert (loaded.settings.seal_points, loaded.settings.seal_age_s, loaded.settings.log_level) == (3, 2.0, "error")
    assert loaded.sources["seal_points"] == "--seal-points"
    assert loaded.sources["seal_age_s"] == "HEADRACE_SEAL_AGE_S"
    assert loaded.sources["log_level"] == str(file)
    assert loaded.sources["host"] == "default"


@pytest.mark.parametrize(
    ("text", "ports"), [("4242", (4242,)), ("4242,4243", (4242, 4243)), (" 0 , 65535 ", (0, 65535)), ("0,0", (0, 0))]
)
def test_ports_from_the_environment(text: str, ports: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PORT", text)
    assert load({}).settings.port == ports


@pytest.mark.parametrize(("toml", "ports"), [("port = 4243", (4243,)), ("port = [1, 2]", (1, 2))])
def test_ports_from_the_file(toml: str, ports: tuple[int, ...], tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(toml)
    assert load({}, tmp_path / "c.toml").settings.port == ports


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATA_DIR", "")
    assert load({}).settings.data_dir == Path("data")


def test_made_directly_it_asks_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PORT", "9")
    assert Settings().port == (4242,)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().insecure = True


def test_every_mistake_is_named_with_its_source_and_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text('log_format = "xml"\n')
    monkeypatch.setenv("HEADRACE_PORT", "tcp://10.0.0.1:4242")
    first, second, third = problems({"seal_age_s": "-1"}, file)
    assert first.startswith('port = "tcp://10.0.0.1:4242" (from HEADRACE_PORT) is not allowed: ')
    assert "integer" in first
    assert second == 'seal_age_s = "-1" (from --seal-age-s) is not allowed: input should be greater than 0.'
    assert third == f"log_format = \"xml\" (from {file}) is not allowed: input should be 'console' or 'json'."


@pytest.mark.parametrize("port", ["65536", "-1", "http", "4242,", "1.5", ""])
def test_impossible_ports(port: str) -> None:
    (problem,) = problems({"port": port})
    assert problem.startswith("port = ")


@pytest.mark.parametrize(
    ("text", "origins"),
    [("*", ("*",)), ("https://a.example, http://[::1]:3000", ("https://a.example", "http://[::1]:3000"))],
)
def test_origins(text: str, origins: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().cors_origins == ()
    assert load({"cors_origins": origins}).settings.cors_origins == origins
    monkeypatch.setenv("HEADRACE_CORS_ORIGINS", text)
    assert load({}).settings.cors_origins == origins


@pytest.mark.parametrize(
    "origin", ["grafana", "https://a.example/", "HTTPS://a.example", "https://*.a.example", "null"]
)
def test_what_is_no_origin(origin: str) -> None:
    """A browser would never send these, so they would allow nobody."""
    assert f'"{origin}" is no origin' in problems({"cors_origins": (origin,)})[0]


def test_host_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().host_names == ()
    monkeypatch.setenv("HEADRACE_HOST_NAMES", "tsdb, tsdb.example.net")
    assert load({}).settings.host_names == ("tsdb", "tsdb.example.net")


@pytest.mark.parametrize("name", ["http://tsdb.example.net", "tsdb:4242", "", "*.example.net", "a/b"])
def test_what_is_no_host_name(name: str) -> None:
    assert "host_names = " in problems({"host_names": (name,)})[0]


def test_no_port(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("port = []")
    assert "at least one port is needed" in problems({}, tmp_path / "c.toml")[0]


def test_the_same_port_twice() -> None:
    assert "the same port is given twice" in problems({"port": ("4242", "4242")})[0]


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_is_no_path(path: str) -> None:
    [problem] = problems({"data_dir": path})
    assert problem.endswith("(from --data-dir) is not allowed: write a path.")


@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "ten"])
def test_impossible_seconds(seconds: str) -> None:
    assert problems({"idle_timeout_s": seconds})[0].startswith("idle_timeout_s = ")


def test_an_unknown_key_is_named_with_the_nearest_setting(tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text('data-dir = "/d"\nzzz = 1\n')
    first, second = problems({}, file)
    assert first == f'{file}: "data-dir" is not a setting; did you mean data_dir?'
    assert second.startswith(f'{file}: "zzz" is not a setting; there are host, port, ')


def test_a_file_that_is_absent_or_no_toml(tmp_path: Path) -> None:
    assert problems({}, tmp_path / "gone.toml") == (f"The configuration file {tmp_path / 'gone.toml'} does not exist.",)
    for content in (b"port = = 1", b"\xff"):
        (tmp_path / "bad.toml").write_bytes(content)
        assert "can not be read" in problems({}, tmp_path / "bad.toml")[0]


@pytest.mark.parametrize("prefix", ["", "/base", "/a/b-c_d.~9"])
def test_prefixes_of_datazone(prefix: str) -> None:
    assert load({"datazone_prefix": prefix}).settings.datazone_prefix == prefix


@pytest.mark.parametrize("prefix", ["base", "/", "/base/", "//", "/a b", "/a%20b", "/é", "/a\n"])
def test_impossible_prefixes_of_datazone(prefix: str) -> None:
    assert "write a path without a slash at its end" in problems({"datazone_prefix": prefix})[0]


def test_credentials_of_datazone(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[datazone_credentials]\nAKID = "se/cret+="\n')
    for loaded in (load({}, tmp_path / "c.toml"), load({"datazone_credentials": '{"AKID": "se/cret+="}'})):
        [(key_id, secret)] = loaded.settings.datazone_credentials.items()
        assert (key_id, secret.get_secret_value()) == ("AKID", "se/cret+=")
        assert "se/cret" not in repr(loaded)
    for wrong in ('{"": "x"}', '{"AKID": ""}', '{"A/B": "x"}'):
        assert "an access key id or a secret is empty" in problems({"datazone_credentials": wrong})[0]


def test_types_of_kairosdb(tmp_path: Path) -> None:
    types = {"position": {"latitude": "double", "floor": "long", "name": "string"}}
    assert load({"kairosdb_types": json.dumps(types)}).settings.kairosdb_types == types
    (tmp_path / "c.toml").write_text(
        '[kairosdb_types.position]\nlatitude = "double"\nfloor = "long"\nname = "string"\n'
    )
    assert load({}, tmp_path / "c.toml").settings.kairosdb_types == types


@pytest.mark.parametrize(
    "text",
    ["{", '{"position": {}}', '{"long": {"a": "long"}}', '{"position": {"a": "int"}}', '{"": {"a": "long"}}', "[]"],
)
def test_bad_types_of_kairosdb(text: str) -> None:
    (problem,) = problems({"kairosdb_types": text})
    assert problem.startswith("kairosdb_types = ")


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("90d", {"default": "90d"}),
        ("sys.*=30d, default=1y", {"sys.*": "30d", "default": "1y"}),
        ("a=b=2h", {"a=b": "2h"}),
    ],
)
def test_retention_in_one_line(text: str, rules: dict[str, str]) -> None:
    assert load({"retention": text}).settings.retention == rules


def test_retention_from_the_file_keeps_its_order(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[retention]\n"sys.debug.*" = "12h"\n"sys.*" = "30d"\ndefault = "0"\n')
    rules = load({}, tmp_path / "c.toml").settings.retention
    assert list(rules.items()) == [("sys.debug.*", "12h"), ("sys.*", "30d"), ("default", "0")]


@pytest.mark.parametrize("text", ["", "30", "0d", "1.5h", "-1d", "sys.*=", "=3d", "a=1d,a=2d", "sys.*=1d,2d", "1 d"])
def test_impossible_retention(text: str) -> None:
    assert problems({"retention": text})[0].startswith("retention = ")


def test_sizes_and_times_may_have_units(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('disk_reserve_bytes = "2GiB"\nseal_age_s = 300\n')
    monkeypatch.setenv("HEADRACE_QUERY_TIMEOUT_S", "1m")
    settings = load({"body_bytes_max": "16MB", "idle_timeout_s": "250ms"}, tmp_path / "c.toml").settings
    assert (settings.body_bytes_max, settings.disk_reserve_bytes) == (16_000_000, 2**31)
    assert (settings.query_timeout_s, settings.idle_timeout_s, settings.seal_age_s) == (60, 0.25, 300)


def test_variables_that_nobody_looks_at_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HEADRACE_"):
            monkeypatch.delenv(name)
    for name in ("HEADRACE_PORT", "HEADRACE_CONFIG", "HEADRACE_TOKEN", "HEADRACE_CACHE_DIR", "headrace_host", "OTHER"):
        monkeypatch.setenv(name, "1")
    assert unknown_variables() == []
    monkeypatch.setenv("HEADRACE_PROT", "4243")
    [sentence] = unknown_variables()
    assert sentence == 'the variable HEADRACE_PROT is not looked at: "prot" is not a setting; did you mean port?'


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    assert load({"host": host}).settings.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "2001:db8::1", "example.org", "127.0.0.1.example.org"])
def test_any_other_host_needs_insecure(host: str) -> None:
    (problem,) = problems({"host": host})
    assert f"Host {host} can be reached by others" in problem
    assert "--insecure" in problem
    assert load({"host": host, "insecure": True}).settings.host == host


def test_every_setting_has_a_description_and_an_own_flag_and_variable() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name
    assert config.flag_of("data_dir") == "--data-dir"
    assert config.variable_of("data_dir") == "HEADRACE_DATA_DIR"


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")))


@given(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
)
def test_toml_spelling_is_read_back(value: object) -> None:
    assert tomllib.loads(f"x = {to_toml(value)}\ny = {to_toml((value, value))}") == {
        "x": value,
        "y": [value, value],
    }


TOKEN = {"token": "hush", "scopes": ["read"], "collections": {"plant": "owner"}}


def test_tokens_of_apollo_in_one_line_and_as_a_table(tmp_path: Path) -> None:
    one_line = load({"apollo_tokens": json.dumps({"meter": TOKEN})}).settings.apollo_tokens["meter"]
    assert (one_line.token.get_secret_value(), one_line.default()) == ("hush", "plant")
    table = '[apollo_tokens.meter]\ntoken = "hush"\nscopes = ["read"]\ncollections = { plant = "owner" }\n'
    (tmp_path / "c.toml").write_text(table)
    taken = load({}, tmp_path / "c.toml").settings.apollo_tokens
    assert taken == {"meter": one_line}
    shown = tomllib.loads(f"tokens = {to_toml(taken)}")["tokens"]
    assert shown == {"meter": TOKEN | {"token": "**********"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scopes": ["all"]}, "meter.scopes.0"),
        ({"scopes": []}, "meter.scopes"),
        ({"token": ""}, "meter.token"),
        ({"collections": {"plant": "guest"}}, "meter.collections.plant"),
        ({"default_collection": "office"}, "none of its collections"),
        ({"tokn": "x"}, "meter.tokn"),
    ],
)
def test_mistakes_in_tokens_are_told_without_them(change: dict[str, object], words: str) -> None:
    told = problems({"apollo_tokens": json.dumps({"meter": TOKEN | change})})
    assert words in told[0]
    assert not any("hush" in problem for problem in told)


def test_two_tokens_differ() -> None:
    (problem,) = problems({"apollo_tokens": json.dumps({"one": TOKEN, "two": TOKEN})})
    assert '"one" and "two" have the same token' in problem
    assert "hush" not in problem
    (problem,) = problems({"apollo_tokens": "hush"})
    assert "write it as JSON" in problem
    assert "hush" not in problem
