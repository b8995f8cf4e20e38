"""What this room says of itself."""

from __future__ import annotations

from typing import Final

from headrace.about import About, Example

ABOUT: Final = About(
    speaks="OpenTSDB and Alibaba TSDB",
    send=(
        Example("POST /api/put", "OpenTSDB and Alibaba TSDB, JSON"),
        Example("put <metric> <time> <value> <tag>=<value> ...", "OpenTSDB, telnet to this port"),
    ),
    ask=(
        Example("GET or POST /api/query", 'OpenTSDB queries; Grafana: data source "OpenTSDB", this address'),
        Example("GET /api/suggest?type=metrics", "OpenTSDB, names"),
        Example("GET /q?start=1h-ago&m=sum:<metric>&ascii", "OpenTSDB 1.x, lines of text, for check_tsd"),
    ),
)
