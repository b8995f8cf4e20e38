"""A token as the data directory has it, and whom it stands for."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from headrace.access.principals import Principal, principal_of
from headrace.errors import Corrupt
from headrace.settings.principals import Granted
from headrace.store.embedded.tokens.rows import TokenRow


class StoredToken(NamedTuple):
    """used: when it was last used as far as that was written down, ms since 1970 UTC; 0 for never."""

    row: TokenRow
    principal: Principal
    used: int

    @property
    def until_ms(self) -> float:
        """When it ends, ms since 1970 UTC; infinite for never, 0 for one that was revoked."""
        return 0 if self.row.revoked else self.row.expires or math.inf


def moment(ms: int, none: str) -> str:
    """As ISO 8601, to the second; `none` for 0."""
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat().replace("+00:00", "Z") if ms else none


def granted_of(row: TokenRow, path: Path) -> Granted:
    """What the token may do. path: of its file. Raises Corrupt when this server does not understand it."""
    try:
        return Granted.model_validate_json(row.grants)
    except ValidationError as mistake:
        first = mistake.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Corrupt(
            path, f'what the token "{row.name}" is granted cannot be understood: {where}: {first["msg"]}'
        ) from (mistake)


def stored_token(row: TokenRow, used: int, path: Path) -> StoredToken:
    """Raises Corrupt as granted_of. Its principal is told apart from one of the settings with the same name."""
    return StoredToken(row, principal_of(f"tokens.{row.name}", granted_of(row, path)), used)
