"""The names of series: the catalog, row by row, and every series file against it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from headrace.errors import Corrupt
from headrace.model.series import NewSeries, SeriesTable
from headrace.store.embedded.documents.catalog import Catalog
from headrace.store.embedded.files.names import series_file
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.segments.files.series_files import names_differ
from headrace.store.embedded.series.index import SeriesIndex
from headrace.store.embedded.verifying.findings import FindingKind, Findings


class Names:
    """The series that are known so far: those of the catalog, later those of the journal too.

    are_whole: whether every one that was found damaged or missing has a finding of its own, and none was.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.table = SeriesTable(catalog.secret)
        self.index = SeriesIndex(catalog.secret)
        self.are_whole = True

    def add(self, series: NewSeries, file: Path) -> None:
        """file: which has them. Raises Corrupt when they are not those that follow."""
        if series.first > len(self.table):
            self.are_whole = False
            raise Corrupt(file, f"the names of series {len(self.table)} to {series.first - 1} are missing")
        try:
            self.table.restore(series)
        except ValueError as contradiction:
            self.are_whole = False
            raise Corrupt(file, f"the names of series {series.first} and on: {contradiction}") from contradiction
        self.index.add(self.table.series(len(self.index), len(self.table)))


def check_catalog(catalog: Catalog, path: Path, current: Current, findings: Findings) -> Names:
    """Every row of the catalog, and whether it is as far as current.json says.   path: of the catalog."""
    names = Names(catalog)
    with findings.judging(path):
        for series in catalog.series():
            with findings.judging(path):
                names.add(series, path)
    for row in catalog.damaged_rows:
        names.are_whole = False
        findings.damage(path, f"the row with the names of series {row.start} to {row.stop - 1} is damaged")
    with findings.judging(path):
        catalog.hidden()
    for damage in catalog.damage:
        findings.damage(path, damage.detail)
    listed = sum(file.series for file in current.series)
    if catalog.series_count < listed:
        names.are_whole = False
        what = f"names {catalog.series_count} series, segments/ names {listed}: it is an older copy"
        findings.add(FindingKind.GAP, path, what)
    changes = current.others.catalog_changes
    if catalog.changes < changes:
        what = f"has changed {catalog.changes} times, current.json knows of {changes}: it is an older copy"
        findings.add(FindingKind.GAP, path, what)
    return names


def check_series_files(
    folder: Path, current: Current, names: Names, findings: Findings, progress: Callable[[int], None]
) -> None:
    """Each listed file: pages, footer, name, ordinals, and its names against those of the catalog."""
    first = 0
    for file in current.series:
        path = folder / file.file
        end = first + file.series
        if file.file != series_file(first, end):
            findings.damage(path, f"is listed for the series {first} to {end - 1}, which is not what its name says")
        with findings.judging(path):
            count = 0
            for batch in names_differ(path, file.footer_crc, names.table, current.database):
                expected = np.arange(first + count, first + count + len(batch.ordinals), dtype=np.uint32)
                if not np.array_equal(batch.ordinals, expected):
                    findings.damage(path, f"its rows from {count} on are not those of the series that its name says")
                if names.are_whole and batch.differ:
                    findings.damage(path, f"rows {count} and on: names of series are not those of the catalog")
                count += len(batch.ordinals)
            if count != file.series:
                findings.damage(path, f"has {count} rows, current.json lists {file.series}")
            progress(path.stat().st_size)
        first = end
