"""What access.sqlite says of a token, and of a change."""

from __future__ import annotations

from typing import NamedTuple


class TokenRow(NamedTuple):
    """One token.

    id: public.   name: of whom it stands for; several may have it, one after another.   grants: what it may do, as
    JSON.   hash: of its secret, as Argon2 writes it.   created, expires, revoked: ms since 1970 UTC; expires is 0 for
    never, revoked for not.
    """

    id: str
    name: str
    grants: str
    hash: str
    created: int
    expires: int
    revoked: int

    def holds(self, now_ms: int) -> bool:
        """Whether it lets anybody in."""
        return not self.revoked and not 0 < self.expires <= now_ms


class TokenChange(NamedTuple):
    """What was done.   at: when, ms since 1970 UTC.   what: "token created" or such.   id, name: of the token.
    by: the user of the operating system."""

    at: int
    what: str
    id: str
    name: str
    by: str
