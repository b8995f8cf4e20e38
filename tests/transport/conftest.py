"""Every test of this folder gets its server and the loop that serves in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from smallhouse import House, running


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that serves in earnest: it differs from asyncio's own in closing, half-closing and pausing."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with running() as made:
        yield made
