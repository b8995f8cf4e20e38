"""headrace beside a real server for as long as you like. scripts/oracles calls it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from oracles.comparing.campaign import Oracle, met, run
from oracles.kairosdb import oracle as kairosdb
from oracles.opentsdb import oracle as opentsdb

ORACLES: dict[str, tuple[Callable[[], str | None], Callable[[Path], AbstractContextManager[Oracle[Any]]]]] = {
    "opentsdb": (opentsdb.missing, opentsdb.running),
    "kairosdb": (kairosdb.missing, kairosdb.running),
}
"""Server -> what keeps it from being started, and what starts it beside headrace in a folder."""

LONG_RUN = 20_000
"""Cases from which every wanted difference must have been met."""


@click.command()
@click.option("--server", type=click.Choice(list(ORACLES)), required=True, help="Which real server.")
@click.option("--cases", type=click.IntRange(min=1), default=2000, help="How many requests.")
@click.option("--seed", type=int, default=1, help="Which ones.")
def compare(server: str, cases: int, seed: int) -> None:
    """Ask a real server and headrace the same, and tell in what they differ without a reason."""
    missing, running = ORACLES[server]
    if reason := missing():
        raise click.ClickException(reason)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as oracle:
        outcome = run(oracle, cases, seed, short=cases < LONG_RUN, tell=lambda words: click.echo(words, err=True))
        click.echo(f"wanted differences, and how many cases met them:\n{met(oracle.table)}\n{outcome}")
    sys.exit(0 if outcome.is_clean else 1)


if __name__ == "__main__":
    compare()
