"""`headrace verify`: is everything there that was acknowledged?"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from headrace import limits
from headrace import log as logs
from headrace.commands.asking import NotAnswered, is_url, posted
from headrace.commands.compiled import ensure_compiled
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.store.embedded.verifying.verify import Verified

Telling = Callable[[Path], AbstractContextManager[Callable[[int], None]]]
"""What a verification of a folder tells of its progress: bytes that were read."""

EXIT_FOUND = 1
"""Something is damaged or missing."""

EXIT_CANNOT_JUDGE = 2
"""It is no database, a server uses it, or the disk does not give it."""


VERIFY_PATH = "/api/headrace/v1/verify"


@click.command()
@click.argument("place", metavar="URL|DIR")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.option("--progress-lines", is_flag=True, hidden=True, help="Print JSON objects that say how far it is.")
def verify(place: str, as_json: bool, progress_lines: bool) -> None:
    """Read all of the database of the running server at URL, or of that in DIR, which no server may use, and name what
    is damaged or missing. Changes nothing.

    Exit code 0: all that was acknowledged is there. 1: something is damaged, missing, or known to be lost. 2: nobody
    can tell.
    """
    try:
        if is_url(place):
            said, verified = _verify_running(place)
        else:
            verified = _verify_folder(Path(place), _as_objects if progress_lines else reading_bar)
            said = as_object(verified)
    except HeadraceError as failure:
        if as_json:
            click.echo(json.dumps({"sound": None, "reason": str(failure)}))
        click.echo(f"headrace: {failure}", err=True)
        raise SystemExit(EXIT_CANNOT_JUDGE) from None
    click.echo(said if as_json else as_lines(verified))
    raise SystemExit(exit_code(verified))


def _verify_folder(folder: Path, telling: Telling) -> Verified:
    """Raises HeadraceError when nobody can tell."""
    with telling(folder) as progress:
        from headrace.store.embedded.backups import restoring  # noqa: PLC0415 - it loads the kernels

        return restoring.verify_labelled(folder, progress)


def _verify_running(url: str) -> tuple[str, Verified]:
    """The server's report, as JSON and read. Raises HeadraceError when nobody can tell."""
    from headrace.store.embedded.verifying.verify import Verified  # noqa: PLC0415 - it loads the kernels

    with posted(url, VERIFY_PATH, {}) as answer, _bar() as read:
        for line in answer:
            told = json.loads(line)
            if "reason" in told:
                raise NotAnswered(told["reason"])
            if "sound" in told:
                return line.decode().rstrip(), msgspec.json.decode(line, type=Verified)
            read(told["read"], told["of"])
    raise NotAnswered(f"{url} has not come to the end of it")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """Takes how many bytes were read so far, and of how many."""
    if not sys.stderr.isatty():
        yield lambda _read, _of: None
        return
    with click.progressbar(length=0, label="reading", file=sys.stderr) as bar:

        def read(count: int, of: int) -> None:
            bar.length = of
            bar.update(count - bar.pos)

        yield read


@contextmanager
def _as_objects(folder: Path) -> Iterator[Callable[[int], None]]:
    """As `reading_bar`, but as lines of JSON on standard output: bytes `read`, `of` so many."""
    ensure_compiled()
    from headrace.store.embedded.verifying.verify import bytes_to_read  # noqa: PLC0415 - it loads the kernels

    logs.configure("console", "critical")
    of, read, told_s = bytes_to_read(folder), 0, -limits.VERIFY_PROGRESS_S

    def progress(count: int) -> None:
        nonlocal read, told_s
        read += count
        if time.monotonic() - told_s >= limits.VERIFY_PROGRESS_S:
            told_s = time.monotonic()
            click.echo(json.dumps({"read": read, "of": of}))

    progress(0)
    yield progress


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
