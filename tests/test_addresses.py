"""Every address that a room answers stands on a page of that room."""

from __future__ import annotations

import re
from pathlib import Path

from bombs import every_route

PAGES = Path(__file__).parent.parent / "docs" / "protocols"

ROOMS = (
    ("/apollo/", ("apollo",)),
    ("/v2/", ("datazone",)),
    ("/api/v1/", ("kairosdb", "kairosdb-reading", "kairosdb-rollups")),
    ("/", ("opentsdb", "opentsdb-reading", "opentsdb-expressions", "alibaba")),
)
"""How a room's addresses begin, and its pages: those of OpenTSDB and of Alibaba are one room."""

PLACES = (
    ("/devices/d/", "/devices/{deviceId}/"),
    ("/00000000-0000-0000-0000-000000000000", "/{timeseriesId}"),
    ("/dzd_1/entities/ASSET/e/", "/{domain}/entities/{ASSET or LISTING}/{entity}/"),
    ("/time-series-data-points/i", "/{id}"),
    ("/dzd_1/form-types/t", "/{domain}/form-types/{type}"),
    ("/metric/m", "/metric/NAME"),
    ("/metadata/s/k/v", "/metadata/*"),
)
"""What a route has for a part that may be anything, and how pages write it."""


def stands_in(address: str, text: str) -> bool:
    return re.search(rf"(?<![\w/.-]){re.escape(address)}(?![\w/-])", text) is not None


def unnamed(path: str) -> str | None:
    """The address as a page should write it, if none of its room's pages does."""
    [pages, *_] = [pages for root, pages in ROOMS if path.startswith(root)]
    text = "\n".join((PAGES / f"{page}.md").read_text() for page in pages)
    address = path.partition("?")[0].removesuffix("/")
    for part, written in PLACES:
        address = address.replace(part, written)
    if address.startswith("/v2/") and address.endswith("/{id}"):
        address = "/{id}"  # below the one that the page says first
    return None if stands_in(address, text) else address


def test_every_address_stands_on_a_page_of_its_room(tmp_path: Path) -> None:
    missing = sorted({address for route in every_route(tmp_path) if (address := unnamed(route.path))})
    assert not missing, missing


def test_an_address_is_not_found_in_a_longer_one() -> None:
    assert stands_in("/api/annotations", "`/api/annotations`, and")
    assert not stands_in("/api/annotations", "`/api/annotations/bulk`")
    assert not stands_in("/version", "`/api/version`")
