"""What the trials of the real server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forked_server import Nursery, nursery


@pytest.fixture(scope="session")
def forks() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened
