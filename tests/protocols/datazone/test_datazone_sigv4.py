"""Signatures: the vectors that botocore's signer made, botocore's signer itself, and each way to fail."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from datazone_room import ASSET, NOW_MS, datazone_room, form
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import LogCapture

from headrace.access.authority import AwsKey
from headrace.access.principals import ANYBODY
from headrace.errors import Refused
from headrace.protocols.datazone import sigv4
from headrace.protocols.datazone.faults import refuse
from headrace.protocols.datazone.sigv4 import Request, Signatures

KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BODY = (
    b'{"forms": [{"formName": "dq", "typeIdentifier": "amazon.datazone.DataQualityResultFormType", '
    b'"typeRevision": "8", "timestamp": 1704164645.678, "content": "{\\"passingPercentage\\":88.0}"}], '
    b'"clientToken": "11111111-2222-4333-8444-555555555555"}'
)


def authorization(
    signed: str,
    signature: str,
    scope: str = "20240102/us-east-1/datazone/aws4_request",
    key_id: str = KEY_ID,
) -> bytes:
    return f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={signed}, Signature={signature}".encode()


def vector(signature: str, **changes: Any) -> Request:
    """Vector A, or with other parts."""
    signed = changes.pop("signed", "content-type;host;x-amz-date")
    auth = authorization(signed, signature, *changes.pop("scope", ()))
    headers = [
        (b"host", b"127.0.0.1:8080"),
        (b"content-type", b"application/json"),
        (b"x-amz-date", b"20240102T030405Z"),
        (b"authorization", auth),
    ]
    request = Request("POST", ASSET.encode(), b"", headers, BODY)
    return request._replace(**changes)


A = vector("d42b8b882a89561a199ed2d2d203e806e67394dc555349c3cc0abb776e481f2d")
B = vector(
    "e896e53fd11a8cba1fa7b4185127c49cc9ba7e0565388caf05ff736b2fa5c4c1",
    method="GET",
    body=b"",
    query=b"formName=my%20form%2F%C3%A9%2B%26&startedAt=2024-01-02T03%3A04%3A05.678000Z&maxResults=7"
    b"&endedAt=2024-01-02T03%3A04%3A05Z",
    headers=[
        (b"host", b"127.0.0.1:8080"),
        (b"x-amz-date", b"20240102T030405Z"),
        (b"x-amz-security-token", b"SESSIONTOKEN+/="),
        (
            b"authorization",
            authorization(
                "host;x-amz-date;x-amz-security-token",
                "e896e53fd11a8cba1fa7b4185127c49cc9ba7e0565388caf05ff736b2fa5c4c1",
            ),
        ),
    ],
)
C = vector(
    "",
    method="GET",
    body=b"",
    raw_path=b"/v2/domains/bad%21/entities/ASSET//time-series-data-points",
    query=b"formName=f",
    headers=[
        (b"host", b"127.0.0.1:8080"),
        (b"x-amz-date", b"20240102T030405Z"),
        (
            b"authorization",
            authorization("host;x-amz-date", "1073b08903f495844e8719b466e52b0500cfee2681370a30180c9e2ed7dbb7b6"),
        ),
    ],
)


def check(request: Request, now_ms: int = NOW_MS, region: str = "") -> str:
    key_id, _ = Signatures({KEY_ID: AwsKey(SECRET, ANYBODY)}.get, region, lambda: now_ms).caller(request)
    return key_id


def fault(request: Request, now_ms: int = NOW_MS, region: str = "") -> tuple[int, str, str]:
    with pytest.raises(Refused) as raised:
        check(request, now_ms, region)
    status, headers, _ = refuse(400, raised.value)
    return status, dict(headers)[b"x-amzn-errortype"].decode(), raised.value.detail


@pytest.mark.parametrize("request_", [A, B, C], ids="ABC")
def test_vectors(request_: Request) -> None:
    assert check(request_) == KEY_ID
    assert check(request_, region="us-east-1") == KEY_ID


def test_the_canonical_request_of_vector_a() -> None:
    assert len(BODY) == 242
    canonical = sigv4.canonical_request(A, ["content-type", "host", "x-amz-date"])
    assert canonical.splitlines() == [
        "POST",
        ASSET,
        "",
        "content-type:application/json",
        "host:127.0.0.1:8080",
        "x-amz-date:20240102T030405Z",
        "",
        "content-type;host;x-amz-date",
        "47e9f5986067302e310fe41fec0d2d96c90b2eedc231dbaf690497c784ffc613",
    ]
    expected = "afcb049791d124425a65188f20f3786de846e28040bf1fd0bee47b3231cb6682"
    assert sha256(canonical.encode()).hexdigest() == expected


def test_the_signing_key() -> None:
    claim = sigv4.Claim(KEY_ID, "20240102", "us-east-1", "datazone", "aws4_request", "", [], "")
    assert sigv4.signing_key(claim, SECRET).hex() == "f0c24893166b929b328f7c5e54a9f5fb6cb1e0111882a64111a8e82897550ee2"


TEXTS = st.text(max_size=12)


@given(
    st.lists(TEXTS, min_size=1, max_size=5),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=5),
    st.binary(max_size=50),
    st.sampled_from([None, "TOKEN+/="]),
    st.sampled_from(["", " a   b ", "x"]),
)
def test_what_botocore_signs_is_accepted_and_nothing_else_under_its_signature(
    segments: list[str], parameters: list[tuple[str, str]], body: bytes, token: str | None, header: str
) -> None:
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in parameters)
    signed = AWSRequest("POST", f"http://h:1{path}?{query}" if query else f"http://h:1{path}", {"X-Amz-Extra": header})
    signed.data = body
    signed.context["payload_signing_enabled"] = True
    SigV4Auth(Credentials(KEY_ID, SECRET, token), "datazone", "eu-west-1").add_auth(signed)
    headers = [(name.lower().encode(), str(value).encode()) for name, value in signed.headers.items()]
    headers.append((b"host", b"h:1"))
    stamp = signed.headers["X-Amz-Date"]
    now_ms = sigv4._seconds(stamp) * 1000
    request = Request("POST", path.encode(), query.encode(), headers, body)
    assert check(request, now_ms) == KEY_ID
    for other in (
        request._replace(method="PUT"),
        request._replace(raw_path=request.raw_path + b"x"),
        request._replace(query=request.query + b"&x=1"),
        request._replace(body=body + b" "),
        request._replace(headers=[(n, v + b"x" if n == b"x-amz-extra" else v) for n, v in headers]),
    ):
        with pytest.raises(Refused):
            check(other, now_ms)


DIFFERS = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


def without(name: bytes) -> Request:
    return A._replace(headers=[header for header in A.headers if header[0] != name])


def with_authorization(text: str) -> Request:
    return A._replace(headers=[*A.headers[:-1], (b"authorization", text.encode())])


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (without(b"authorization"), "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (with_authorization("Basic eA=="), "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'Basic'."),
        (
            with_authorization("AWS4-HMAC-SHA256 Credential=a/b"),
            "IncompleteSignatureException",
            "Authorization header requires 'SignedHeaders' parameter. Authorization header requires 'Signature' "
            "parameter. Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
        ),
        (
            without(b"x-amz-date"),
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ),
        (
            A._replace(headers=[(n, b"noon" if n == b"x-amz-date" else v) for n, v in A.headers]),
            "IncompleteSignatureException",
            "Date must be in ISO-8601 'basic format'. Got 'noon'.",
        ),
        (
            vector("00", scope=("20240102/us-east-1/datazone/aws4_request", "AKIDOTHER")),
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            vector("00", scope=("20240102/us-east-1/s3/aws4_request",)),
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'datazone'.",
        ),
        (
            vector("00", scope=("20240102/us-east-1/datazone/aws5_request",)),
            "InvalidSignatureException",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (
            vector("00", scope=("20240103/us-east-1/datazone/aws4_request",)),
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'20240103' != '20240102', from '20240102T030405Z'.",
        ),
        (
            vector("00", signed="content-type;x-amz-date"),
            "InvalidSignatureException",
            "'Host' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            A._replace(headers=[*A.headers, (b"x-amz-security-token", b"t")]),
            "InvalidSignatureException",
            "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (vector("d42b"), "InvalidSignatureException", DIFFERS),
        (vector("é"), "InvalidSignatureException", DIFFERS),
        (vector("00", signed="host;x-amz-date;absent"), "InvalidSignatureException", DIFFERS),
        (A._replace(body=BODY + b"\n"), "InvalidSignatureException", DIFFERS),
        (
            A._replace(headers=[(n, b"127.0.0.1:9" if n == b"host" else v) for n, v in A.headers]),
            "InvalidSignatureException",
            DIFFERS,
        ),
    ],
)
def test_failures(request_: Request, code: str, message: str) -> None:
    assert fault(request_) == (403, code, message)


def test_another_region() -> None:
    assert fault(A, region="eu-west-1")[2] == "Credential should be scoped to a valid region, not 'us-east-1'."


def test_clocks() -> None:
    for minutes in (-5, 5):
        assert check(A, NOW_MS + minutes * 60_000) == KEY_ID
    assert fault(A, NOW_MS + 301_000) == (
        403,
        "InvalidSignatureException",
        "Signature expired: 20240102T030405Z is now earlier than 20240102T030406Z (20240102T030906Z - 5 min.)",
    )
    assert fault(A, NOW_MS - 301_000) == (
        403,
        "InvalidSignatureException",
        "Signature not yet current: 20240102T030405Z is still later than 20240102T030404Z (20240102T025904Z + 5 min.)",
    )


def test_the_date_header_does_where_there_is_no_other() -> None:
    headers = [(b"host", b"h"), (b"date", b"Tue, 02 Jan 2024 03:04:05 GMT")]
    claim = sigv4.Claim(KEY_ID, "20240102", "r", "datazone", "aws4_request", "20240102T030405Z", ["host", "date"], "")
    request = Request("GET", b"/", b"", headers, b"")
    signature = sigv4.signature(claim, SECRET, request)
    auth = (b"authorization", authorization("host;date", signature, "20240102/r/datazone/aws4_request"))
    assert check(request._replace(headers=[*headers, auth])) == KEY_ID


async def test_a_room_with_credentials_asks_before_all_else(tmp_path: Path) -> None:
    with datazone_room(tmp_path, datazone_credentials={KEY_ID: SECRET}) as room:
        for method, path in (("POST", ASSET), ("GET", "/v2/domains/no/such/path"), ("POST", "/v2/domains/bad!")):
            reply = await room.ask(method, path)
            assert reply.fault == (403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        headers = {
            "host": "127.0.0.1:8080",
            "x-amz-date": "20240102T030405Z",
            "authorization": A.headers[-1][1].decode(),
        }
        assert (await room.ask("POST", ASSET, BODY, headers)).status == 201
        assert (await room.ask("POST", ASSET, BODY + b" ", headers)).fault[1] == "InvalidSignatureException"
        assert (await room.post(form())).status == 403
        [(key, _)] = room.store.documents("datazone-token", "", "~")
        assert key.endswith("/post/AKIDEXAMPLE/11111111-2222-4333-8444-555555555555"), "tokens are the caller's own"


async def test_who_is_denied_is_counted_and_told_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = LogCapture()
    logger = structlog.wrap_logger(None, processors=[told], wrapper_class=structlog.BoundLogger)
    monkeypatch.setattr("headrace.transport.guarding.denials.log", logger)
    signed = {"host": "127.0.0.1:8080", "x-amz-date": "20240102T030405Z"}
    with datazone_room(tmp_path, datazone_credentials={KEY_ID: SECRET}) as room:
        for given in (
            authorization("host;x-amz-date", "00").decode(),
            authorization("host;x-amz-date", "00", key_id="AKIDOTHER").decode(),
            SECRET,  # where it does not belong
            f"AWS4-HMAC-SHA256 Credential={SECRET}",
        ):
            assert (await room.ask("GET", ASSET, headers={**signed, "authorization": given})).status == 403
        counted = room.metrics.render().decode()
    assert [(entry["reason"], entry["access_key_id"], entry["words"]) for entry in told.entries] == [
        ("signature-invalid", KEY_ID, DIFFERS),
        ("caller-unknown", "AKIDOTHER", None),
        ("signature-incomplete", None, None),
        ("signature-incomplete", None, None),
    ]
    assert SECRET not in str(told.entries)
    assert 'headrace_requests_denied_total{reason="signature-incomplete",room="datazone"} 2.0' in counted
