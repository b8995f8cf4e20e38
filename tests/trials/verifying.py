"""What a verification says of a spoilt database, compared with what came of opening it."""

from __future__ import annotations

import os
from pathlib import Path

from law import Outcome

from headrace.store.embedded.verifying.verify import NoDatabase, verify


def said_of(folder: Path) -> list[str]:
    """The findings, a line each; none of a sound database. Raises AssertionError when a byte or a time was changed."""
    before = state_of(folder)
    try:
        found = [f"{finding.kind} {finding.file}: {finding.what}" for finding in verify(folder).findings]
    except NoDatabase as nothing:
        found = [str(nothing)]
    assert state_of(folder) == before, "it has changed something"
    return found


def check_word(said: list[str], outcome: Outcome) -> None:
    """Raises AssertionError when the verification found nothing, and the opening was not right."""
    assert said or outcome.word == "right", f"verified as sound, but {outcome}"


def state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Of every file in it, the time of its last change and its content."""
    files = [Path(where) / name for where, _, names in os.walk(folder) for name in names]
    return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}
