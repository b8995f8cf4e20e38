"""Who may do what, as an operator writes it: the settings `principals`, `apollo_tokens` and `datazone_credentials`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from headrace.settings.allowed import Takes
from headrace.settings.one_line import in_json

RoomName = Literal["opentsdb", "kairosdb", "apollo", "datazone", "headrace"]
"""headrace: our own pages, `/metrics` and those below `/api/headrace/`."""

GrantedDeed = Literal["read", "write", "delete", "admin"]
"""admin: retention, backups, what runs. It grants nothing else."""

ApolloScope = Literal["apollo_read", "apollo_write", "read", "write"]
ApolloPermission = Literal["readonly", "readwrite", "admin", "owner"]

TOKEN_CHARACTERS_MIN = 16
"""Of a token: shorter ones can be guessed."""

TOKENS_FILE: Final = "access.sqlite"
"""In the data directory: the tokens that `headrace token` makes. Where it is there, everybody is asked."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")

Name = Annotated[str, Field(min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]
KeyId = Annotated[str, StringConstraints(pattern=r"^[!-+.0-~-]{1,128}$")]


Items = TypeVar("Items", bound=tuple[object, ...])


def at_least_one(items: Items) -> Items:
    """Raises ValueError."""
    # Not by min_length: where an item is wrong, that counts none, and says so too.
    if not items:
        raise ValueError("at least one is needed")
    return items


class Collections(BaseModel):
    """Where somebody may do something in Apollo's room: collections by name, with what is permitted in each.

    default_collection: where it looks when a request names none; without it, the only one that it has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    collections: dict[str, ApolloPermission] = {}
    default_collection: str | None = None

    @model_validator(mode="after")
    def _default_is_one_of_them(self) -> Collections:
        if self.default_collection is not None and self.default_collection not in self.collections:
            raise ValueError(f'default_collection "{self.default_collection}" is none of its collections')
        return self

    def default(self) -> str | None:
        """Where the bearer looks when a request names no collection; None for nowhere."""
        if self.default_collection is None and len(self.collections) == 1:
            return next(iter(self.collections))
        return self.default_collection


class ApolloToken(Collections):
    """One access token of Apollo's room: what its bearer may do (scopes), and where."""

    token: Secret
    scopes: tuple[ApolloScope, ...] = Field(min_length=1)
    collections: dict[str, ApolloPermission] = Field(min_length=1)


ROOMS_OF_METRICS: tuple[RoomName, ...] = ("opentsdb", "kairosdb")
ROOMS_OF_DOMAINS: tuple[RoomName, ...] = ("datazone",)
WHERE_BOUNDS_HOLD = "metrics are of the rooms opentsdb and kairosdb, domains of datazone"


class GrantSetting(BaseModel):
    """Deeds, and the rooms in which they are allowed; no rooms: in all.

    metrics: patterns, in which `*` stands for any characters: of these alone, in ROOMS_OF_METRICS.   domains: in these
    alone, in ROOMS_OF_DOMAINS. Where there is either, no other room is meant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    may: Annotated[tuple[GrantedDeed, ...], AfterValidator(at_least_one)]
    rooms: tuple[RoomName, ...] = ()
    metrics: tuple[Name, ...] = ()
    domains: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _is_meant_as_it_is_written(self) -> GrantSetting:
        if not (self.metrics or self.domains):
            return self
        if "admin" in self.may:
            raise ValueError("admin is of the whole server, not of some metrics or domains: grant it apart")
        if others := sorted(set(self.rooms) - set(self.rooms_meant())):
            raise ValueError(f"{WHERE_BOUNDS_HOLD}: grant what is allowed in {others[0]} apart")
        return self

    def rooms_meant(self) -> tuple[RoomName, ...]:
        """Those in which it allows anything; none: in all."""
        if not (self.metrics or self.domains):
            return self.rooms
        bounded = (*(ROOMS_OF_METRICS if self.metrics else ()), *(ROOMS_OF_DOMAINS if self.domains else ()))
        return tuple(room for room in bounded if not self.rooms or room in self.rooms)


class Granted(Collections):
    """What somebody may do. In Apollo's room it is bound to its collections, if it has any."""

    grants: Annotated[tuple[GrantSetting, ...], AfterValidator(at_least_one)]


class PrincipalSetting(Granted):
    """Somebody who sends requests: how it is known, and what it may do.

    certificate: subject common name of its client certificate.
    """

    token: Secret | None = None
    password: Secret | None = None
    aws_access_key_id: KeyId | None = None
    aws_secret_access_key: Secret | None = None
    certificate: Annotated[str, Field(min_length=1)] | None = None

    @field_validator("token")
    @classmethod
    def _token_can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value is not None else None
        if text is not None and not (_TOKEN.fullmatch(text) and len(text) >= TOKEN_CHARACTERS_MIN):
            raise ValueError(
                f"a token has at least {TOKEN_CHARACTERS_MIN} letters, digits and characters of . _ ~ + / -, "
                "as `openssl rand -hex 32` makes them"
            )
        return value

    @model_validator(mode="after")
    def _is_known_by_something(self) -> PrincipalSetting:
        if (self.aws_access_key_id is None) != (self.aws_secret_access_key is None):
            raise ValueError("aws_access_key_id and aws_secret_access_key go together")
        if not (self.token or self.password or self.aws_access_key_id or self.certificate):
            raise ValueError("it has no token, password, AWS keys or certificate by which it could be known")
        return self


def check_name(name: str) -> None:
    """Raises ValueError when no principal may be called so."""
    if not _NAME.fullmatch(name):
        raise ValueError(f'"{name}" is no name: write at most 64 letters, digits and characters of . _ @ -')


def _are_told_apart(principals: dict[str, PrincipalSetting]) -> dict[str, PrincipalSetting]:
    """Raises ValueError for a name that no user of HTTP's basic authentication can have, and when two are known by the
    same."""
    for name in principals:
        check_name(name)
    check_differ("token", {name: text_of(one.token) for name, one in principals.items()})
    check_differ("access key id", {name: one.aws_access_key_id for name, one in principals.items()})
    check_differ("certificate", {name: one.certificate for name, one in principals.items()})
    return principals


def _tokens_differ(tokens: dict[str, ApolloToken]) -> dict[str, ApolloToken]:
    check_differ("token", {name: text_of(one.token) for name, one in tokens.items()})
    return tokens


def _are_whole(secrets: dict[str, SecretStr]) -> dict[str, SecretStr]:
    if any(not key_id or "/" in key_id or not secret.get_secret_value() for key_id, secret in secrets.items()):
        raise ValueError("an access key id or a secret is empty, or an id has a slash")
    return secrets


def check_apart(
    principals: Mapping[str, PrincipalSetting],
    apollo_tokens: Mapping[str, ApolloToken],
    aws_secrets: Mapping[str, SecretStr],
) -> None:
    """Raises ValueError when principals of two settings are known by the same: one would have the other's grants."""
    tokens = {f"apollo_tokens.{name}": text_of(one.token) for name, one in apollo_tokens.items()}
    key_ids: dict[str, str | None] = {f"datazone_credentials.{key_id}": key_id for key_id in aws_secrets}
    for name, one in principals.items():
        tokens[f"principals.{name}"] = text_of(one.token)
        key_ids[f"principals.{name}"] = one.aws_access_key_id
    check_differ("token", tokens)
    check_differ("access key id", key_ids)


def check_differ(what: str, known_by: Mapping[str, str | None]) -> None:
    """known_by: by the name of its owner; None for nothing. Raises ValueError when two are known by the same, without
    repeating it."""
    names: dict[str, str] = {}
    for name, text in known_by.items():
        if text is not None and (other := names.setdefault(text, name)) != name:
            raise ValueError(f'"{other}" and "{name}" have the same {what}')


def text_of(secret: SecretStr | None) -> str | None:
    """What is kept from being shown."""
    return None if secret is None else secret.get_secret_value()


# NoDecode: read by json, so that a mistake is worded as others are.
Principals = Annotated[
    dict[str, PrincipalSetting],
    NoDecode,
    in_json('{"grafana": {"token": "...", "grants": [{"may": ["read"]}]}}'),
    AfterValidator(_are_told_apart),
    Takes("table, or JSON"),
]
ApolloTokens = Annotated[
    dict[str, ApolloToken],
    NoDecode,
    in_json('{"meter": {"token": "...", "scopes": ["apollo_write"], "collections": {"plant": "readwrite"}}}'),
    AfterValidator(_tokens_differ),
    Takes("table, or JSON"),
]
AwsSecrets = Annotated[
    dict[str, SecretStr],
    NoDecode,
    in_json('{"ACCESS-KEY-ID": "secret access key"}'),
    AfterValidator(_are_whole),
    Takes("table, or JSON"),
]
"""By access key id."""
