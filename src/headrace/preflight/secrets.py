"""Files with secrets, which not everybody on the machine should read."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from headrace.config import SECRETS
from headrace.loading import DEFAULT, Loaded
from headrace.preflight.findings import Finding
from headrace.settings.principals import TOKENS_FILE


def secrets(loaded: Loaded) -> Iterator[Finding]:
    """A warning for each that the permissions give to all."""
    for setting, what, file in _files(loaded):
        if _is_for_all(file):
            told = f"{setting}: {file} holds {what} and may be read by everybody on this machine; chmod o-r {file}"
            yield Finding(setting, told, is_error=False)


def _files(loaded: Loaded) -> Iterator[tuple[str, str, Path]]:
    written = [name for name in sorted(SECRETS) if loaded.sources[name] != DEFAULT]
    for source, name in {loaded.sources[name]: name for name in written}.items():
        yield name, "secrets", Path(source)  # the name of a variable is no file
    for listener in loaded.settings.listeners:
        if listener.tls is not None:
            yield "listeners", "a private key", listener.tls.key
    yield "data_dir", "hashes of tokens", loaded.settings.data_dir / TOKENS_FILE


def _is_for_all(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
