"""AWS Signature Version 4: the caller of a request, where callers are asked who they are.

AWS: "Create a signed AWS API request" in the IAM user guide; the messages are those of AWS's own services.
"""

from __future__ import annotations

import functools
import hmac
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from headrace import limits
from headrace.access.authority import AwsKey
from headrace.access.principals import Principal
from headrace.errors import Refused
from headrace.model.time import Clock
from headrace.protocols.datazone.faults import shown

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "datazone"
TERMINATOR: Final = "aws4_request"

_BASIC_TIME: Final = "%Y%m%dT%H%M%SZ"
_BLANKS: Final = re.compile(rb"[ \t]+")
_PLAIN_PATH: Final = re.compile(rb"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9_.~-]+)+/?")
"""One that is its own canonical form: nothing to leave out or to escape."""
_KEY_ID: Final = re.compile(r"Credential=([!-+.0-~-]{1,128})/\d{8}/", re.ASCII)

_DIFFERS: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


class Request(NamedTuple):
    """What is signed. raw_path, query: as received.   headers: lower-case names and values, in their order."""

    method: str
    raw_path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


def claimed_key_id(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The access key id that a request says it is signed with, whether that is true or not; None when it says none."""
    found = _KEY_ID.search(_header(headers, "authorization") or "")
    return found and found[1]


class Signatures:
    """Checks signatures against the secrets of known access keys."""

    def __init__(self, key_of: Callable[[str], AwsKey | None], region: str, clock: Clock) -> None:
        """key_of: by access key id; None for an unknown one.   region: the one to be signed for, "" for any."""
        self._key_of = key_of
        self._region = region
        self._clock = clock

    def caller(self, request: Request) -> tuple[str, Principal]:
        """The access key id that has signed the request, and whose it is.

        A session token must be signed, but means nothing: its temporary key is one of those that the operator has set,
        or unknown. Raises Refused: rules "signature-missing", "signature-incomplete", "signature-invalid",
        "caller-unknown".
        """
        claim = _claim(request)
        key = self._key_of(claim.key_id)
        if key is None:
            raise Refused("caller-unknown", "The security token included in the request is invalid.")
        self._check_scope(claim)
        self._check_time(claim.time)
        _check_signed_headers(claim, request)
        if not hmac.compare_digest(signature(claim, key.secret, request), claim.signature):
            raise _invalid(_DIFFERS)
        return claim.key_id, key.principal

    def _check_scope(self, claim: Claim) -> None:
        if claim.service != SERVICE:
            raise _invalid(f"Credential should be scoped to correct service: '{SERVICE}'.")
        if self._region and claim.region != self._region:
            raise _invalid(f"Credential should be scoped to a valid region, not '{shown(claim.region)}'.")
        if claim.terminator != TERMINATOR:
            raise _invalid(
                f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{shown(claim.terminator)}'."
            )
        if claim.date != claim.time[:8]:
            raise _invalid(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{shown(claim.date)}' != '{claim.time[:8]}', from '{claim.time}'."
            )

    def _check_time(self, signed: str) -> None:
        now_s, signed_s = self._clock() // 1000, _seconds(signed)
        earliest_s, latest_s = now_s - limits.DATAZONE_CLOCK_SKEW_S, now_s + limits.DATAZONE_CLOCK_SKEW_S
        minutes = limits.DATAZONE_CLOCK_SKEW_S // 60
        if signed_s < earliest_s:
            raise _invalid(
                f"Signature expired: {signed} is now earlier than {_basic(earliest_s)} "
                f"({_basic(now_s)} - {minutes} min.)"
            )
        if signed_s > latest_s:
            raise _invalid(
                f"Signature not yet current: {signed} is still later than {_basic(latest_s)} "
                f"({_basic(now_s)} + {minutes} min.)"
            )


class Claim(NamedTuple):
    """What a request says of its signature. time: in the basic format of ISO 8601.   signed_headers: names in lower
    case, as listed."""

    key_id: str
    date: str
    region: str
    service: str
    terminator: str
    time: str
    signed_headers: list[str]
    signature: str


def canonical_request(request: Request, signed_headers: Iterable[str]) -> str:
    """The text whose hash is signed."""
    names = sorted(signed_headers)
    lines = [f"{name}:{_canonical_value(request.headers, name)}\n" for name in names]
    return "\n".join(
        [
            request.method,
            _canonical_path(request.raw_path),
            _canonical_query(request.query),
            "".join(lines),
            ";".join(names),
            sha256(request.body).hexdigest(),
        ]
    )


def signature(claim: Claim, secret: str, request: Request) -> str:
    """The signature that the request should bear, in hex."""
    scope = f"{claim.date}/{claim.region}/{claim.service}/{claim.terminator}"
    hashed = sha256(canonical_request(request, claim.signed_headers).encode("latin-1")).hexdigest()
    text = f"{ALGORITHM}\n{claim.time}\n{scope}\n{hashed}"
    return hmac.digest(signing_key(claim, secret), text.encode(), "sha256").hex()


def signing_key(claim: Claim, secret: str) -> bytes:
    """The secret, narrowed to one day, region and service."""
    return _narrowed(secret, claim.date, claim.region, claim.service, claim.terminator)


@functools.lru_cache(limits.DATAZONE_SIGNING_KEYS_KEPT)
def _narrowed(secret: str, *parts: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in parts:
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _claim(request: Request) -> Claim:
    header = _header(request.headers, "authorization")
    if header is None:
        raise Refused("signature-missing", "Missing Authentication Token")
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete([f"Unsupported AWS 'algorithm': '{shown(algorithm)}'."])
    parts = _parts(rest)
    problems = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "SignedHeaders", "Signature")
        if not parts.get(name)
    ]
    stamp = _header(request.headers, "x-amz-date") or _header(request.headers, "date")
    if stamp is None:
        problems.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    time = _basic_time(stamp) if stamp else ""
    if stamp and not time:
        problems.append(f"Date must be in ISO-8601 'basic format'. Got '{shown(stamp)}'.")
    # A key id has no slash in it, but if one had, the last four parts would be the scope all the same.
    credential = parts.get("Credential", "").rsplit("/", 4)
    if parts.get("Credential") and len(credential) != 5:
        problems.append("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
    if problems:
        raise _incomplete(problems)
    key_id, date, region, service, terminator = credential
    signed_headers = parts["SignedHeaders"].lower().split(";")
    # compare_digest takes only ASCII.
    given = parts["Signature"].encode("ascii", "replace").decode()
    return Claim(key_id, date, region, service, terminator, time, signed_headers, given)


def _parts(rest: str) -> dict[str, str]:
    """What the header Authorization says behind the algorithm, by name. Not to be changed."""
    before, _, given = rest.rpartition("Signature=")
    if "," in given or not before.endswith((",", " ")) or len(before) > limits.DATAZONE_SIGNED_BYTES_KEPT:
        return _split(rest)
    # All but the signature is the same in a day's requests of one caller.
    return {**_split_before(before), "Signature": given.rstrip()}


def _split(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.strip().partition("=") for part in text.split(","))}


_split_before = functools.lru_cache(limits.DATAZONE_SIGNING_KEYS_KEPT)(_split)


def _check_signed_headers(claim: Claim, request: Request) -> None:
    if "host" not in claim.signed_headers:
        raise _invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    sent = {name for name, _ in request.headers}
    signed = {name.encode("latin-1", "replace") for name in claim.signed_headers}
    unsigned = sorted(name for name in sent - signed if name.startswith(b"x-amz-"))
    if unsigned:
        raise _invalid(f"'{shown(unsigned[0].decode('latin-1'))}' must be a 'SignedHeader' in the AWS Authorization.")
    if not signed <= sent:
        raise _invalid(_DIFFERS)
    stated = _header(request.headers, "x-amz-content-sha256")
    if stated is not None and stated.strip() != sha256(request.body).hexdigest():
        raise _invalid(_DIFFERS)


def _canonical_path(raw_path: bytes) -> str:
    """Normalised, then escaped once more than it is."""
    if _PLAIN_PATH.fullmatch(raw_path):
        return raw_path.decode()
    kept: list[str] = []
    for segment in raw_path.decode("latin-1").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and raw_path.endswith(b"/") else ""
    return quote(f"/{'/'.join(kept)}{slash}", safe="/-_.~", encoding="latin-1")


def _canonical_query(query: bytes) -> str:
    if not query:
        return ""
    pairs = [pair.partition(b"=") for pair in query.split(b"&") if pair]
    escaped = [
        (quote(unquote_to_bytes(name), safe="-_.~"), quote(unquote_to_bytes(v), safe="-_.~")) for name, _, v in pairs
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(escaped))


def _canonical_value(headers: list[tuple[bytes, bytes]], name: str) -> str:
    wanted = name.encode("latin-1")
    text = b",".join([value.strip() for found, value in headers if found == wanted])
    return (_BLANKS.sub(b" ", text) if b"  " in text or b"\t" in text else text).decode("latin-1")


def _header(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    wanted = name.encode()
    for found, value in headers:
        if found == wanted:
            return value.decode("latin-1")
    return None


@functools.lru_cache(limits.DATAZONE_SIGNING_KEYS_KEPT)
def _basic_time(stamp: str) -> str:
    """A header's time in basic format, "" for what is none: X-Amz-Date has it already, Date as a rule not."""
    try:
        time = datetime.strptime(stamp.strip(), _BASIC_TIME).replace(tzinfo=UTC)
    except ValueError:
        try:
            time = parsedate_to_datetime(stamp).astimezone(UTC)
        except (ValueError, OverflowError):
            return ""
    return _basic(int(time.timestamp()))


@functools.lru_cache(limits.DATAZONE_SIGNING_KEYS_KEPT)
def _seconds(basic: str) -> int:
    return int(datetime.strptime(basic, _BASIC_TIME).replace(tzinfo=UTC).timestamp())


def _basic(seconds: int) -> str:
    # Not by strftime, which writes the year 1 with one digit.
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19].replace("-", "").replace(":", "") + "Z"


def _incomplete(problems: list[str]) -> Refused:
    return Refused("signature-incomplete", " ".join(problems))


def _invalid(message: str) -> Refused:
    return Refused("signature-invalid", message)
