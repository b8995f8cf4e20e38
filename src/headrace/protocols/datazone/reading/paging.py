"""The token of a list's next page: the last key that was shown, so that forms posted between two pages neither repeat
nor hide any; sealed together with what was asked for, so that it fits no other question."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.protocols.datazone import keys
from headrace.protocols.datazone.faults import invalid
from headrace.protocols.datazone.wire import Page

_SEAL_BYTES: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")


class PageTokens:
    """Of one database: no other's are taken."""

    def __init__(self, secret: NDArray[np.uint64]) -> None:
        """secret: the database's own (model.series.SeriesTable.secret)."""
        self._key = blake2b(secret.tobytes(), person=b"datazone.page").digest()

    def next(self, prefix: str, page: Page, shown_key: str) -> str:
        """The token for what follows shown_key.   prefix: of the items asked for (keys.form_prefix)."""
        last = shown_key.removeprefix(prefix).encode()
        return urlsafe_b64encode(self._seal(prefix, page, last) + last).decode()

    def last_shown(self, prefix: str, page: Page, token: str) -> str:
        """The key that `next` was given. Raises Refused (rule "validation") for any other token. The size of a page may
        change from one to the next."""
        # b64decode passes over what is no base64; a token has none.
        if _TOKEN.fullmatch(token) and len(token) % 4 == 0:
            sealed = urlsafe_b64decode(token)
            last = sealed[_SEAL_BYTES:]
            if hmac.compare_digest(sealed[:_SEAL_BYTES], self._seal(prefix, page, last)):
                return prefix + last.decode()
        raise invalid(["Value at '/nextToken' failed to satisfy constraint: Member must be a token of this list"])

    def _seal(self, prefix: str, page: Page, last: bytes) -> bytes:
        asked = f"{prefix} {page.started_us} {page.ended_us} ".encode()
        return blake2b(asked + last, key=self._key, digest_size=_SEAL_BYTES).digest()


def first_key(prefix: str, page: Page, tokens: PageTokens) -> str:
    """Where a page begins."""
    if page.token is None:
        return keys.items_between(prefix, page.started_us, page.ended_us).first
    return keys.after(tokens.last_shown(prefix, page, page.token))
