"""How a token looks: `headrace_<id>_<secret>`. Scanners for secrets that were published find it by its beginning."""

from __future__ import annotations

import re
import secrets
from typing import Final

PREFIX: Final = "headrace_"

ID_BYTES: Final = 6
SECRET_BYTES: Final = 32
"""256 bits, which nobody guesses."""

_TOKEN: Final = re.compile(rb"headrace_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
ID: Final = re.compile(r"[0-9a-f]{12}")


def new_id() -> str:
    """A public name for a token, which others have with a chance of one in 2**48."""
    return secrets.token_hex(ID_BYTES)


def new_secret() -> str:
    """Of letters, digits, - and _: 43 of them."""
    return secrets.token_urlsafe(SECRET_BYTES)


def spelled(token_id: str, secret: str) -> str:
    """The token as a client sends it."""
    return f"{PREFIX}{token_id}_{secret}"


def parts_of(token: bytes) -> tuple[str, bytes] | None:
    """Id and secret of a token as a client sent it; None for what is none of these tokens."""
    found = _TOKEN.fullmatch(token)
    return (found[1].decode(), found[2]) if found else None
