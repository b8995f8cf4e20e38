"""What people say about names and series, and what of it is kept."""

from __future__ import annotations

from pathlib import Path

from real_room import real_room

from headrace.protocols.opentsdb.catalog.metas import SERIES_KIND, Metas, SeriesMeta


async def test_nothing_said_is_nothing_kept(tmp_path: Path) -> None:
    with real_room(tmp_path) as tsd:
        metas = Metas(tsd.opened)
        assert not await metas.write(SERIES_KIND, "k", SeriesMeta(tsuid="k"), replacing=True)
        assert not await metas.write(SERIES_KIND, "k", SeriesMeta(max=float("nan")), replacing=False)
        assert tsd.opened.document(SERIES_KIND, "k") is None
        await metas.forget(SERIES_KIND, "k")
        assert await metas.write(SERIES_KIND, "k", SeriesMeta(notes=""), replacing=False)
        assert tsd.opened.document(SERIES_KIND, "k") == b'{"notes":""}'
