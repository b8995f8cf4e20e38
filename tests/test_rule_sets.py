"""Every rule set has a bit of its own: with a shared one, names that another room has checked would pass."""

from __future__ import annotations

import importlib
from collections import Counter

from test_house import MODULES, imports_of

from headrace.gate import RULE_SETS_MAX, RuleSet


def rule_sets_of(modules: list[str]) -> dict[str, RuleSet]:
    """The rule sets that stand in modules, by where they stand."""
    return {
        f"{module}.{name}": thing
        for module in modules
        for name, thing in vars(importlib.import_module(module)).items()
        if isinstance(thing, RuleSet)
    }


def bits_taken_twice(found: dict[str, RuleSet]) -> list[str]:
    """What to tell of rule sets that share a bit; a rule set that several modules import is one."""
    distinct = {id(rules): (place, rules) for place, rules in found.items()}.values()
    counts = Counter(rules.bit for _, rules in distinct)
    free = [bit for bit in range(RULE_SETS_MAX) if bit not in counts]
    return [f"{place}: bit {rules.bit} is taken, free are {free}" for place, rules in distinct if counts[rules.bit] > 1]


def test_no_two_rule_sets_share_a_bit() -> None:
    found = rule_sets_of([*(module for module in MODULES if "headrace.gate" in imports_of(module)), "graphite.names"])
    assert len(found) >= 6, "the search finds those of all rooms and of the example"
    assert not bits_taken_twice(found)


def test_a_shared_bit_is_found() -> None:
    one, other = RuleSet("one", 4, None, 1, 1, 1), RuleSet("other", 4, None, 1, 1, 1)
    clash = bits_taken_twice({"a.ONE": one, "b.ONE": one, "b.OTHER": other})
    assert clash == [f"{place}: bit 4 is taken, free are [0, 1, 2, 3, 5, 6, 7]" for place in ("b.ONE", "b.OTHER")]
