"""Which server this is: as JSON, and as the two lines of telnet and of the old address."""

from __future__ import annotations

from typing import Final

import msgspec

from headrace import __version__

VERSION_JSON: Final = msgspec.json.encode(
    {
        "version": f"2.4.0-headrace-{__version__}",
        "short_revision": "",
        "full_revision": "",
        "timestamp": "0",
        "repo_status": "MODIFIED",
        "user": "headrace",
        "host": "",
        "repo": "",
        "branch": "",
    }
)
"""Clients read the first number to learn what they may ask: the dialect of OpenTSDB 2.4."""

VERSION_LINES: Final = f"""\
net.opentsdb.tools 2.4.0 built at revision headrace-{__version__} (MODIFIED)
Built on release day by headrace@localhost
"""
"""As OpenTSDB's BuildData makes them; tcollector only asks that something comes back."""
