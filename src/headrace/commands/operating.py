"""`headrace backup`, `headrace restore` and `headrace seal`: what an operator asks of a server, or of its files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from headrace.commands.asking import NotAnswered, is_url, posted
from headrace.commands.backup_stream import stream_backup
from headrace.commands.compiled import ensure_compiled
from headrace.commands.verify import reading_bar
from headrace.errors import HeadraceError

EXIT_FAILED = 1

BACKUP_PATH = "/api/headrace/v1/backup"
SEAL_PATH = "/api/headrace/v1/seal"


@click.command()
@click.argument("source", metavar="URL|DIR")
@click.argument("target", metavar="TARGET", type=click.Path(path_type=Path))
def backup(source: str, target: Path) -> None:
    """Back up the running server at URL, or the database in DIR that no server uses, into the directory TARGET.

    TARGET is made, or holds an earlier backup, which is replaced when the new one is whole. On the same file system,
    files that never change are linked, not copied; on another one, those that the earlier backup has are. As TARGET, -
    is standard output: the backup is written there as a tar archive.
    """
    if str(target) == "-":
        _backup_to_output(source)
        return
    place = target.absolute()
    if is_url(source):
        taken = _post(source, BACKUP_PATH, {"target": str(place)})
        last_sequence, linked, copied = taken["last_sequence"], taken["linked"], taken["copied"]
    else:
        ensure_compiled()
        from headrace.store.embedded.backups.backing_up import back_up_stopped  # noqa: PLC0415 - it loads the kernels

        try:
            made = back_up_stopped(Path(source), place, time.time_ns() // 1_000_000)
        except HeadraceError as failure:
            raise _failed(str(failure)) from None
        last_sequence, linked, copied = made.last_sequence, made.linked, made.copied
    click.echo(f"backed up into {place}: through record {last_sequence}, {linked} files linked, {copied} copied")


def _backup_to_output(source: str) -> None:
    try:
        last_record, written = stream_backup(source)
    except HeadraceError as failure:
        raise _failed(str(failure)) from None
    click.echo(f"backed up: through record {last_record}, {written} bytes", err=True)


@click.command()
@click.argument("folder", metavar="BACKUP", type=click.Path(path_type=Path))
@click.argument("data_dir", metavar="DIR", type=click.Path(path_type=Path))
def restore(folder: Path, data_dir: Path) -> None:
    """Verify the backup in BACKUP, and copy it to DIR, which must be absent or empty; `headrace serve` goes on from
    it."""
    from headrace.store.embedded.backups import restoring  # noqa: PLC0415 - it loads the kernels

    try:
        with reading_bar(folder) as progress:
            backup, verified = restoring.verify_backup(folder, progress)
        restoring.restore(folder, data_dir)
    except HeadraceError as failure:
        raise _failed(str(failure)) from None
    points = verified.sealed_points + verified.journal_points
    click.echo(f"restored into {data_dir}: through record {backup.last_sequence}, {points} points, verified")


@click.command()
@click.argument("url", metavar="URL")
def seal(url: str) -> None:
    """Let the running server at URL write all that it has acknowledged into its Parquet files now, and wait for it."""
    click.echo(f"sealed through record {_post(url, SEAL_PATH, {})['sealed_through']}")


def _post(url: str, path: str, body: dict[str, str]) -> Any:
    """The parsed answer. Ends the command when there is none, or it is no success."""
    try:
        with posted(url, path, body) as answer:
            return json.loads(answer.read())
    except NotAnswered as failure:
        raise _failed(str(failure)) from None


def _failed(why: str) -> SystemExit:
    click.echo(f"headrace: {why}", err=True)
    return SystemExit(EXIT_FAILED)
