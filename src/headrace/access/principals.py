"""Principals: somebody who sends requests, and what it is granted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from headrace.access.bounded.bounds import UNBOUNDED, Bounds
from headrace.access.bounded.patterns import Patterns, patterns_of
from headrace.access.deeds import Deed
from headrace.config import Settings
from headrace.settings.principals import ApolloToken, Collections, Granted, GrantSetting, PrincipalSetting


@dataclass(frozen=True, slots=True)
class Grant:
    """rooms: None for all.   metrics: patterns of those to which it is bound; None: to none.   domains: of DataZone, to
    which it is bound; None: to none."""

    deeds: frozenset[Deed]
    rooms: frozenset[str] | None = None
    metrics: frozenset[str] | None = None
    domains: frozenset[str] | None = None

    def covers(self, deed: Deed, room: str) -> bool:
        """Whether it allows the deed in the room, or in a part of it."""
        return deed in self.deeds and (self.rooms is None or room in self.rooms)


@dataclass(frozen=True, slots=True, eq=False)
class Principal:
    """name: for the operator; no secret.   collections: to which it is bound in Apollo's room; None: to none."""

    name: str
    grants: tuple[Grant, ...]
    collections: Collections | None = None

    def may(self, deed: Deed, room: str) -> bool:
        """Whether it may do this there, or in a part of the room (`bounds`, `may_in_domain`)."""
        return deed == "open" or any(grant.covers(deed, room) for grant in self.grants)

    def may_in_domain(self, deed: Deed, room: str, domain: str) -> bool:
        """Whether it may do this in a domain of DataZone."""
        covering = (grant for grant in self.grants if grant.covers(deed, room))
        return any(grant.domains is None or domain in grant.domains for grant in covering)

    def bounds(self, deed: Deed, room: str) -> Bounds:
        """The metrics with which a request may do something that does this there; what it finds is what it may do this
        with."""
        for grant in self.grants:
            if grant.metrics is not None:
                break
        else:
            return UNBOUNDED
        sees, writes, deletes = (self._metrics(one, room) for one in (deed, "write", "delete"))
        # Who changes a document is answered with it, and a roll-up reads whatever it names.
        shows = self._metrics("read", room) is None
        return Bounds(
            self.name, sees, writes, deletes, shows, shows and (deletes if deed == "delete" else writes) is None
        )

    def _metrics(self, deed: Deed, room: str) -> Patterns | None:
        named: set[str] = set()
        for grant in self.grants:
            if grant.covers(deed, room):
                if grant.metrics is None:
                    return None
                named |= grant.metrics
        return patterns_of(frozenset(named))


ANYBODY: Final = Principal("", (Grant(frozenset(("read", "write", "delete", "admin"))),))
"""Who sends where nobody is asked."""

_APOLLO: Final = frozenset(("apollo",))
_DATAZONE: Final = frozenset(("datazone",))

DEEDS_OF_SCOPE: Final[dict[str, tuple[Deed, ...]]] = {
    "apollo_read": ("read",),
    "read": ("read",),
    "apollo_write": ("read", "write"),
    "write": ("read", "write"),
}
"""What the scopes of Apollo's pages allow in its room."""


@dataclass(frozen=True, slots=True)
class Known:
    """How a principal is known.   token, password: "" for none.   aws: access key id and secret, None for none.
    certificate: subject common name of its client certificate, "" for none."""

    principal: Principal
    token: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    aws: tuple[str, str] | None = field(default=None, repr=False)
    certificate: str = ""


def of_settings(settings: Settings) -> Iterable[Known]:
    """All that the operator has set."""
    for name, setting in settings.principals.items():
        yield _principal(name, setting)
    for name, token in settings.apollo_tokens.items():
        yield _of_apollo(f"apollo_tokens.{name}", token)
    for key_id, secret in settings.datazone_credentials.items():
        deeds: frozenset[Deed] = frozenset(("read", "write", "delete"))
        who = Principal(f"datazone_credentials.{key_id}", (Grant(deeds, _DATAZONE),))
        yield Known(who, aws=(key_id, secret.get_secret_value()))


def grant_of(setting: GrantSetting) -> Grant:
    """As an operator has written it."""
    return Grant(
        frozenset(setting.may),
        frozenset(setting.rooms_meant()) or None,
        frozenset(setting.metrics) or None,
        frozenset(setting.domains) or None,
    )


def principal_of(name: str, granted: Granted) -> Principal:
    """Who is called so, and may do this."""
    return Principal(name, tuple(map(grant_of, granted.grants)), granted if granted.collections else None)


def _principal(name: str, setting: PrincipalSetting) -> Known:
    who = principal_of(name, setting)
    aws = None
    if setting.aws_access_key_id is not None and setting.aws_secret_access_key is not None:
        aws = setting.aws_access_key_id, setting.aws_secret_access_key.get_secret_value()
    return Known(
        who,
        setting.token.get_secret_value() if setting.token else "",
        setting.password.get_secret_value() if setting.password else "",
        aws,
        setting.certificate or "",
    )


def _of_apollo(name: str, token: ApolloToken) -> Known:
    deeds = frozenset(deed for scope in token.scopes for deed in DEEDS_OF_SCOPE[scope])
    return Known(Principal(name, (Grant(deeds, _APOLLO),), token), token.token.get_secret_value())
