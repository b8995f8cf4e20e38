"""What `headrace token` does to the file of tokens: each a transaction, and a line on record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from headrace.access.tokens.hashing import hash_of
from headrace.access.tokens.text import new_id, new_secret, spelled
from headrace.errors import HeadraceError
from headrace.settings.principals import Granted
from headrace.store.embedded.tokens.file import TokenChanges, TokenFile
from headrace.store.embedded.tokens.rows import TokenChange, TokenRow


class CannotChange(HeadraceError):  # noqa: N818
    """What was asked for does not go together with the tokens that there are."""


class Made(NamedTuple):
    """text: the token, which nobody can read again."""

    text: str
    row: TokenRow


class TokenChanger:
    """Changes one file. now_ms: the present.   by: the user of the operating system who does it. All of it raises
    Corrupt, Unavailable; and then nothing has changed."""

    def __init__(self, file: TokenFile, now_ms: int, by: str) -> None:
        self._file = file
        self._now_ms = now_ms
        self._by = by

    def create(self, name: str, granted: Granted, lasts_ms: int) -> Made:
        """lasts_ms: 0 for ever. Raises CannotChange when there is a token of this name that holds."""
        grants = granted.model_dump_json(exclude_defaults=True)
        secret = new_secret()
        row = self._row(name, grants, hash_of(secret), lasts_ms)
        with self._file.changing() as changes:
            if self._holding(changes.tokens, name):
                raise CannotChange(f'there is a token "{name}" already: rotate it, or revoke it first')
            changes.put(row, self._change("token created", row))
        return Made(spelled(row.id, secret), row)

    def revoke(self, name_or_id: str) -> list[TokenRow]:
        """All that hold of this name, or the one with this id. Returns them. Raises CannotChange when there is none."""
        with self._file.changing() as changes:
            holding = [token for token in changes.tokens if token.holds(self._now_ms)]
            ended = [token for token in holding if name_or_id in (token.name, token.id)]
            if not ended:
                raise CannotChange(f'there is no token "{name_or_id}" that holds')
            for token in ended:
                changes.put(token._replace(revoked=self._now_ms), self._change("token revoked", token))
        return ended

    def rotate(self, name: str, overlap_ms: int, lasts_ms: int | None) -> Made:
        """A new token in place of the last one of this name, which may have expired, with its grants. overlap_ms: for
        so long what held goes on to hold.   lasts_ms: how long the new one does; None: as long as the one before was
        made for. Raises CannotChange when there is none that was not revoked."""
        secret = new_secret()
        hashed = hash_of(secret)  # before the file is held: it takes a while
        with self._file.changing() as changes:
            before = [token for token in changes.tokens if token.name == name and not token.revoked]
            if not before:
                raise CannotChange(f'there is no token "{name}" that could be rotated: create it')
            last = before[-1]
            if lasts_ms is None:
                lasts_ms = last.expires and last.expires - last.created
            for token in self._holding(before, name):
                self._end(changes, token, overlap_ms)
            row = self._row(name, last.grants, hashed, lasts_ms)
            changes.put(row, self._change("token rotated", row))
        return Made(spelled(row.id, secret), row)

    def _end(self, changes: TokenChanges, token: TokenRow, overlap_ms: int) -> None:
        if not overlap_ms:
            changes.put(token._replace(revoked=self._now_ms), self._change("token revoked", token))
            return
        expires = self._now_ms + overlap_ms
        if not 0 < token.expires <= expires:
            changes.put(token._replace(expires=expires), self._change("token ends soon", token))

    def _holding(self, tokens: Iterable[TokenRow], name: str) -> list[TokenRow]:
        return [token for token in tokens if token.name == name and token.holds(self._now_ms)]

    def _row(self, name: str, grants: str, hashed: str, lasts_ms: int) -> TokenRow:
        expires = self._now_ms + lasts_ms if lasts_ms else 0
        return TokenRow(new_id(), name, grants, hashed, self._now_ms, expires, 0)

    def _change(self, what: str, token: TokenRow) -> TokenChange:
        return TokenChange(self._now_ms, what, token.id, token.name, self._by)
