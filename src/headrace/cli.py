"""The command line: `headrace serve`, `headrace check-config`, and those of headrace.commands. Flags are made from the
table of settings."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import click

from headrace import __version__, config, memory_bound
from headrace.about import table
from headrace.commands.compiled import compile_kernels, ensure_compiled
from headrace.commands.operating import backup, restore, seal
from headrace.commands.restore_segment import restore_segment
from headrace.commands.token import token
from headrace.commands.verify import verify
from headrace.errors import Misconfigured
from headrace.memory import use_one_allocator
from headrace.rooms import ABOUT_ROOMS
from headrace.settings.one_line import to_toml

EXIT_MISCONFIGURED = 2
"""As click's own for a wrong flag: what was asked for cannot be done, nothing was started."""

TAKES = {
    "body_bytes_max": "BYTES",
    "jwt_issuers": "JSON",
    "listeners": "JSON",
    "scrub_bytes_per_s": "BYTES",
    "series_max": "SERIES",
    "series_per_hour_max": "SERIES",
    "series_bytes_max": "BYTES",
    "series_bytes_per_hour_max": "BYTES",
}
"""Setting -> what its flag takes, where the last word of its name does not say so."""


@click.group(name="headrace", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="headrace")
def main() -> None:
    """A durable time-series server that OpenTSDB writers talk to unchanged."""


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --config and a flag for every setting that holds no secrets, and call it with what was loaded and
    its own flags.

    Mistakes go to standard error, one a line, and the exit code is EXIT_MISCONFIGURED.
    """

    @functools.wraps(command)
    def load_and_run(config_file: Path | None, **given: Any) -> None:
        # Not given is None, or an empty tuple for a flag that may be repeated.
        settings = {name: given.pop(name) for name in config.Settings.model_fields}
        flags = {name: value for name, value in settings.items() if value not in (None, ())}
        for warning in config.unknown_variables():
            click.echo(f"headrace: {warning}", err=True)
        try:
            _refuse_secrets(flags)
            loaded = config.load(flags, config_file)
        except Misconfigured as mistake:
            for problem in mistake.problems:
                click.echo(f"headrace: {problem}", err=True)
            raise SystemExit(EXIT_MISCONFIGURED) from None
        command(loaded, **given)

    decorated: Callable[..., None] = load_and_run
    for name in reversed(config.Settings.model_fields):
        decorated = _flag(name)(decorated)
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        envvar=config.variable_of("config"),
        metavar="FILE",
        help=f"TOML file of settings. [{config.variable_of('config')}]",
    )(decorated)


def _flag(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    field = config.Settings.model_fields[name]
    description = f"{field.description} [{config.variable_of(name)}; default: {to_toml(field.default)}]"
    flag = config.flag_of(name)
    if name in config.SECRETS:
        return click.option(flag, name, type=str, hidden=True)
    if field.annotation is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=description)
    # Values stay text here: config alone judges them, in the same words for a flag as for a variable or the file.
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    last_word = name.rsplit("_", maxsplit=1)[-1].upper()
    takes = "|".join(choices) or TAKES.get(name, last_word)
    several = isinstance(field.default, tuple)
    return click.option(flag, name, type=str, multiple=several, metavar=takes, help=description)


def _refuse_secrets(flags: Mapping[str, object]) -> None:
    """Raises Misconfigured where a secret is given as a flag."""
    problems = tuple(
        f"{config.flag_of(name)} is not taken: every user of this machine can see a command line, and {name} holds "
        f"secrets: write it into the file that --config names, or set {config.variable_of(name)}."
        for name in flags
        if name in config.SECRETS
    )
    if problems:
        raise Misconfigured(problems)


def _help_of_serve() -> str:
    senders = table((room.speaks, room.send[0].line) for room in ABOUT_ROOMS)
    return f"""Serve until SIGTERM or SIGINT. Who sends here, and how (the page at / says more):

    \b
{senders}"""


@main.command(help=_help_of_serve())
@takes_settings
@click.option("--accept-loss", is_flag=True, help="Go on without what is missing of the database, and remember it.")
@click.option("--believe-clock", is_flag=True, help="The clock is right, however far it is ahead of the database.")
def serve(loaded: config.Loaded, **concessions: bool) -> None:
    """Serve until SIGTERM or SIGINT."""
    use_one_allocator()
    gc.disable()  # until all is loaded: collections on the way would look again and again at what never goes, 0.15 s
    # Not at the top: they load every kernel and every room, seconds that check-config and --help need not wait for.
    from headrace.compiling import tidy_cache  # noqa: PLC0415

    ensure_compiled(loaded.settings.data_dir / "cache")
    tidy_cache()
    from headrace.serve import run  # noqa: PLC0415

    run(loaded.settings, **concessions)


@main.command()
@takes_settings
def check_config(loaded: config.Loaded) -> None:
    """Print the settings that serve would use, as TOML, each with its source, and the memory that they allow; or the
    mistakes, with exit code 2."""
    for name in config.Settings.model_fields:
        click.echo(f"{name} = {to_toml(getattr(loaded.settings, name))}  # {loaded.sources[name]}")
    click.echo(
        "# retention: what POST /api/ttl may have set in the database holds in place of the default; /health tells"
    )
    megabytes = -(-memory_bound.most(loaded.settings) // memory_bound.MB)
    click.echo(f"# memory: {megabytes} MB at most, whatever is sent, and 170 MB for each million of series")


for other in (compile_kernels, verify, backup, restore, restore_segment, seal, token):
    main.add_command(other)
