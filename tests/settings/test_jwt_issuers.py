"""Mistakes in issuers, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from issuing import jwks, new_key, setting

from headrace import limits
from headrace.errors import Misconfigured
from headrace.loading import load
from headrace.settings.jwt_issuers import ALGORITHMS, JwtIssuerSetting
from headrace.settings.one_line import to_toml


def test_as_a_file_says_it(tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(
        """
        host = "0.0.0.0"

        [jwt_issuers.plant]
        issuer = "https://login.example.net/realms/plant"
        jwks = "https://login.example.net/realms/plant/certs"
        audience = "headrace"

        [jwt_issuers.cloud]
        issuer = "cloud"
        jwks = "http://127.0.0.1:8080/jwks"
        audience = ["one", "two"]
        algorithms = ["RS256"]
        clock_skew_s = 0
        principal_claim = "email"
        collections_claim = "groups"
        scopes = { "headrace.read" = [{ may = ["read"], rooms = ["opentsdb"] }], read = [] }
        """
    )
    settings = load({}, file).settings
    plant, cloud = settings.jwt_issuers["plant"], settings.jwt_issuers["cloud"]
    assert (plant.audience, plant.algorithms, plant.clock_skew_s) == (("headrace",), ALGORITHMS, 60)
    assert (plant.principal_claim, plant.scopes, plant.collections, plant.file) == ("sub", {}, {}, None)
    assert (cloud.audience, cloud.scopes["headrace.read"][0].may) == (("one", "two"), ("read",))
    # An issuer counts as credentials: other addresses than loopback need no more.
    assert settings.asks_for_credentials


def test_in_one_line() -> None:
    said = '{"a": {"issuer": "i", "jwks": "https://a.example", "audience": "b"}}'
    assert load({"jwt_issuers": said}).settings.jwt_issuers["a"].issuer == "i"


@pytest.mark.parametrize(
    ("issuers", "why"),
    [
        ({"a": {"jwks": "https://a", "audience": "b"}}, "a.issuer: field required"),
        ({"a": {"issuer": "i", "jwks": "https://a"}}, "a.audience: field required"),
        ({"a": setting(audience=[])}, "a.audience: at least one is needed"),
        ({"a": setting(audience="")}, "a.audience.0: string should have at least 1 character"),
        ({"a": setting(algorithms=["none"])}, "a.algorithms.0: input should be 'RS256'"),
        ({"a": setting(algorithms=["HS256"])}, "a.algorithms.0: input should be 'RS256'"),
        ({"a": setting(algorithms=[])}, "a.algorithms: at least one is needed"),
        ({"a": setting(clock_skew_s=-1)}, "a.clock_skew_s: input should be greater"),
        ({"a": setting(clock_skew_s=limits.JWT_SKEW_S_MAX + 1)}, "a.clock_skew_s: input should be less"),
        ({"a": setting(scopes={"x": [{"may": []}]})}, "a.scopes.x.0.may: at least one is needed"),
        ({"a": setting(scopes={"x": [{"may": ["all"]}]})}, "a.scopes.x.0.may.0: input should be 'read'"),
        ({"a": setting(collections={"p": "all"})}, "a.collections.p: input should be 'readonly'"),
        (
            {"a": setting(collections={"p": "owner"}, collections_claim="c")},
            "a: collections and collections_claim excl",
        ),
        ({"a": setting(default_collection="p")}, 'a: default_collection "p" is none of its collections'),
        ({"a": setting(secret="x")}, "a.secret: extra inputs"),
        ({"a b": setting()}, '"a b" is no name'),
        ({"a": setting(), "b": setting()}, '"a" and "b" have the same issuer'),
        ({"a": setting("http://login.example.net/")}, "a.jwks: write an address that begins with https://"),
        ({"a": setting("http://10.0.0.1/")}, "a.jwks: write an address that begins with https://"),
        ({"a": setting("http://localhost.evil.example/")}, "a.jwks: write an address that begins with https://"),
        ({"a": setting("file:///etc/passwd")}, "a.jwks: write an address that begins with https://"),
        ({"a": setting("ftp://a.example/")}, "a.jwks: write an address that begins with https://"),
        ({"a": setting("jwks.json")}, "a.jwks: write an address that begins with https://"),
        ({"a": setting("https://")}, "a.jwks: write an address that begins with https://"),
        ({"a": setting("https://a.example:0/")}, "a.jwks: write an address that begins with https://"),
        ({"a": setting("https://a.example:x/")}, "a.jwks: it is no address"),
        ({"a": setting("https://[::1/")}, "a.jwks: it is no address"),
        ({"a": setting("https://user:word@a.example/")}, "a.jwks: the address has a user"),
        ({"a": setting("https://a.example/#x")}, "a.jwks: the address has a user, a fragment"),
        ({"a": setting("https://a.example/ü")}, "a.jwks: the address has a user, a fragment, or characters"),
        ({"a": setting("https://a.example/a b")}, "a.jwks: the address has a blank"),
        ({"a": setting("/no/such/file")}, "a.jwks: /no/such/file can not be read: No such file or directory"),
        ("{", "write it as JSON, such as"),
    ],
)
def test_mistakes(issuers: Any, why: str) -> None:
    with pytest.raises(Misconfigured) as mistake:
        load({"jwt_issuers": issuers})
    [sentence] = mistake.value.problems
    assert f"is not allowed: {why}" in sentence
    assert sentence.startswith("jwt_issuers = ")


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1/", "http://[::1]:80/a?b=c", "http://localhost", "https://a.example"]
)
def test_addresses(where: str) -> None:
    assert load({"jwt_issuers": {"a": setting(where)}}).settings.jwt_issuers["a"].jwks == where


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(new_key()))
    loaded = load({"jwt_issuers": {"a": setting(str(file))}})
    assert loaded.settings.jwt_issuers["a"].file == file
    assert str(file) in to_toml(loaded.settings.jwt_issuers)
    for content, why in ((b"", "is no JSON"), (b'{"keys": []}', "has no public key"), (b" " * 10**6, "has more than")):
        file.write_bytes(content)
        with pytest.raises(Misconfigured, match=f"a.jwks: {file} {why}"):
            load({"jwt_issuers": {"a": setting(str(file))}})


def test_the_documents_say_what_there_is(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    section = page.partition("\n### Tokens of an issuer (JWT)\n")[2].partition("\n## ")[0]
    file = tmp_path / "headrace.toml"
    file.write_text(section.partition("```toml\n")[2].partition("```")[0])
    [issuer] = load({}, file).settings.jwt_issuers.values()
    assert list(issuer.scopes) == ["headrace.read", "headrace.agent"]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    told = {name.strip().strip("`") for row in rows for name in row.split(",")}
    assert told == set(JwtIssuerSetting.model_fields)
    algorithms = next(line for line in section.splitlines() if line.startswith("| `algorithms`"))
    assert [name for name in ALGORITHMS if f"`{name}`" in algorithms] == list(ALGORITHMS)
