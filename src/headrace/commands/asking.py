"""How a command asks a running server."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from headrace.errors import HeadraceError

TOKEN_VARIABLE: Final = "HEADRACE_TOKEN"
"""Environment variable of the token that a command sends. It is no flag, as everybody sees those."""


class NotAnswered(HeadraceError):  # noqa: N818
    """There is no answer, or it is no success."""


def is_url(place: str) -> bool:
    """Whether it is a server that is meant, and no directory."""
    return "://" in place


@contextmanager
def posted(url: str, path: str, body: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    """The successful answer of the server at `url`, which is asked with the token of TOKEN_VARIABLE, to be read in the
    block. Raises NotAnswered, also when the reading fails."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotAnswered(f"{url} is not http://host:port, nor https://")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 80)
    try:
        headers = {"content-type": "application/json"}
        if token := os.environ.get(TOKEN_VARIABLE):
            headers["authorization"] = f"Bearer {token}"
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise NotAnswered(f"{url} answers {answer.status}: {answer.read().decode(errors='replace')}")
        yield answer
    except (OSError, http.client.HTTPException) as failure:
        raise NotAnswered(f"{url} does not answer: {failure}") from None
    finally:
        connection.close()
