"""The file of tokens as a running server sees it: read at the start, and again as soon as somebody has changed it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from headrace.access.tokens.stored import StoredToken, moment, stored_token
from headrace.errors import Unavailable
from headrace.store.embedded.tokens.file import Content, TokenFile, is_there
from headrace.store.embedded.tokens.rows import TokenChange, TokenRow

log = structlog.get_logger(__name__)

NOT_READ = -1
"""A version that no file has."""

NOTHING = Content([], {}, {})


class WatchedFile:
    """One thread at a time."""

    def __init__(self, path: Path, when_there: Callable[[], None]) -> None:
        """path: of the file, which may not be there yet.   when_there: called once it is; raises Unavailable."""
        self.path = path
        self._when_there = when_there
        self._file: TokenFile | None = None
        self._version = NOT_READ
        self._was_there = False
        self._is_known = False
        """Whether when_there was called, and succeeded."""
        self._untold = NOTHING
        self._told = 0
        """Number of the last change that was told, were it not written down."""

    def look(self) -> dict[str, StoredToken] | None:
        """All tokens, by id, if they may be others than at the last look, else None; also as long as there has never
        been a file. Raises Corrupt, Unavailable, also when the file is gone: what was known is the last that is known
        then."""
        if self._file is not None and not self._file.is_in_place():
            self.close()
        self._was_there = self._was_there or is_there(self.path)
        if not self._was_there:
            return None
        if self._file is None:
            self._file, self._version = TokenFile(self.path), NOT_READ
        version = self._file.version()
        if version == self._version:
            return None
        if not self._is_known:
            self._make_known()
        content = self._file.read()
        tokens = {row.id: stored_token(row, content.used.get(row.id, 0), self.path) for row in content.tokens}
        self._version = version
        self._untold = content
        return tokens

    def tell(self) -> None:
        """What was changed goes on record: called when it is so. Raises Corrupt."""
        content, self._untold = self._untold, NOTHING
        rows = {row.id: row for row in content.tokens}
        untold = {number: change for number, change in content.untold.items() if number > self._told}
        for number, change in untold.items():
            _tell(change, rows.get(change.id))
            self._told = number
        if untold and self._file is not None:
            try:
                self._file.note_told(self._told)
            except Unavailable as failure:
                log.warning("the next start tells again what was changed of tokens", reason=str(failure))

    def _make_known(self) -> None:
        """On a full disk the next change, or start, does it."""
        try:
            self._when_there()
            self._is_known = True
        except Unavailable as failure:
            log.warning("the database does not know yet that there are tokens", reason=str(failure))

    def note_used(self, used: Mapping[str, int]) -> None:
        """When tokens, by id, were last used. Raises Corrupt, Unavailable."""
        if self._file is None:
            raise Unavailable(f"{self.path.name} is not open")
        self._file.note_used(used)

    def close(self) -> None:
        """A later look opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _tell(change: TokenChange, row: TokenRow | None) -> None:
    shown = {} if row is None else {"grants": row.grants, "expires": moment(row.expires, "never")}
    at = moment(change.at, "")
    log.info("on record", what=change.what, token=change.name, id=change.id, by=change.by, at=at, **shown)
