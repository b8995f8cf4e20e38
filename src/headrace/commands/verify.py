"""`headrace verify`: is everything there that was acknowledged?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace import log as logs
from headrace.commands.compiled import ensure_compiled
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.store.embedded.verifying.verify import Verified

EXIT_FOUND = 1
"""Something is damaged or missing."""

EXIT_CANNOT_JUDGE = 2
"""It is no database, a server uses it, or the disk does not give it."""


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def verify(folder: Path, as_json: bool) -> None:
    """Read all of the database in DIR, which no server may use, and name what is damaged or missing. Changes nothing.

    Exit code 0: all that was acknowledged is there. 1: something is damaged, missing, or known to be lost. 2: nobody
    can tell.
    """
    try:
        with reading_bar(folder) as progress:
            from headrace.store.embedded.backups import restoring  # noqa: PLC0415 - it loads the kernels

            verified = restoring.verify_labelled(folder, progress)
    except HeadraceError as failure:
        if as_json:
            click.echo(json.dumps({"sound": None, "reason": str(failure)}))
        click.echo(f"headrace: {failure}", err=True)
        raise SystemExit(EXIT_CANNOT_JUDGE) from None
    click.echo(as_object(verified) if as_json else as_lines(verified))
    raise SystemExit(exit_code(verified))


@contextmanager
def reading_bar(folder: Path) -> Iterator[Callable[[int], None]]:
    """What a verification of the folder tells its progress, as a bar on standard error if that is a terminal. Compiles
    the kernels before, if need be, and keeps the log silent: what is found is told by the command itself."""
    ensure_compiled()
    from headrace.store.embedded.verifying.verify import bytes_to_read  # noqa: PLC0415 - it loads the kernels

    logs.configure("console", "critical")
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=bytes_to_read(folder), label="reading", file=sys.stderr) as bar:
        yield bar.update


def exit_code(verified: Verified) -> int:
    """See the command."""
    if verified.is_sound:
        return 0
    return EXIT_FOUND if verified.is_judged else EXIT_CANNOT_JUDGE


def as_object(verified: Verified) -> str:
    """JSON: `sound`, true, false, or null where nobody can tell; `findings`; and how much was read."""
    sound = verified.is_sound if verified.is_judged else None
    return json.dumps({"sound": sound, **asdict(verified)})


def as_lines(verified: Verified) -> str:
    """For people: a line for each finding, then one that says how much was read."""
    found = [f"{finding.kind}: {_printable(f'{finding.file}: {finding.what}')}" for finding in verified.findings]
    read = (
        f"{verified.series} series, {verified.sealed_points} points in {verified.segments} segments, "
        f"{verified.journal_points} in the journal, {verified.documents} documents"
    )
    torn = f"; {verified.torn_bytes} bytes of a write that nobody was told of end the journal" * bool(
        verified.torn_bytes
    )
    word = "sound" if verified.is_sound else f"{len(found)} findings" if len(found) > 1 else "1 finding"
    return "\n".join([*found, f"{word}: {read}{torn}"])


def _printable(text: str) -> str:
    """Names of documents come from strangers: none begins a line of its own or moves a terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
