"""Where scripts/peers puts the jars of the real servers, and what of them is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

POMS = Path(__file__).parent / "poms"
"""One file a set of jars, named by what it brings and its version: scripts/peers fills a folder of the same name."""

CACHE = Path(os.environ.get("HEADRACE_PEERS_CACHE") or "~/.cache/headrace-peers").expanduser()
"""Outside the repository, so that all clones share it."""


def jars(name: str) -> Path:
    """The folder of the jars of a pom, such as "hbase-2.4.17"; it may be absent (see `missing`)."""
    assert (POMS / f"{name}.xml").is_file(), name
    return CACHE / name


def missing(*names: str) -> str | None:
    """What keeps servers made of these jars from being started, as a sentence; None if nothing does."""
    for program in ("java", "prlimit", "setpriv"):
        if shutil.which(program) is None:
            return f"{program} is not installed; scripts/peers installs it"
    for name in names:
        # scripts/peers copies the pom last, and brings everything anew when it differs.
        brought = jars(name) / "installed.xml"
        if not brought.is_file() or brought.read_bytes() != (POMS / f"{name}.xml").read_bytes():
            return f"the jars of {name} are not in {CACHE}; scripts/peers brings them"
    return None
