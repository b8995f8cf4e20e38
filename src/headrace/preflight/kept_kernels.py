"""Where the compiled kernels are, or will be kept."""

from __future__ import annotations

import os
from pathlib import Path

from headrace.loading import Loaded
from headrace.preflight.findings import Finding


def kept_kernels(loaded: Loaded) -> str | Finding:
    """In a few words; a warning where each start would compile them again, or the folder that the operator names for
    them cannot be used."""
    # Not at the top: it loads LLVM, which the server does later, when it says the same by itself.
    from headrace.kernels import cache  # noqa: PLC0415

    found = cache.find(loaded.settings.data_dir / "cache")
    given = os.environ.get(cache.HOME_VARIABLE)
    if given and (found.folder is None or not found.folder.is_relative_to(given)):
        why = "has no kernels for this processor and version, and cannot be written"
        return Finding(cache.HOME_VARIABLE, f"{cache.HOME_VARIABLE}={given} {why}: see headrace compile", False)
    if found.folder is None:
        why = "no folder can be written to keep them in: name one by HEADRACE_CACHE_DIR, or see headrace compile"
        return Finding(cache.HOME_VARIABLE, f"kernels: each start compiles them, for a minute or two, as {why}", False)
    state = "compiled, in" if found.is_complete else "the first start compiles them, for up to a minute, into"
    return f"{state} {Path(found.folder)}"
