"""The setting `listeners`: as tables, as JSON in one line, and what is said of each mistake."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from certified import Authority

from headrace.config import Settings
from headrace.errors import Misconfigured
from headrace.loading import load
from headrace.settings.listeners import ListenerSettings, Telnet, of_ports, reached_by_others
from headrace.settings.one_line import to_toml
from headrace.settings.pem import PemFiles

HERE = "127.0.0.1:4242"
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HEADRACE_"):
            monkeypatch.delenv(name)


def listening(**flags: Any) -> tuple[ListenerSettings, ...]:
    return load(flags).settings.listening


def problem(*listeners: Any, **flags: Any) -> str:
    with pytest.raises(Misconfigured) as mistake:
        load({"listeners": json.dumps(listeners), **flags})
    [sentence] = mistake.value.problems
    return sentence


TABLES = """
[[listeners]]
address = "127.0.0.1:4242"
rooms = ["headrace"]
trusted = true

[[listeners]]
address = "[::1]:4243"
telnet = "kairosdb"
http = false
read_only = true
"""

BOTH = (
    ListenerSettings(address=HERE, rooms=("headrace",), trusted=True),
    ListenerSettings(address="[::1]:4243", telnet="kairosdb", http=False, read_only=True),
)


def test_as_tables_and_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.toml").write_text(TABLES)
    assert load({}, tmp_path / "c.toml").settings.listening == BOTH
    texts = [listener.model_dump_json(exclude_defaults=True) for listener in BOTH]
    assert listening(listeners=tuple(texts)) == BOTH, "a flag, given twice"
    assert listening(listeners=f"[{','.join(texts)}]") == BOTH
    assert listening(listeners=texts[0]) == BOTH[:1]
    monkeypatch.setenv("HEADRACE_LISTENERS", f"[{','.join(texts)}]")
    assert listening() == BOTH


def test_what_is_shown_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(f"listeners = {to_toml(BOTH)}\n")
    assert load({}, tmp_path / "c.toml").settings.listening == BOTH
    assert tomllib.loads(f"x = {to_toml(BOTH)}")["x"][0]["rooms"] == ["headrace"]


def test_ports_mean_listeners() -> None:
    assert [one.address for one in listening()] == [HERE]
    found = listening(host="::1", port="4242,0", telnet="kairosdb")
    assert [(one.address, one.host, one.port) for one in found] == [("[::1]:4242", "::1", 4242), ("[::1]:0", "::1", 0)]
    assert {(one.telnet_room, one.http, one.rooms, one.tls) for one in found} == {("kairosdb", True, None, None)}
    assert of_ports("example.org", [80], "opentsdb")[0].host == "example.org"


@pytest.mark.parametrize("name", ["host", "port", "telnet"])
def test_they_stand_in_for_ports(name: str) -> None:
    value = {"host": "127.0.0.1", "port": "4242", "telnet": "opentsdb"}[name]
    assert problem({"address": HERE}, **{name: value}) == f"Listeners stand in for {name}: give one or the other."


def test_telnet_is_that_of_the_other_setting() -> None:
    assert get_args(Telnet) == get_args(Settings.model_fields["telnet"].annotation)


@pytest.mark.parametrize(
    ("listener", "room"),
    [
        ({}, "opentsdb"),
        ({"telnet": "off"}, None),
        ({"telnet": "kairosdb"}, "kairosdb"),
        ({"rooms": ["headrace"]}, None),
        ({"rooms": ["kairosdb"], "telnet": "kairosdb"}, "kairosdb"),
        ({"rooms": ["kairosdb", "opentsdb"]}, "opentsdb"),
    ],
)
def test_telnet_unless_said(listener: dict[str, Any], room: str | None) -> None:
    assert ListenerSettings(address=HERE, **listener).telnet_room == room


@pytest.mark.parametrize(
    "address", [HERE, "[::1]:4242", "localhost:0", "[::ffff:127.0.0.1]:65535", "0.0.0.0:1", "[fe80::1%eth0]:1", "a.b:1"]
)
def test_addresses(address: str) -> None:
    found = ListenerSettings(address=address)
    assert f"{found.host}:{found.port}" == address.replace("[", "").replace("]", "")


@pytest.mark.parametrize(
    "address", ["", "4242", "127.0.0.1", ":4242", "::1:4242", "[::1]", "a b:1", "127.0.0.1:65536", "127.0.0.1:", "a:-1"]
)
def test_what_is_no_address(address: str) -> None:
    assert f'0: "{address}" is no address: write host and port, such as ' in problem({"address": address})


@pytest.mark.parametrize(
    ("listeners", "words"),
    [
        ([{"telnet": "off"}], "0.address: field required"),
        ([{"address": HERE}, {"address": "[::1]:1", "telnt": "off"}], '1: it has no "telnt"; did you mean telnet?'),
        ([{"address": HERE, "port": 1}], '0: it has no "port"; there are address, telnet'),
        ([{"address": HERE, "telnet": "smtp"}], "0.telnet"),
        ([{"address": HERE, "rooms": ["influx"]}], "0.rooms.0: input should be 'opentsdb', 'kairosdb'"),
        ([{"address": HERE, "rooms": []}], "0: rooms is empty"),
        ([{"address": HERE, "http": False, "telnet": "off"}], "speaks neither HTTP nor telnet"),
        ([{"address": HERE, "http": False, "rooms": ["headrace"]}], "speaks neither HTTP nor telnet"),
        ([{"address": HERE, "telnet": "kairosdb", "rooms": ["headrace"]}], 'telnet = "kairosdb" needs that room'),
        ([{"address": HERE}, {"address": HERE}], f"{HERE} is there twice"),
        ([{"address": HERE}, {"address": "0.0.0.0:4242"}], f"0.0.0.0:4242 is {HERE}, too: give it another port"),
        ([{"address": "[::]:1"}, {"address": "[::1]:1"}], "[::]:1 is [::1]:1, too"),
        ([{"address": HERE, "tls_key": "k"}], "tls_certificate and tls_key go together"),
        ([{"address": HERE, "tls_certificate": "c"}], "tls_certificate and tls_key go together"),
        ([{"address": HERE, "tls_client_ca": "c"}], "tls_client_ca needs TLS"),
        ([HERE], "0: input should be a valid dictionary"),
    ],
)
def test_mistakes(listeners: Any, words: str) -> None:
    sentence = problem(*listeners)
    assert words in sentence
    assert sentence.startswith("listeners = ")
    assert sentence.endswith(".")


def test_what_is_no_json() -> None:
    with pytest.raises(Misconfigured) as mistake:
        load({"listeners": ("127.0.0.1:4242",)})
    assert 'write it as JSON, such as {"address": ' in mistake.value.problems[0]


def test_names_and_versions_of_ip_may_share_a_port() -> None:
    for addresses in (("a.example:1", "b.example:1"), ("0.0.0.0:1", "[::]:1"), ("[::1]:1", "127.0.0.1:1")):
        there = json.dumps([{"address": address} for address in addresses])
        assert len(listening(listeners=there, insecure=True)) == 2


def test_free_ports_may_be_many() -> None:
    assert len(listening(listeners=json.dumps([{"address": "127.0.0.1:0"}] * 2))) == 2


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.org:1", "127.0.0.1.example.org:1"])
def test_each_that_others_reach_needs_insecure(address: str) -> None:
    listeners: list[Any] = [{"address": HERE}, {"address": address, "trusted": True}]
    sentence = problem(*listeners)
    assert sentence.startswith(f"Host {address.rpartition(':')[0].strip('[]')} can be reached by others")
    assert "--insecure" in sentence
    assert len(listening(listeners=json.dumps(listeners), insecure=True)) == 2
    assert reached_by_others(ListenerSettings(address=HERE), asking=False) is None


def test_others_may_reach_what_asks_for_credentials() -> None:
    beyond = ListenerSettings(address="0.0.0.0:1")
    assert reached_by_others(beyond, asking=True) is None
    assert "take trusted out" in str(reached_by_others(beyond.model_copy(update={"trusted": True}), asking=True))


def test_tls_needs_files_that_can_be_used(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue()
    there = {"address": HERE, "tls_certificate": str(files.certificate), "tls_key": str(files.key)}
    ca = {"tls_client_ca": str(authority.root)}
    [plain] = listening(listeners=json.dumps([there]))
    [asking] = listening(listeners=json.dumps([there | ca]))
    assert plain.tls == files
    assert asking.tls == PemFiles(files.certificate, files.key, authority.root)
    missing = str(tmp_path / "none.pem")
    for key in ("tls_certificate", "tls_key", "tls_client_ca"):
        sentence = problem(there | ca | {key: missing})
        assert sentence.endswith(f"0: {missing} can not be read: No such file or directory.")


def test_a_mistake_is_one_sentence_on_standard_error_and_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as mistake:
        load({"listeners": json.dumps([{"address": "x"}, {"address": HERE, "telnet": "smtp"}]), "log_format": "xml"})
    assert len(mistake.value.problems) == 3


def test_the_listeners_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Authority(tmp_path, "agents-ca").issue("server")
    [tables] = re.findall(r"^```toml\n([^`]*\[\[listeners\]\][^`]*)^```$", PAGE.read_text(), re.MULTILINE)
    Path("headrace.toml").write_text(tables)
    inside, status, kairos, agents = load({}, Path("headrace.toml")).settings.listening
    assert (inside.rooms, inside.telnet_room, inside.tls) == (None, "opentsdb", None)
    assert (status.rooms, status.telnet_room) == (("headrace",), None)
    assert (kairos.telnet_room, kairos.tls) == ("kairosdb", PemFiles(Path("server.pem"), Path("server.key")))
    assert agents.tls is not None
    assert (agents.http, agents.tls.client_ca) == (False, Path("agents-ca.pem"))
    for spelled in re.findall(r"HEADRACE_LISTENERS='([^']+)'|--listeners '([^']+)'", PAGE.read_text()):
        assert listening(listeners="".join(spelled)) == (ListenerSettings(address=HERE),)


def test_the_page_has_a_row_for_every_key() -> None:
    _, _, section = PAGE.read_text().partition("\n## Listeners\n")
    keys = [
        cell
        for row in re.findall(r"^\| (`.*?) \|", section.partition("\n## ")[0], re.MULTILINE)
        for cell in row.split(", ")
    ]
    assert {key.strip("`") for key in keys} == set(ListenerSettings.model_fields)
