"""`headrace check-config`: whether a server could start with these settings, here and now."""

from __future__ import annotations

import click

from headrace import memory_bound
from headrace.commands.settings_flags import EXIT_MISCONFIGURED, takes_settings, tell_what_is_wrong
from headrace.config import Settings
from headrace.loading import Loaded
from headrace.memory_bound import MB
from headrace.preflight.findings import Finding
from headrace.preflight.kept_kernels import kept_kernels
from headrace.settings.one_line import to_toml


@click.command()
@takes_settings
def check_config(loaded: Loaded) -> None:
    """Print the settings that serve would use, as TOML, each with its source, and the memory that they allow; and try
    what can be tried on this machine: data directory, addresses, certificates, files of secrets, memory, open files,
    compiled kernels.

    Nothing is made or changed. Run it as the server's user. All that is wrong comes on standard error, a line each; the
    exit code is 2 for mistakes in the settings (which are not printed then), 1 for what is in the way on the machine, 0
    for warnings alone. A server that runs on the database already is no hindrance, nor are the addresses that it has.
    """
    code = tell_what_is_wrong(loaded, starts=False)
    if code == EXIT_MISCONFIGURED:
        raise SystemExit(code)
    for name in Settings.model_fields:
        click.echo(f"{name} = {to_toml(getattr(loaded.settings, name))}  # {loaded.sources[name]}")
    click.echo(
        "# retention: what POST /api/ttl may have set in the database holds in place of the default; /health tells"
    )
    click.echo(f"# memory: {_memory(loaded.settings)}")
    kernels = kept_kernels(loaded)
    if isinstance(kernels, Finding):
        click.echo(f"headrace: warning: {kernels.what}", err=True)
    else:
        click.echo(f"# kernels: {kernels}")
    raise SystemExit(code)


def _memory(settings: Settings) -> str:
    megabytes, sealed = -(-memory_bound.most(settings) // MB), memory_bound.SEALED_BILLION_BYTES // MB
    series = memory_bound.SERIES_BYTES  # of one, so megabytes of a million
    return (
        f"{megabytes} MB at most, whatever is sent, and {series} MB for each million of series, {sealed} for each "
        "billion of points in segments"
    )
