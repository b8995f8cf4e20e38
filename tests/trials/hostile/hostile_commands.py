"""What scripts/torture does to a server from outside, by requests and connections."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import crowds
import mutated_requests
import overload_trial
from right_requests import DIALECTS

WRONG_SHOWN: Final = 20


@click.command()
@click.option("--count", type=int, default=1000, help="How many of each dialect.")
@click.option("--seed", type=int, default=1, help="Which mutations.")
@click.option(
    "--dialect", "dialects", type=click.Choice(DIALECTS), multiple=True, help="Only this one; may be repeated."
)
def requests(count: int, seed: int, dialects: Sequence[str]) -> None:
    """Right requests with something wrong in body, target, head or packing, to a server; beside them a neighbour."""
    tell_the_machine()
    wrong: list[str] = []
    for dialect in dialects or DIALECTS:
        with tempfile.TemporaryDirectory() as folder:
            outcome = mutated_requests.trial(Path(folder), [dialect], count, seed)
        click.echo(f"{dialect}: {outcome.told()}")
        wrong += outcome.wrong
    finish(wrong)


@click.command()
@click.option("--senders", type=int, default=1000, help="A byte each second.")
@click.option("--readers", type=int, default=1000, help="Of answers of 4 MB: some take nothing, some 8 bytes a second.")
@click.option("--idle", type=int, default=5000, help="They say nothing, or nothing more.")
@click.option("--seconds", type=float, default=180.0, help="How long after all are there.")
def connections(senders: int, readers: int, idle: int, seconds: float) -> None:
    """Slow senders, slow readers and idle connections, HTTP and telnet; beside them a neighbour."""
    tell_the_machine()
    with tempfile.TemporaryDirectory() as folder:
        outcome = crowds.trial(Path(folder), senders, readers, idle, seconds)
    click.echo(outcome.told())
    finish(outcome.wrong)


@click.command()
@click.option("--minutes", type=float, default=5.0, help="How long.")
@click.option("--senders", type=int, default=overload_trial.SENDERS, help="How many send as fast as they are answered.")
def overload(minutes: float, senders: int) -> None:
    """More than the server can take, every batch three times and out of order; accepted must be stored."""
    tell_the_machine()
    with tempfile.TemporaryDirectory() as folder:
        outcome = overload_trial.trial(Path(folder), 60 * minutes, senders)
    click.echo(outcome.told())
    finish(outcome.wrong)


def tell_the_machine() -> None:
    """Figures mean nothing without it."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    click.echo(
        f"{os.cpu_count()} cores, {memory_gb:.0f} GB, Linux {platform.release()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def finish(wrong: Sequence[str]) -> None:
    """Exit with 1 if anything was."""
    for one in wrong[:WRONG_SHOWN]:
        click.echo(one)
    click.echo(f"{len(wrong)} failures")
    sys.exit(bool(wrong))


COMMANDS: Final = (requests, connections, overload)
