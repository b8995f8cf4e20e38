"""Commands that take all settings: a flag for each, made from the table."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

import click

from headrace import config
from headrace.loading import Loaded, load_what_holds, unknown_variables
from headrace.preflight.examine import examine
from headrace.settings.allowed import allowed
from headrace.settings.one_line import to_toml

EXIT_HINDERED: Final = 1
"""What was found on the machine is in the way; another time it may not be, so that a supervisor tries again."""

EXIT_MISCONFIGURED: Final = 2
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


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --config and a flag for every setting that holds no secrets, and call it with what was loaded,
    mistakes included, and its own flags."""

    @functools.wraps(command)
    def load_and_run(config_file: Path | None, **given: Any) -> None:
        # Not given is None, or an empty tuple for a flag that may be repeated.
        settings = {name: given.pop(name) for name in config.Settings.model_fields}
        flags = {name: value for name, value in settings.items() if value not in (None, ())}
        secrets = [name for name in flags if name in config.SECRETS]
        loaded = load_what_holds({name: value for name, value in flags.items() if name not in secrets}, config_file)
        command(replace(loaded, problems=(*map(_not_as_a_flag, secrets), *loaded.problems)), **given)

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


def tell_what_is_wrong(loaded: Loaded, starts: bool) -> int:
    """Everything at once, a line each: variables that nobody looks at, mistakes, and what was found on the machine.
    Returns the exit code that it makes, 0 with warnings alone.   starts: see examine."""
    from headrace import log  # noqa: PLC0415 - it takes 80 ms, which --help need not wait for

    for warning in unknown_variables():
        log.say(warning, "warning")
    for problem in loaded.problems:
        log.say(problem)
    found = examine(loaded, starts)
    for finding in found:
        log.say(finding.what, "error" if finding.is_error else "warning")
    if loaded.problems:
        return EXIT_MISCONFIGURED
    return EXIT_HINDERED if any(finding.is_error for finding in found) else 0


def _flag(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    field = config.Settings.model_fields[name]
    default = f"default: {to_toml(field.default)}"
    description = f"{field.description} [{allowed(field)}; {config.variable_of(name)}; {default}]"
    flag = config.flag_of(name)
    if name in config.SECRETS:
        return click.option(flag, name, type=str, hidden=True)
    if field.annotation is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=description)
    # Values stay text here: loading alone judges them, in the same words for a flag as for a variable or the file.
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    last_word = name.rsplit("_", maxsplit=1)[-1].upper()
    takes = "|".join(choices) or TAKES.get(name, last_word)
    several = isinstance(field.default, tuple)
    return click.option(flag, name, type=str, multiple=several, metavar=takes, help=description)


def _not_as_a_flag(name: str) -> str:
    return (
        f"{config.flag_of(name)} is not taken: every user of this machine can see a command line, and {name} holds "
        f"secrets: write it into the file that --config names, or set {config.variable_of(name)}."
    )
