"""Mistakes in principals, and what is said of them; secrets are in no sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.access.authority import Authority
from headrace.access.principals import of_settings
from headrace.errors import Misconfigured
from headrace.loading import load
from headrace.settings.one_line import to_toml

TOKEN = "0123456789abcdef"
READS = [{"may": ["read"]}]


def test_as_a_file_says_it(tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(
        """
        host = "0.0.0.0"

        [principals.grafana]
        password = "s3cret"
        grants = [{ may = ["read"], rooms = ["opentsdb"] }, { may = ["read"], rooms = ["headrace"] }]

        [principals."collectd@db1"]
        token = "0123456789abcdef"
        grants = [{ may = ["write"] }]
        """
    )
    settings = load({}, file).settings
    assert list(settings.principals) == ["grafana", "collectd@db1"]
    assert settings.principals["grafana"].grants[1].rooms == ("headrace",)
    assert settings.asks_for_credentials


def test_in_one_line() -> None:
    said = '{"a": {"token": "0123456789abcdef", "grants": [{"may": ["read", "write"]}]}}'
    assert load({"principals": said}).settings.principals["a"].grants[0].may == ("read", "write")


@pytest.mark.parametrize(
    ("principals", "why"),
    [
        ({"a": {"grants": READS}}, "a: it has no token, password, AWS keys or certificate"),
        ({"a": {"token": TOKEN}}, "a.grants: field required"),
        ({"a": {"token": TOKEN, "grants": []}}, "a.grants: at least one is needed"),
        ({"a": {"token": TOKEN, "grants": [{"may": []}]}}, "a.grants.0.may: at least one is needed"),
        ({"a": {"token": TOKEN, "grants": [{"may": ["open"]}]}}, "a.grants.0.may.0: input should be 'read', 'write'"),
        ({"a": {"token": TOKEN, "grants": [{"may": ["read"], "rooms": ["tsdb"]}]}}, "a.grants.0.rooms.0: input should"),
        ({"a": {"token": TOKEN, "grants": [{"may": ["read"], "metric": ["x"]}]}}, "a.grants.0.metric: extra inputs"),
        (
            {"a": {"token": TOKEN, "grants": [{"may": ["read"], "metrics": [""]}]}},
            "a.grants.0.metrics.0: string",
        ),
        (
            {"a": {"token": TOKEN, "grants": [{"may": ["read", "admin"], "metrics": ["x"]}]}},
            "a.grants.0: admin is of the whole server, not of some metrics or domains: grant it apart",
        ),
        (
            {"a": {"token": TOKEN, "grants": [{"may": ["read"], "metrics": ["x"], "rooms": ["apollo", "opentsdb"]}]}},
            "domains of datazone: grant what is allowed in apollo apart",
        ),
        (
            {"a": {"token": TOKEN, "grants": [{"may": ["read"], "domains": ["x"], "rooms": ["kairosdb"]}]}},
            "domains of datazone: grant what is allowed in kairosdb apart",
        ),
        ({"a": {"token": TOKEN[1:], "grants": READS}}, "a.token: a token has at least 16 letters"),
        ({"a": {"token": TOKEN + " ", "grants": READS}}, "a.token: a token has at least 16 letters"),
        ({"a": {"token": TOKEN + "ü", "grants": READS}}, "a.token: a token has at least 16 letters"),
        ({"a": {"password": "", "grants": READS}}, "a.password: value should have at least 1 item"),
        ({"a": {"aws_access_key_id": "K", "grants": READS}}, "a: aws_access_key_id and aws_secret_access_key go toge"),
        ({"a": {"aws_access_key_id": "a/b", "aws_secret_access_key": "x", "grants": READS}}, "a.aws_access_key_id: "),
        ({"a b": {"token": TOKEN, "grants": READS}}, '"a b" is no name'),
        ({"a:b": {"token": TOKEN, "grants": READS}}, '"a:b" is no name'),
        ({name: {"token": TOKEN, "grants": READS} for name in "ab"}, '"a" and "b" have the same token'),
        (
            {"a": {"token": TOKEN, "grants": READS, "collections": {"x": "owner"}, "default_collection": "y"}},
            'default_collection "y" is none of its collections',
        ),
        ({name: {"certificate": "cn", "grants": READS} for name in "ab"}, '"a" and "b" have the same certificate'),
        ("x", 'write it as JSON, such as {"grafana": '),
    ],
)
def test_mistakes(principals: Any, why: str) -> None:
    with pytest.raises(Misconfigured) as mistake:
        load({"principals": principals})
    [sentence] = mistake.value.problems
    assert sentence.startswith('principals = "**********" (from --principals) is not allowed: ')
    assert why in sentence
    assert TOKEN[1:] not in sentence


@pytest.mark.parametrize(
    "said",
    [
        {"principals": {"a": {"token": TOKEN, "grants": READS}}},
        {"apollo_tokens": {"a": {"token": "t", "scopes": ["read"], "collections": {"c": "owner"}}}},
        {"datazone_credentials": {"AKID": "s"}},
        {"insecure": True},
    ],
)
def test_others_may_reach_a_server_that_asks(said: dict[str, Any]) -> None:
    assert load({"host": "0.0.0.0", **said}).settings.host == "0.0.0.0"
    with pytest.raises(Misconfigured, match="nobody would be asked who they are: set principals"):
        load({"host": "0.0.0.0"})


AWS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "x"}
METER = {"token": TOKEN, "scopes": ["read"], "collections": {"c": "owner"}}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"principals": {"a": {"token": TOKEN, "grants": READS}}, "apollo_tokens": {"meter": METER}},
            '"apollo_tokens.meter" and "principals.a" have the same token.',
        ),
        (
            {"principals": {"a": {**AWS, "grants": READS}}, "datazone_credentials": {"AKID": "s"}},
            '"datazone_credentials.AKID" and "principals.a" have the same access key id.',
        ),
    ],
)
def test_nobody_is_known_by_what_another_setting_knows(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Misconfigured) as mistake:
        load(said)
    assert mistake.value.problems == (sentence,)


def test_secrets_are_not_shown() -> None:
    known = {"token": TOKEN, "password": "p4ss-word", **AWS, "aws_secret_access_key": "s3cr3t", "grants": READS}
    settings = load({"principals": {"a": known}, "datazone_credentials": {"K": "0ther"}}).settings
    [principal, key] = of_settings(settings)
    shown = [
        to_toml(settings.principals),
        to_toml(settings.datazone_credentials),
        repr(settings),
        repr((principal, key)),
    ]
    shown.append(repr(Authority([principal, key], lambda: 0).aws_key("AKID")))
    for text in shown:
        for secret in (TOKEN, "p4ss-word", "s3cr3t", "0ther"):
            assert secret not in text
