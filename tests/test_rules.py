"""Every rule by which something is refused is known: it stands in rules.py with its meaning, is met, and has a status
in each room that can meet it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
from test_house import EXAMPLE_ROOM, HOUSE, MODULES, has_paths, imports_of, part_of, rooms

from headrace import rules
from headrace.errors import Refused
from headrace.protocols.apollo import faults as apollo
from headrace.protocols.datazone import faults as datazone
from headrace.protocols.kairosdb.reading import read as kairosdb
from headrace.protocols.opentsdb import reply as opentsdb
from headrace.rules import Rule
from headrace.transport import routing

KNOWN = frozenset(get_args(Rule))

STATUSES: Mapping[str, Mapping[Rule, object]] = {
    "apollo": apollo.STATUS_OF_RULE,
    "datazone": {**routing.STATUS_OF_RULE, **datazone.FAULTS},
    "kairosdb": kairosdb.STATUS_OF_RULE,
    "opentsdb": opentsdb.STATUS_OF_RULE,
}
"""Of each room with HTTP. What DataZone's app raises goes up to the transport, and its faults word that."""

SHARED = frozenset((*get_args(rules.NameRule), *get_args(rules.QuestionRule)))
"""The rules of the floors that all rooms stand on."""


def raised_in(file: Path) -> set[str]:
    """The rules that `file` spells in a Refused, or in a refusal of a kind of its own."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call) and node.args]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id.endswith("Refused")
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def spelled_in(file: Path) -> set[str]:
    """The rules whose names stand in `file` as texts of their own: more than it raises, where two mean different
    things by one word."""
    texts = {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str)} & KNOWN


def modules_below(room: str) -> set[str]:
    """What the modules of a room import, and what that imports; the store too, which they get when they are opened."""
    found: set[str] = set()
    waiting = [module for module in MODULES if module.startswith(f"headrace.protocols.{room}.")]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += imports_of(module)
    return {module for module in found if part_of(module) not in ("protocols", "rules", "transport")} | {
        module for module in MODULES if part_of(module) == "store"
    }


def test_every_rule_that_is_raised_is_known() -> None:
    files = [*MODULES.values(), *EXAMPLE_ROOM.glob("*.py")]
    unknown = {f"{file}: {rule}" for file in files for rule in raised_in(file) - KNOWN}
    assert not unknown, "rules.py has not heard of it"


def test_every_known_rule_is_met_somewhere() -> None:
    spelled = {rule for module, file in MODULES.items() if part_of(module) != "rules" for rule in spelled_in(file)}
    assert spelled == KNOWN


@pytest.mark.parametrize("group", [name for name in vars(rules) if name.endswith("Rule") and name != "Rule"])
def test_every_rule_has_its_meaning_and_its_place(group: str) -> None:
    text = (HOUSE / "rules.py").read_text().partition(f"\n{group} = Literal[\n")[2].partition("\n]")[0]
    lines = [re.fullmatch(r'    "([a-z-]+)",  # (\S.*)', line) for line in text.splitlines()]
    assert all(lines), text
    names = [line[1] for line in lines if line]
    assert names == sorted(names) == list(get_args(getattr(rules, group)))


@pytest.mark.parametrize("room", [room for room in rooms() if has_paths(room)], ids=lambda room: room.name)
def test_every_room_has_a_status_for_each_rule_that_it_can_meet(room: Path) -> None:
    own = {rule for file in room.rglob("*.py") for rule in raised_in(file)}
    shared = {rule for module in modules_below(room.name) for rule in spelled_in(MODULES[module]) & SHARED}
    bodies = raised_in(HOUSE / "transport" / "http" / "body.py")
    missing = (own | shared | bodies) - STATUSES[room.name].keys()
    assert not missing, f"which status has it in {room.name}?"


def test_the_transport_has_a_status_for_each_rule_of_its_own() -> None:
    assert routing.STATUS_OF_RULE.keys() >= set(get_args(rules.TransportRule)) - {"internal-error", "unavailable"}


def test_a_rule_that_nobody_knows_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('raise Refused("nobody-knows", "detail") from _PointRefused("nor-this", "")\n')
    assert raised_in(module) == {"nobody-knows", "nor-this"}
    assert not raised_in(module) & KNOWN


def test_the_type_of_a_rule_is_closed() -> None:
    # mypy refuses Refused("nobody-knows", ...): what it looks at is this annotation.
    assert Refused.__init__.__annotations__["rule"] == "Rule"
