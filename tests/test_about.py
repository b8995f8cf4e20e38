"""What rooms say of themselves."""

from __future__ import annotations

from headrace.about import table


def test_a_table_aligns_its_second_column() -> None:
    assert table([("a", "one"), ("long", "two")]) == "  a     one\n  long  two\n"
    assert table([]) == ""
