"""Tokens that are read, and signatures that are right or not: RFC 7515, RFC 8725."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from issuing import claims, jwks, new_key, setting, token

from headrace import limits
from headrace.access.jwt.claims import BadToken
from headrace.access.jwt.signatures import check_header, is_signed_by, read
from headrace.settings.jwks import Key, keys_of
from headrace.settings.jwt_issuers import ALGORITHMS, JwtIssuerSetting

SIGNS: dict[str, Any] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), new_key("RSA", 2048, kid="rsa")),
    "ES256": new_key("EC", "P-256", kid="256"),
    "ES384": new_key("EC", "P-384", kid="384"),
    "ES512": new_key("EC", "P-521", kid="512"),
    **dict.fromkeys(("EdDSA", "Ed25519"), new_key("OKP", "Ed25519", kid="ed")),
    "Ed448": new_key("OKP", "Ed448", kid="ed4"),
}


def public(key: Any) -> Key:
    [found] = keys_of(jwks(key))
    return found


def b64(what: bytes) -> bytes:
    return base64.urlsafe_b64encode(what).rstrip(b"=")


def bad(header: dict[str, Any], **said: Any) -> str:
    with pytest.raises(BadToken) as fault:
        check_header(header, JwtIssuerSetting(**setting(**said)))
    return fault.value.reason


def is_right(text: bytes, key: Any, algorithm: Any = "ES256") -> bool:
    found = read(text)
    assert found is not None
    return is_signed_by(found, algorithm, public(key))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm(algorithm: str) -> None:
    key = SIGNS[algorithm]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # EdDSA; pytest resets what the module says
        text = token(key, algorithm=algorithm).encode()
        assert is_right(text, key, algorithm)
        kind, size = {"R": ("RSA", 2048), "P": ("RSA", 2048), "S": ("EC", key.as_dict().get("crv"))}.get(
            algorithm[1] if algorithm[0] == "E" else algorithm[0], ("OKP", key.as_dict().get("crv"))
        )
        assert not is_right(text, new_key(kind, size), algorithm)
        head, body, signature = text.split(b".")
        other = b64(orjson.dumps(claims(sub="root")))
        assert not is_right(b".".join((head, other, signature)), key, algorithm)
        for wrong in (b"", b"AA", signature[:-4], signature + b"AAAA", signature[::-1], b64(b"\0" * 64), b"=", b"!"):
            assert not is_right(b".".join((head, body, wrong)), key, algorithm)


def test_what_is_read() -> None:
    found = read(token(SIGNS["ES256"], {"iss": "i"}, typ="at+jwt").encode())
    assert found is not None
    assert found.header == {"typ": "at+jwt", "alg": "ES256", "kid": "256"}
    assert found.claims == {"iss": "i"}


HEADER = b64(b'{"alg":"ES256"}')


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"opaque",
        b"a.b",
        b"..",
        b"a.b.c",
        b"a.b.c.d",
        HEADER + b".e30.",
        HEADER + b".e30.a.b",
        b64(b"[]") + b".e30.AA",
        b64(b'["alg"]') + b".e30.AA",
        b64(b'"alg"') + b".e30.AA",
        b64(b"{}") + b".e30.AA",
        b64(b'{"alg":1}')[:-1] + b"=.e30.AA",
        b"\xff.\xff.\xff",
        b"x" * 100_000 + b"." + b"y" * 100_000 + b".z",
    ],
)
def test_what_is_no_jwt(text: bytes) -> None:
    found = read(text)
    assert found is None or not is_signed_by(found, "ES256", public(SIGNS["ES256"]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEADER + b".W10.AA", "malformed"),
        (HEADER + b".!.AA", "malformed"),
        (HEADER + b"." + b64(b'{"exp": NaN}') + b".AA", "malformed"),
        (HEADER + b"." + b64(b"[" * 5000) + b".AA", "malformed"),
        (HEADER + b"." + b"A" * limits.JWT_BYTES_MAX + b".AA", "too-long"),
        (HEADER + b"A" * limits.JWT_HEADER_CHARACTERS_MAX + b".e30.AA", "too-long"),
    ],
)
def test_what_is_a_bad_one(text: bytes, reason: str) -> None:
    with pytest.raises(BadToken) as fault:
        read(text)
    assert fault.value.reason == reason


def test_algorithms_that_are_not_allowed() -> None:
    for algorithm in ("none", "None", "NONE", "nOnE", "HS256", "HS512", "ES256K", "es256", "", None, 1, [], ["ES256"]):
        assert bad({"alg": algorithm}) == "algorithm"
    assert bad({}) == "algorithm"
    assert bad({"alg": "ES256"}, algorithms=["RS256"]) == "algorithm"
    assert check_header({"alg": "ES256"}, JwtIssuerSetting(**setting(algorithms=["ES256"]))) == ("ES256", None)


def test_headers() -> None:
    assert bad({"alg": "ES256", "crit": []}) == "critical"
    assert bad({"alg": "ES256", "crit": ["exp"], "exp": 1}) == "critical"
    assert bad({"alg": "ES256", "b64": False}) == "critical"
    for kind in ("logout+jwt", "dpop+jwt", "secevent+jwt", "", None, 1, ["JWT"]):
        assert bad({"alg": "ES256", "typ": kind}) == "type"
    for kind in ("JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"):
        assert check_header({"alg": "ES256", "typ": kind, "kid": "k"}, JwtIssuerSetting(**setting())) == ("ES256", "k")
    wrongs: list[dict[str, Any]] = [{"kid": 1}, {"kid": ["k"]}, {"kid": {}}, {"kid": True}]
    for wrong in wrongs:
        assert bad({"alg": "ES256", **wrong}) == "malformed"


def test_the_public_key_is_no_shared_secret() -> None:
    key = SIGNS["RS256"]
    pem = key.as_pem(private=False)
    said = b64(b'{"alg":"HS256","kid":"rsa"}') + b"." + b64(orjson.dumps(claims()))
    for secret in (pem, pem.strip(), jwks(key), json.dumps(key.as_dict(private=False)).encode()):
        forged = said + b"." + b64(hmac.new(secret, said, hashlib.sha256).digest())
        found = read(forged)
        assert found is not None
        assert bad(found.header) == "algorithm"
        # Nor where the header is believed later on.
        for algorithm in ("HS256", "RS256", "none"):
            assert not is_signed_by(found, algorithm, public(key))  # type: ignore[arg-type]


def test_the_algorithm_is_that_of_the_header() -> None:
    key = SIGNS["RS256"]
    assert is_right(token(key, algorithm="RS256").encode(), key, "RS256")
    for other in ("RS384", "PS256"):
        assert not is_right(token(key, algorithm="RS256").encode(), key, other)


CLAIMS_OF_RFC_7515: Final = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)


@pytest.mark.parametrize(
    ("algorithm", "header", "signature", "key"),
    [
        (  # appendix A.2
            "RS256",
            "eyJhbGciOiJSUzI1NiJ9",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t"
            "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j"
            "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ"
            "Ge77Rw",
            {
                "kty": "RSA",
                "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Q"
                "lL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTB"
                "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2"
                "PAcDTW9gb54h4FRWyuXpoQ",
                "e": "AQAB",
            },
        ),
        (  # appendix A.3
            "ES256",
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            },
        ),
    ],
    ids=["RS256", "ES256"],
)
def test_the_examples_of_rfc_7515(algorithm: Any, header: str, signature: str, key: dict[str, str]) -> None:
    [known] = keys_of(json.dumps({"keys": [key]}).encode())
    found = read(f"{header}.{CLAIMS_OF_RFC_7515}.{signature}".encode())
    assert found is not None
    assert found.claims == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}
    assert is_signed_by(found, algorithm, known)
    changed = found._replace(text=found.text.replace(b"eyJpc3Mi", b"eyJpc3Nj"))
    assert changed.text != found.text
    assert not is_signed_by(changed, algorithm, known)


def test_none_is_no_algorithm_even_with_a_key() -> None:
    for algorithm in ("none", "None", "nONE"):
        text = b64(json.dumps({"alg": algorithm, "kid": "256"}).encode()) + b"." + b64(orjson.dumps(claims())) + b"."
        found = read(text)
        assert found is not None
        assert bad(found.header) == "algorithm"
        assert not is_signed_by(found, algorithm, public(SIGNS["ES256"]))  # type: ignore[arg-type]


def test_keys_in_the_header_are_not_used() -> None:
    mine, theirs = SIGNS["ES256"], new_key(kid="256")
    own = theirs.as_dict(private=False)
    for more in (
        {"jwk": own},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/"},
        {"x5c": ["AA=="]},
    ):
        text = token(theirs, **more).encode()
        assert not is_right(text, mine)
        assert is_right(token(mine, **more).encode(), mine)


def test_a_name_that_stands_twice() -> None:
    # Whichever of two is read, it is the one that was signed, and one algorithm.
    key = SIGNS["ES256"]
    from_end = b64(b'{"alg":"none","alg":"ES256"}')
    found = read(from_end + b".e30.AA")
    assert found is not None
    assert found.header["alg"] == "ES256"
    assert not is_signed_by(found, "ES256", public(key))


def test_deep_headers() -> None:
    # orjson reads 1024 of them, Python's json some less, by where it is called.
    deeps = (b"[" * deep + b"]" * deep for deep in (500, 900, 980, 1000, 1020, 1023, 1024))
    for deep in (*deeps, b'{"a":' * 900 + b"1" + b"}" * 900):
        found = read(b64(b'{"alg":"ES256","x":' + deep + b"}") + b".e30.AA")
        assert found is None or not is_signed_by(found, "ES256", public(SIGNS["ES256"]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["typ", "kid", "crit", "b64", "jku", "jwk", "x5u", "x5c", "x5t", "cty", "zip", "p2c"])


@given(st.dictionaries(NAMES, JSON), st.binary(max_size=80))
def test_no_header_makes_a_fault_of_ours(more: dict[str, Any], signature: bytes) -> None:
    header = b64(json.dumps({"alg": "ES256", **more}).encode())
    found = read(header + b".e30." + b64(signature))
    if found is not None:
        try:
            check_header(found.header, JwtIssuerSetting(**setting()))
        except BadToken:
            return
        assert not is_signed_by(found, "ES256", public(SIGNS["ES256"]))


@given(st.binary(max_size=200))
def test_no_bytes_make_a_fault_of_ours(text: bytes) -> None:
    try:
        found = read(text)
    except BadToken:
        return
    assert found is None or not is_signed_by(found, "ES256", public(SIGNS["ES256"]))
