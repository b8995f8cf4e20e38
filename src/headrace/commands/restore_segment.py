"""`headrace restore-segment`: segments that were set aside as damaged, or dropped for their age, count again."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.commands.compiled import ensure_compiled
from headrace.errors import HeadraceError


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("copies", metavar="COPY...", nargs=-1, required=True, type=click.Path(path_type=Path))
def restore_segment(folder: Path, copies: tuple[Path, ...]) -> None:
    """Let segments count again in the database in DIR, which no server may use. Each COPY is a sound copy of one that
    was set aside as damaged, or a file in DIR/segments/dropped, of what was dropped for its age.

    What has been deleted since then stays deleted.
    """
    ensure_compiled()
    from headrace.store.embedded import restoring  # noqa: PLC0415 - it loads the kernels

    try:
        for file, points in restoring.restore_segments(folder, copies):
            click.echo(f"{file} counts again, {points} points")
    except (HeadraceError, OSError) as failure:
        raise click.ClickException(str(failure)) from None
