"""What this room says of itself."""

from __future__ import annotations

from typing import Final

from headrace.about import About, Example

ABOUT: Final = About(
    speaks="Amazon DataZone",
    send=(Example("aws datazone --endpoint-url <this address>", "Amazon DataZone's time series"),),
    ask=(Example("aws datazone list-time-series-data-points ...", "Amazon DataZone's forms"),),
)
