"""`headrace restore-segment`: a segment that was set aside as damaged counts again, from a sound copy of it."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.commands.compiled import ensure_compiled
from headrace.errors import HeadraceError


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("copy", metavar="COPY", type=click.Path(path_type=Path))
def restore_segment(folder: Path, copy: Path) -> None:
    """Let the segment of which COPY is a sound copy count again in the database in DIR, which no server may use.

    What has been deleted since it was set aside stays deleted.
    """
    ensure_compiled()
    from headrace.store.embedded import restoring  # noqa: PLC0415 - it loads the kernels

    try:
        meta = restoring.restore_segment(folder, copy)
    except (HeadraceError, OSError) as failure:
        raise click.ClickException(str(failure)) from None
    click.echo(f"{meta.file} counts again, {meta.rows} points")
