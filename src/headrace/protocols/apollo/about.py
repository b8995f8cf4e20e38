"""What this room says of itself."""

from __future__ import annotations

from typing import Final

from headrace.about import About, Example

ABOUT: Final = About(
    speaks="Johnson Controls Apollo",
    send=(
        Example("POST /apollo/devices/<id>/timeseries/samples", "Johnson Controls Apollo, JSON"),
        Example("POST /apollo/devices/<id>/timeseries", "Johnson Controls Apollo, points registered"),
    ),
    ask=(Example("GET /apollo/devices/<id>/timeseries/samples", "Johnson Controls Apollo, samples"),),
)
