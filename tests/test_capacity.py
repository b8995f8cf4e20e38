"""docs/capacity.md: its example is what its formulas give, and they use what stands in its tables and in the code."""

from __future__ import annotations

import ast
import operator
import re
from pathlib import Path

import pytest

from headrace import limits, memory_bound
from headrace.config import Settings

PAGE = (Path(__file__).parent.parent / "docs" / "capacity.md").read_text()
GB, MB, GIB, MIB = 10**9, 10**6, 1 << 30, 1 << 20
SERIES_ROW = "each million of series, names of 90 bytes"
UNITS = {"TB": 10**12, "GB": GB, "MB": MB, "s": 1, "": 1}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


EXAMPLE = [cells(line) for line in PAGE.partition("## An example")[2].splitlines() if line.startswith("|")][2:]


def computed(formula: str) -> float:
    """Sums and products of numbers; GiB and MiB stand behind theirs."""
    plain = formula.replace("×", "*").replace(",", "").replace(" GiB", f"*{GIB}").replace(" MiB", f"*{MIB}")
    does = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv}

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp):
            result: float = does[type(node.op)](value(node.left), value(node.right))
            return result
        assert isinstance(node, ast.Constant)
        assert isinstance(node.value, int | float)
        return node.value

    return value(ast.parse(plain, mode="eval").body)


@pytest.mark.parametrize(("what", "formula", "shown"), EXAMPLE, ids=[row[0] for row in EXAMPLE])
def test_the_example_is_what_its_formulas_give(what: str, formula: str, shown: str) -> None:
    number, _, unit = shown.partition(" ")
    result = computed(formula)
    if what == "memory":  # its parts are megabytes
        result *= MB
    digits = len(number.partition(".")[2])
    assert round(result / UNITS[unit], digits) == float(number.replace(",", ""))


def test_the_formulas_use_what_stands_in_the_tables() -> None:
    row = re.search(r"^\| 50 \| 64 \| [\d,]+ \| ([\d.]+) \|$", PAGE, re.MULTILINE)
    assert row
    formulas = {what: formula for what, formula, _ in EXAMPLE}
    assert f"× {row[1]} /" in formulas["cores, by the row of 50 points and 64 connections"]
    megabytes = dict(re.findall(r"^\| ([^|]+) \| (\d+)[^|]* \|$", PAGE.partition("## Memory")[2], re.MULTILINE))
    sealed = megabytes["each billion of points in segments, beside that"]
    footers = megabytes["footers of segments: 155 for each billion points, at most"]
    rest, series = megabytes["the server at rest, and ingest at full speed"], megabytes[SERIES_ROW]
    connections = megabytes["each thousand of connections"]
    queries, cached = round(Settings().query_memory_bytes / MB), round(Settings().cache_bytes / MB)
    assert (
        formulas["memory"]
        == f"{rest} + {series} + {footers} + 259.2 × {sealed} + 4 × {connections} + {queries} + {cached}"
    )
    assert f"up to `query_memory_bytes`, {queries} |" in PAGE


def test_the_tables_have_what_stands_in_the_code() -> None:
    settings = Settings()
    assert memory_bound.SERIES_BYTES == 170
    assert f"| {SERIES_ROW} | {memory_bound.SERIES_BYTES} |" in PAGE
    assert f"in segments, beside that | {memory_bound.SEALED_BILLION_BYTES // MB} |" in PAGE
    assert f"at most | {round(limits.FOOTERS_BYTES_MAX / MB)} |" in PAGE
    assert f"up to {limits.MERGE_BYTES_MAX // GIB} GiB free beside it" in PAGE
    assert f"`disk_reserve_bytes`, {settings.disk_reserve_bytes // MIB} MiB" in PAGE
    assert f"`retention_grace_bytes_max`, {settings.retention_grace_bytes_max // GIB} GiB" in PAGE
    assert f"| connections in all | {limits.CONNECTIONS_MAX};" in PAGE
    assert f"soft limit to {limits.OPEN_FILES_MAX} open files" in PAGE
    beside = limits.OPEN_FILES_MAX - limits.CONNECTIONS_MAX
    assert f"some {round(beside * limits.MERGE_ROWS_MAX // 2 / GB / 10) * 10} billion points" in PAGE
    closed = limits.MERGE_ROWS_MAX // 2
    assert f"/ {closed:,} + 60" in PAGE
    assert f"× {settings.seal_points:,} × 20" in PAGE


def test_the_last_sentence_follows_from_the_example() -> None:
    shown = {what: text for what, _, text in EXAMPLE}
    files = int(shown["segments"].replace(",", "")) + limits.CONNECTIONS_MAX
    assert f"want a limit of {files:,} open files" in PAGE
