"""The kernels, before a command needs them; and `headrace compile`, which makes them for a machine to come."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

COMPILING = "Compiling for this machine; only the first start does that, and it takes up to a minute ..."
IN_MEMORY = (
    "Compiling for this machine, as each start does that finds no folder to keep the result in: name one by "
    "HEADRACE_CACHE_DIR, or see headrace compile. It takes a minute or two ..."
)

UNLINKABLE = (
    "what was compiled cannot be kept for the next start, as this version of Numba is another than those "
    "tried ({}): each start compiles anew. Please report it."
)

UNWRITABLE = "what was compiled cannot be kept in {} ({}): this start compiles once more, into memory"


def ensure_compiled(last_resort: Path | None = None) -> None:
    """Compile the kernels if this machine has not yet, and say so on standard error.

    last_resort: a folder to keep them in where there is no better.
    """
    from headrace.kernels import cache  # noqa: PLC0415 - it loads LLVM

    cache.use(cache.find(last_resort))
    if not cache.are_compiled():
        _compile_before_the_start(cache.in_use().folder is not None)
    cache.tidy()


def _compile_before_the_start(can_be_kept: bool) -> None:
    from headrace import log  # noqa: PLC0415
    from headrace.kernels import cache  # noqa: PLC0415
    from headrace.kernels.making.compiling import UnlinkableError, compile_all  # noqa: PLC0415

    if not can_be_kept:
        # Nothing is done here: each is compiled when its module is imported.
        log.say(IN_MEMORY, "info")
        return
    log.say(COMPILING, "info")
    try:
        compile_all()
        return
    except UnlinkableError as failure:
        log.say(UNLINKABLE.format(failure), "warning")
    except OSError as failure:
        log.say(UNWRITABLE.format(cache.in_use().folder, failure.strerror), "warning")
    cache.use(cache.IN_MEMORY)


PORTABLE: Final = "portable"


@click.command(name="compile")
@click.option(
    "--target",
    default="native",
    show_default=True,
    help="For which processors: native (this machine's), x86-64-v2, x86-64-v3; generic on aarch64; portable: all of "
    "these but native, for an image.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where to keep them; a server looks where HEADRACE_CACHE_DIR says. [default: beside the package]",
)
def compile_kernels(target: str, into: Path | None) -> None:
    """Compile what the first start would, for an image or a package: servers then start at once, also where nothing can
    be written. What a server finds for its own processor goes before what is for many."""
    from headrace.kernels import cache  # noqa: PLC0415

    if target not in (PORTABLE, *cache.targets()):
        click.echo(f"headrace: {target} is no target here: take {', '.join(cache.targets())}", err=True)
        raise SystemExit(2)
    for each in cache.portable() if target == PORTABLE else [target]:
        _compile_for(each, into)


def _compile_for(target: str, into: Path | None) -> None:
    from headrace.kernels import cache  # noqa: PLC0415
    from headrace.kernels.making.compiling import UnlinkableError, compile_all  # noqa: PLC0415

    made = cache.where_to_make(into, target)
    if made.folder is None:
        click.echo("headrace: no folder can be written that a server looks into: name one by --into", err=True)
        raise SystemExit(2)
    cache.use(made)
    if not made.is_complete:
        try:
            compile_all()
        except UnlinkableError as failure:
            click.echo(f"headrace: what was compiled does not work without Numba ({failure})", err=True)
            raise SystemExit(1) from None
    click.echo(f"compiled for {target} into {made.folder}")
