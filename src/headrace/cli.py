"""The command line: `headrace serve`, and the commands of headrace.commands."""

from __future__ import annotations

import gc

import click

from headrace import __version__
from headrace.about import table
from headrace.commands.check_config import check_config
from headrace.commands.compiled import compile_kernels, ensure_compiled
from headrace.commands.health import health
from headrace.commands.operating import backup, restore, seal
from headrace.commands.restore_segment import restore_segment
from headrace.commands.settings_flags import takes_settings, tell_what_is_wrong
from headrace.commands.token import token
from headrace.commands.verify import verify
from headrace.loading import Loaded
from headrace.memory import use_no_blas, use_one_allocator
from headrace.rooms import ABOUT_ROOMS


@click.group(name="headrace", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="headrace")
def main() -> None:
    """A durable time-series server that OpenTSDB writers talk to unchanged."""


def _help_of_serve() -> str:
    senders = table((room.speaks, room.send[0].line) for room in ABOUT_ROOMS)
    return f"""Serve until SIGTERM or SIGINT. Who sends here, and how (the page at / says more):

    \b
{senders}"""


@main.command(help=_help_of_serve())
@takes_settings
@click.option("--accept-loss", is_flag=True, help="Go on without what is missing of the database, and remember it.")
@click.option("--believe-clock", is_flag=True, help="The clock is right, however far it is ahead of the database.")
def serve(loaded: Loaded, **concessions: bool) -> None:
    """Serve until SIGTERM or SIGINT."""
    from headrace import log  # noqa: PLC0415 - see tell_what_is_wrong

    log.configure(loaded.settings.log_format, loaded.settings.log_level)
    if code := tell_what_is_wrong(loaded, starts=True):
        raise SystemExit(code)
    use_one_allocator()
    use_no_blas()
    gc.disable()  # until all is loaded: collections on the way would look again and again at what never goes, 0.15 s
    ensure_compiled(loaded.settings.data_dir / "cache")
    # Not at the top: it loads every kernel and every room, which check-config and --help need not wait for.
    from headrace.serve import run  # noqa: PLC0415

    run(loaded.settings, **concessions)


for other in (check_config, compile_kernels, health, verify, backup, restore, restore_segment, seal, token):
    main.add_command(other)
