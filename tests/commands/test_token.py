"""`headrace token` as a program, without a server: tests/test_tokens_across_rooms.py has one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headrace import cli

TOKEN = re.compile(r"headrace_([0-9a-f]{12})_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there" / "yet"


def headrace(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["token", *arguments, "--data-dir", str(data)])


def listed(data: Path) -> list[dict[str, Any]]:
    said = headrace(data, "list", "--json")
    assert said.exit_code == 0
    found: list[dict[str, Any]] = json.loads(said.stdout)
    return found


def test_the_token_alone_is_on_standard_output(data: Path) -> None:
    said = headrace(data, "create", "grafana", "--may", "read", "--room", "opentsdb", "--expires", "90d")
    assert said.exit_code == 0
    found = TOKEN.fullmatch(said.stdout)
    assert found
    assert f'made the token "grafana" ({found[1]}, until ' in said.stderr
    assert f"in {data}/access.sqlite; it is shown this once" in said.stderr
    assert found[0][-44:-1] not in said.stderr
    [one] = listed(data)
    assert (one["name"], one["id"], one["state"]) == ("grafana", found[1], "holds")
    assert one["grants"] == [{"may": ["read"], "rooms": ["opentsdb"]}]
    assert found[0][-44:-1] not in json.dumps(one)
    table = headrace(data, "list").stdout
    assert re.match(r"NAME +ID +MAY +CREATED +EXPIRES +LAST USE +STATE\ngrafana +\w{12} +read in opentsdb +", table)


def test_all_that_a_principal_of_the_settings_may_have(data: Path) -> None:
    said = headrace(
        *(data, "create", "both", "--may", "read", "--may", "write", "--room", "apollo"),
        *("--grant", '{"may": ["delete"], "rooms": ["kairosdb"]}', "--grant", '{"may": ["admin"]}'),
        *("--collection", "plant=readwrite", "--collection", "a=b=readonly", "--default-collection", "plant"),
    )
    assert said.exit_code == 0, said.stderr
    [one] = listed(data)
    assert one["grants"] == [
        {"may": ["delete"], "rooms": ["kairosdb"]},
        {"may": ["admin"]},
        {"may": ["read", "write"], "rooms": ["apollo"]},
    ]
    assert one["collections"] == {"plant": "readwrite", "a=b": "readonly"}
    assert one["default_collection"] == "plant"
    assert one["expires"] is None
    assert headrace(data, "create", "some", "--may", "read", "--metric", "plant.*", "--domain", "dzd_a").exit_code == 0
    assert listed(data)[1]["grants"] == [{"may": ["read"], "metrics": ["plant.*"], "domains": ["dzd_a"]}]
    assert "read in plant.* in dzd_a" in headrace(data, "list").stdout


def test_revoke_and_rotate(data: Path) -> None:
    first = headrace(data, "create", "ann", "--may", "read").stdout
    said = headrace(data, "rotate", "ann", "--overlap", "1h", "--expires", "30d")
    assert TOKEN.fullmatch(said.stdout)
    assert said.stdout != first
    assert said.stderr.endswith("; the old one holds 1h longer\n")
    assert [one["state"] for one in listed(data)] == ["holds", "holds"]
    said = headrace(data, "rotate", "ann")
    assert said.stderr.endswith("; the old one holds no longer\n")
    assert [one["state"] for one in listed(data)] == ["revoked", "revoked", "holds"]
    assert listed(data)[2]["expires"] is not None
    said = headrace(data, "revoke", "ann")
    assert (said.exit_code, said.stdout) == (0, "")
    assert said.stderr.startswith('headrace: revoked the token "ann" (')
    assert {one["state"] for one in listed(data)} == {"revoked"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "a b", "--may", "read"), '"a b" is no name'),
        (("create", "ann"), "it is granted nothing: give --may, as in --may read, or --grant"),
        (("create", "ann", "--room", "apollo"), "grants.0.may: at least one is needed"),
        (("create", "ann", "--may", "fly"), "grants.0.may.0: input should be 'read', 'write', 'delete' or 'admin'"),
        (("create", "ann", "--may", "read", "--room", "x"), "grants.0.rooms.0: input should be 'opentsdb'"),
        (("create", "ann", "--grant", "{"), "--grant: write it as JSON"),
        (("create", "ann", "--grant", '{"can": ["read"]}'), "grants.0.can: extra inputs are not permitted"),
        (("create", "ann", "--may", "read", "--collection", "plant"), "--collection: write a name and a permission"),
        (("create", "ann", "--may", "read", "--collection", "p=q"), "collections.p: input should be 'readonly'"),
        (("create", "ann", "--may", "read", "--default-collection", "p"), "is none of its collections"),
        (("create", "ann", "--may", "read", "--expires", "soon"), '--expires: "soon" is no duration'),
        (("create", "ann", "--may", "read", "--expires", "101y"), "--expires: 101y is more than a hundred years"),
        (("rotate", "ann", "--overlap", "x"), '--overlap: "x" is no duration'),
    ],
)
def test_mistakes_are_sentences_and_exit_code_2(data: Path, arguments: tuple[str, ...], said: str) -> None:
    result = headrace(data, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("headrace: ")
    assert said in result.stderr
    assert not data.exists()


def test_what_cannot_be_done_is_a_sentence_and_exit_code_1(data: Path) -> None:
    def failed(*arguments: str) -> str:
        result = headrace(data, *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        return result.stderr

    for command in ("revoke", "rotate"):
        assert failed(command, "ann") == f"headrace: there are no tokens in {data}\n"
    assert headrace(data, "list").stdout == "no tokens\n"
    assert not data.exists()
    headrace(data, "create", "ann", "--may", "read")
    assert 'there is a token "ann" already' in failed("create", "ann", "--may", "read")
    assert 'there is no token "bob" that holds' in failed("revoke", "bob")
    (data / "access.sqlite").write_bytes(b"x" * 5000)
    for arguments in (("list",), ("revoke", "ann"), ("create", "bob", "--may", "read")):
        assert failed(*arguments).startswith(f"headrace: {data}/access.sqlite: ")


def test_where_is_told_by_file_and_variable_and_nothing_else_counts(tmp_path: Path) -> None:
    """A server that others reach may not start without a principal: so no other setting is looked at."""
    file = tmp_path / "headrace.toml"
    file.write_text(f'host = "0.0.0.0"\nseal_points = -1\ndata_dir = "{tmp_path / "data"}"\n')
    made = ["token", "create", "ann", "--may", "read"]
    assert CliRunner().invoke(cli.main, [*made, "--config", str(file)]).exit_code == 0
    assert (tmp_path / "data" / "access.sqlite").exists()
    variables = {"HEADRACE_DATA_DIR": str(tmp_path / "other"), "HEADRACE_PORT": "x"}
    assert CliRunner(env=variables).invoke(cli.main, made).exit_code == 0
    assert (tmp_path / "other" / "access.sqlite").exists()
    file.write_text("data_dir = 1\n")
    assert CliRunner().invoke(cli.main, [*made, "--config", str(file)]).exit_code == 2
