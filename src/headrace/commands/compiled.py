"""The kernels, before a command needs them."""

from __future__ import annotations

import click

COMPILING = "Compiling for this machine; only the first start does that, and it takes up to a minute ..."


def ensure_compiled() -> None:
    """Compile the kernels if this machine has not yet, and say so on standard error."""
    from headrace.compiling import are_compiled, compile_all  # noqa: PLC0415 - it loads numba

    if not are_compiled():
        click.echo(COMPILING, err=True)
        compile_all()
