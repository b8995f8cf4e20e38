"""Everything that is tried before a start, and by `headrace check-config`."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.loading import Loaded
from headrace.preflight.addresses import addresses
from headrace.preflight.certificates import certificates
from headrace.preflight.findings import Finding
from headrace.preflight.folder import SETTING, data_dir
from headrace.preflight.in_use import in_use, process_in
from headrace.preflight.resources import resources
from headrace.preflight.secrets import secrets

ADDRESSES = frozenset(("host", "port", "telnet", "listeners"))


def examine(loaded: Loaded, starts: bool) -> list[Finding]:
    """All at once. Of settings that are not as the operator means them there is nothing to find.

    starts: whether a server shall start now; else one that runs on the database already is none that is in the way, and
    has its addresses.
    """
    unsure = loaded.unsure | (ADDRESSES if loaded.unsure & ADDRESSES else frozenset())
    return [finding for finding in _all(loaded, starts) if finding.setting not in unsure]


def _all(loaded: Loaded, starts: bool) -> Iterator[Finding]:
    yield from data_dir(loaded)
    folder = loaded.settings.data_dir
    process = process_in(folder)
    if process is not None:
        told = in_use(folder, process) if starts else f"data_dir: a server (process {process}) runs on {folder} already"
        yield Finding(SETTING, told, is_error=starts)
    yield from addresses(loaded, may_be_ours=process is not None and not starts)
    yield from certificates(loaded)
    yield from secrets(loaded)
    yield from resources(loaded)
