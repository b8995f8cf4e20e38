"""Where scripts/peers puts the jars of the real servers, and what of them is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

POMS = Path(__file__).parent / "poms"
"""One file a set of jars, named by what it brings and its version: scripts/peers fills a folder of the same name."""

CACHE = Path(os.environ.get("TESTS_PEERS_CACHE") or "~/.cache/headrace-peers").expanduser()
"""Outside the repository, so that all clones share it."""


JAVA_MIN = 11
"""Of the options that the servers are started with (--add-opens), and of what Debian has had; tried with 17."""


def major_version(said: str) -> int:
    """Of what `java -version` says, such as 'openjdk version "17.0.15" 2025-04-15'; 0 if it says none."""
    found = re.search(r'version "(?:1\.)?([0-9]+)', said)
    return int(found[1]) if found else 0


def jars(name: str) -> Path:
    """The folder of the jars of a pom, such as "hbase-2.4.17"; it may be absent (see `missing`)."""
    assert (POMS / f"{name}.xml").is_file(), name
    return CACHE / name


def missing(*names: str) -> str | None:
    """What keeps servers made of these jars from being started, as a sentence; None if nothing does."""
    for program in ("java", "prlimit", "setpriv"):
        if shutil.which(program) is None:
            return f"{program} is not installed; scripts/peers installs it"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    if (found := major_version(said)) < JAVA_MIN:
        return f"java is version {found}, and the servers want {JAVA_MIN} or later; scripts/peers installs one"
    for name in names:
        # scripts/peers copies the pom last, and brings everything anew when it differs.
        brought = jars(name) / "installed.xml"
        if not brought.is_file() or brought.read_bytes() != (POMS / f"{name}.xml").read_bytes():
            return f"the jars of {name} are not in {CACHE}; scripts/peers brings them"
    return None
