"""The kernels, before a command needs them; and `headrace compile`, which makes them for a machine to come."""

from __future__ import annotations

import platform
from pathlib import Path

import click

COMPILING = "Compiling for this machine; only the first start does that, and it takes up to a minute ..."
IN_MEMORY = (
    "Compiling for this machine, as each start does that finds no folder to keep the result in: name one by "
    "HEADRACE_CACHE_DIR, or see headrace compile. It takes a minute or two ..."
)


def ensure_compiled(last_resort: Path | None = None) -> None:
    """Compile the kernels if this machine has not yet, and say so on standard error.

    last_resort: a folder to keep them in where there is no better.
    """
    from headrace import log  # noqa: PLC0415
    from headrace.compiling import are_compiled, compile_all  # noqa: PLC0415 - it loads numba
    from headrace.kernels import cache  # noqa: PLC0415

    cache.use(cache.find(last_resort))
    if are_compiled():
        return
    if cache.in_use().folder is None:
        # Nothing is done here: each is compiled when it is loaded.
        log.say(IN_MEMORY, "info")
        return
    log.say(COMPILING, "info")
    compile_all()


@click.command(name="compile")
@click.option(
    "--target",
    default="native",
    show_default=True,
    help="For which processors: native (this machine's), x86-64-v2, x86-64-v3; generic on aarch64; portable: x86-64-v3 "
    "or generic.",
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
    from headrace.compiling import compile_all  # noqa: PLC0415
    from headrace.kernels import cache  # noqa: PLC0415

    if target == "portable":
        target = cache.PORTABLE.get(platform.machine(), target)
    if target not in cache.targets():
        click.echo(f"headrace: {target} is no target here: take {', '.join(cache.targets())}", err=True)
        raise SystemExit(2)
    made = cache.where_to_make(into, target)
    if made.folder is None:
        click.echo("headrace: no folder can be written that a server looks into: name one by --into", err=True)
        raise SystemExit(2)
    cache.use(made)
    if not made.is_complete:
        compile_all()
    click.echo(f"compiled for {target} into {made.folder}")
