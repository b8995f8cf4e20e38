"""What this room says of itself."""

from __future__ import annotations

from typing import Final

from headrace.about import About, Example

ABOUT: Final = About(
    speaks="Graphite",
    send=(Example("<metric.path>[;<tag>=<value> ...] <value> <time>", "Graphite, lines to the port graphite_port"),),
)
