"""What this room says of itself."""

from __future__ import annotations

from typing import Final

from headrace.about import About, Example

ABOUT: Final = About(
    speaks="KairosDB",
    send=(
        Example("POST /api/v1/datapoints", "KairosDB, JSON"),
        Example(
            "put <metric> <time in ms> <value> <tag>=<value> ...", "KairosDB, telnet where the setting telnet says so"
        ),
    ),
    ask=(
        Example("POST /api/v1/datapoints/query", "KairosDB queries"),
        Example("GET /api/v1/metricnames", "KairosDB, names"),
    ),
)
