"""Trials of the real server process, subcommands of scripts/torture: kills, power cuts, calls and reads that fail."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import failing_calls
import killing
import power_cuts
import reading_back
from forked_server import Nursery, nursery


@contextmanager
def _folder() -> Iterator[tuple[Path, Nursery]]:
    """For databases, what is in it stays when a trial fails; and who forks servers."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-trial-"))
    try:
        with nursery() as forks:
            yield folder, forks
    except BaseException:
        click.echo(f"left for a closer look: {folder}")
        raise
    shutil.rmtree(folder)


@click.command()
@click.option("--rounds", type=int, default=100, help="Kills under load; those while it starts come on top.")
@click.option("--seed", type=int, default=1, help="What is sent, and when it is killed.")
def kills(rounds: int, seed: int) -> None:
    """The server is killed (-9) under mixed load through every room, and while it starts."""
    with _folder() as (folder, forks):
        click.echo(str(killing.trial(folder, forks, rounds, seed, click.echo)))


@click.command()
@click.option("--cuts", type=int, default=75, help="Moments at which the power goes.")
@click.option("--seed", type=int, default=1, help="What is sent, when the power goes, and what is left.")
@click.option("--without-fdatasync", is_flag=True, help="As if the journal did not call it: losses must be found.")
def powercuts(cuts: int, seed: int, without_fdatasync: bool) -> None:
    """What a disk may hold after a power cut is rebuilt from a recording, and the server starts on it."""
    with _folder() as (folder, forks):
        report = power_cuts.trial(folder, forks, cuts, seed, without_fdatasync, click.echo)
        click.echo(str(report))
        for failure in report.failures:
            click.echo(f"\n{failure[:2000]}")
        if report.failures:
            sys.exit(1)


@click.command()
@click.option("--seed", type=int, default=1, help="What is sent, and which call fails.")
@click.option("--call", default="", help="Only cases of this system call.")
def syscalls(seed: int, call: str) -> None:
    """System calls of writing and opening fail in turn, once in each thread or for a while; disks are full, or slow."""
    cases = [case for case in failing_calls.CASES if call in case.call.split(",") or not call]
    full = not call and failing_calls.may_mount()
    if not call and not full:
        click.echo("a full disk is left out: only root may mount one")
    with _folder() as (folder, forks):
        outcomes = failing_calls.trial(folder, forks, seed, cases, full, click.echo)
        wrong = sum(bool(outcome.wrong) for outcome in outcomes)
        click.echo(f"{len(outcomes)} cases, {wrong} of them with losses or other faults")
        if wrong:
            sys.exit(1)


@click.command()
@click.option("--seed", type=int, default=1, help="What the database holds.")
@click.option("--every", type=int, default=1, help="Only every so-many-th byte and call.")
def reads(seed: int, every: int) -> None:
    """The journal ends at each byte of its last commits; each read of a start fails once."""
    with _folder() as (folder, forks):
        cut = reading_back.cut_trial(folder, forks, every, click.echo)
        click.echo(f"{sum(cut.values())} journals cut: {reading_back.told(cut)}")
        failed = reading_back.fault_trial(folder, forks, seed, every, click.echo)
        click.echo(f"{sum(failed.values())} reads that failed: {reading_back.told(failed)}")


COMMANDS = (kills, powercuts, syscalls, reads)
