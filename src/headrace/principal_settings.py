"""Who may do what, as an operator writes it: the settings `principals` and `apollo_tokens`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

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

RoomName = Literal["opentsdb", "kairosdb", "apollo", "datazone", "headrace"]
"""headrace: our own pages, `/metrics` and those below `/api/headrace/`."""

GrantedDeed = Literal["read", "write", "delete", "admin"]
"""admin: retention, backups, what runs. It grants nothing else."""

ApolloScope = Literal["apollo_read", "apollo_write", "read", "write"]
ApolloPermission = Literal["readonly", "readwrite", "admin", "owner"]

TOKEN_CHARACTERS_MIN = 16
"""Of a token: shorter ones can be guessed."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")

Secret = Annotated[SecretStr, Field(min_length=1)]
KeyId = Annotated[str, StringConstraints(pattern=r"^[!-+.0-~-]{1,128}$")]


Items = TypeVar("Items", bound=tuple[object, ...])


def _at_least_one(items: Items) -> Items:
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


class GrantSetting(BaseModel):
    """Deeds, and the rooms in which they are allowed; no rooms: in all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    may: Annotated[tuple[GrantedDeed, ...], AfterValidator(_at_least_one)]
    rooms: tuple[RoomName, ...] = ()


class PrincipalSetting(Collections):
    """Somebody who sends requests: how it is known, and what it may do. In Apollo's room it is bound to its
    collections, if it has any.

    certificate: subject common name of its client certificate.
    """

    token: Secret | None = None
    password: Secret | None = None
    aws_access_key_id: KeyId | None = None
    aws_secret_access_key: Secret | None = None
    certificate: Annotated[str, Field(min_length=1)] | None = None
    grants: Annotated[tuple[GrantSetting, ...], AfterValidator(_at_least_one)]

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


def check_names(principals: dict[str, PrincipalSetting]) -> None:
    """Raises ValueError for a name that no user of HTTP's basic authentication can have, and when two have the same
    access key id or certificate."""
    for name in principals:
        if not _NAME.fullmatch(name):
            raise ValueError(f'"{name}" is no name: write at most 64 letters, digits and characters of . _ @ -')
    _check_once("access key id", [one.aws_access_key_id for one in principals.values()])
    _check_once("certificate", [one.certificate for one in principals.values()])


def _check_once(what: str, values: list[str | None]) -> None:
    given = [value for value in values if value is not None]
    if len(set(given)) < len(given):
        raise ValueError(f"two have the same {what}")


def check_tokens_differ(tokens: dict[str, SecretStr]) -> None:
    """tokens: by the name of their owner. Raises ValueError when two have the same."""
    names: dict[str, str] = {}
    for name, token in tokens.items():
        other = names.setdefault(token.get_secret_value(), name)
        if other != name:
            raise ValueError(f'"{other}" and "{name}" have the same token')
