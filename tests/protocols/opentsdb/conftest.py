"""The room as a server has it, for those who ask it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_room import RealRoom, real_room


@pytest.fixture
def tsd(tmp_path: Path) -> Iterator[RealRoom]:
    """Over an empty store in a folder of the test's own. A file that wants another has its own."""
    with real_room(tmp_path) as room:
        yield room
