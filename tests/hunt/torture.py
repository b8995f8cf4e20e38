"""Trials of the store for as long as you like: the hunt, one seed after the other until one fails, and what lies in
tests/trials, some of which (tests/trials/cuts) tries the real server. scripts/torture calls it."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import flipping
import hostile_commands
import replacing
from hunt_kills import storm_with_kills
from hunt_run import Failure, run
from hunt_shrink import report, shrink
from hunt_steps import Step, parse, steps
from hunt_threads import storm
from mixture import Watched, all_at_once, limited
from serverprocess import running
from torture_cuts import COMMANDS as CUTS

from headrace import limits
from headrace.config import Settings
from headrace.memory_bound import MB, most

STEPS = 100
STORM_EVERY = 20
STORM_ROUNDS = 50
STORM_KILLS = 5
SHRINK_S = 300.0


@click.group()
def torture() -> None:
    """Do to a part of headrace what the world may do to it, and compare it with a model."""


@torture.command()
@click.option("--minutes", type=float, default=1.0, help="How long; a seed that has begun is finished.")
@click.option("--seed", type=int, default=None, help="The first seed; those after it follow. Default: any.")
@click.option("--steps", "count", type=int, default=STEPS, help="Steps of each seed.")
@click.option("--replay", default="", help="These steps instead, as a failure printed them.")
def store(minutes: float, seed: int | None, count: int, replay: str) -> None:
    """The embedded store against a dict: writes, seals, crashes, disks that fail or rot, power cuts, older copies."""
    if replay:
        _finish(parse(replay), run(parse(replay)).failure)
        return
    ends_s = time.monotonic() + 60 * minutes
    first = random.SystemRandom().randrange(1_000_000_000) if seed is None else seed
    number = first
    while number == first or time.monotonic() < ends_s:
        begin_s = time.monotonic()
        outcome = run(steps(number, count))
        if outcome.failure is not None:
            click.echo(report(number, outcome.failure))
            _finish(steps(number, count), outcome.failure)
        click.echo(
            f"seed {number}: {count} steps, {outcome.acknowledged} changes acknowledged, {outcome.crashes} crashes, "
            f"{outcome.faults} faults, {_said(outcome.spoilt)} when spoilt, {time.monotonic() - begin_s:.1f} s"
        )
        if number % STORM_EVERY == 0:
            _storm(number)
        number += 1


@torture.command()
@click.option("--flips", type=int, default=10_000, help="How many bits, one at a time.")
@click.option("--seed", type=int, default=1, help="Which bits.")
@click.option("--every", is_flag=True, help="All of them instead, which takes hours.")
@click.option("--part", type=int, default=0, help="Of --parts, with --every.")
@click.option("--parts", type=click.IntRange(min=1), default=1, help="For several processes.")
def bits(flips: int, seed: int, every: bool, part: int, parts: int) -> None:
    """A bit of a small database's files is flipped, then it is verified, opened and read."""

    def chosen(sizes: flipping.Sizes) -> Iterator[flipping.Bit]:
        found = flipping.every(sizes, part, parts) if every else flipping.by_chance(sizes, flips, seed)
        length = len(range(part, 8 * sum(sizes.values()), parts)) if every else flips
        with click.progressbar(found, length) as bar:
            yield from bar

    with tempfile.TemporaryDirectory() as folder:
        tried = flipping.trial(Path(folder), chosen)
    _tell(tried.outcomes)
    hostile_commands.finish(tried.wrong)


@torture.command()
def files() -> None:
    """Files of a small database are replaced by older copies, nothing, empty ones, another's: each, and all pairs."""
    with tempfile.TemporaryDirectory() as folder:
        _tell(replacing.trial(Path(folder), pairs=True))


@torture.command()
@click.option("--minutes", type=float, default=1.0, help="How long.")
def memory(minutes: float) -> None:
    """A server with the default settings gets everything that is dear, all at once."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data") as server:
        server.answers_within_s = 600
        stated = most(Settings())
        with limited(server, stated) as is_limited, Watched(server) as watched:
            heard = all_at_once(server, 60 * minutes, limits.BODY_BYTES_MAX, stuck_readers=50)
        for (sender, status), count in sorted(heard.items()):
            click.echo(f"{sender}: {count} answers {status}")
        kernel = "with" if is_limited else "without"
        click.echo(
            f"{watched.most_bytes / MB:.0f} MB at most, {stated / MB:.0f} are stated; {kernel} a limit of the kernel"
        )
        if watched.most_bytes > stated or server.get("/health")[0] != 200:
            sys.exit(1)


for command in (*CUTS, *hostile_commands.COMMANDS):
    torture.add_command(command)


def _tell(outcomes: Counter[str]) -> None:
    click.echo(f"{sum(outcomes.values())} openings: {_said(outcomes)}")


def _said(outcomes: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(outcomes.items())) or "none"


def _storm(seed: int) -> None:
    begin_s = time.monotonic()
    try:
        storm(seed, STORM_ROUNDS)
        storm_with_kills(seed, STORM_KILLS)
    except Exception:
        click.echo(f"seed {seed} fails with the store's threads, and may not when they meet in another way:")
        raise
    click.echo(
        f"seed {seed}: {STORM_ROUNDS} rounds of each writer with threads, and {STORM_KILLS} kills, "
        f"{time.monotonic() - begin_s:.1f} s"
    )


def _finish(failed: Sequence[Step], failure: Failure | None) -> None:
    if failure is None:
        click.echo("no failure")
        return
    click.echo(f"shrinking {failure.step + 1} steps, for {SHRINK_S:.0f} s at most ...")
    few = shrink(failed[: failure.step + 1], lambda fewer: run(fewer).failure, SHRINK_S)
    last = run(few).failure
    click.echo(f"{len(few)} steps fail with: {last.error if last else 'nothing, this time'}")
    click.echo(f'scripts/torture store --replay "{" ".join(map(str, few))}"')
    sys.exit(1)


if __name__ == "__main__":
    torture()
