"""The habits of the house, as a test: which way imports point, what every room holds, how long a module may be."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
HOUSE = SOURCE / "headrace"

FLOORS = (
    "kernels",
    "compiling",
    "preflight",
    "model",
    "gate",
    "intake",
    "store",
    "access",
    "query",
    "transport",
    "protocols",
    "rooms",
    "operating",
    "status",
    "serve",
    "commands",
)
"""Imports point from right to left. cli stands above commands, and only __main__ imports it."""

LEAVES = {
    *(
        "about",
        "errors",
        "rules",
        "limits",
        "settings",
        "config",
        "loading",
        "metrics",
        "log",
        "memory",
        "scratch",
        "memory_bound",
    ),
    "supervised",
}
"""Free to all but the kernels; of ours they import only these."""
LEAVES_MAY_IMPORT = {"errors", "rules", "limits", "settings", "config", "loading"}

SUBROOMS: dict[str, tuple[str, ...]] = {
    "kernels": ("making", "scanning", "series", "storing", "answering"),
    "model": ("odd_json",),
    "store": ("embedded",),
    "store.embedded": (
        "files",
        "series",
        "recent",
        "segments",
        "journal",
        "documents",
        "tokens",
        "reading",
        "housekeeping",
        "scrubbing",
        "verifying",
        "backups",
    ),
    "store.embedded.segments": ("kept", "files", "making"),
    "access": ("bounded", "tokens", "jwt"),
    "query": ("aggregation", "chain"),
    "transport": ("http", "guarding", "tls", "connections"),
    "protocols": ("opentsdb", "kairosdb", "apollo", "datazone"),
    "protocols.opentsdb": ("writing", "reading", "telling", "old", "expressions", "multi_field", "catalog", "managing"),
    "protocols.kairosdb": ("types", "writing", "reading", "rollups"),
    "protocols.kairosdb.reading": ("histograms", "aggregators"),
    "protocols.apollo": ("writing", "reading"),
    "protocols.datazone": ("writing", "reading"),
}
"""Package -> the packages in it; their imports point from right to left. The modules beside them may stand between any
two of them, as long as no way leads back (test_imports_have_no_cycle)."""

FURNITURE = {"about.py", "room.py", "wire.py", "write.py"}
"""What every room has, in its folder or in writing/. One that answers questions has reading/ too."""

HTTP_FURNITURE = {"routes.py", "faults.py"}
"""What a room has besides, unless it owns no path (transport.lines_only)."""

EXAMPLE_ROOM = ROOT / "tests" / "examples" / "graphite"
"""The room that CONTRIBUTING.md tells how to write. It lives by the same laws as the others."""

FILES_MAX = 12
MORE_THAN_THAT: dict[str, str] = {
    "": "of the house itself: the floors that are one module each, and what all of them use",
}
"""Folder -> why more files than that, its __init__ not counted, are better beside each other."""

LINES_MAX = 500
LONGER_THAN_THAT: dict[str, str] = {
    "headrace.limits": "a table: every number that limits something stands beside those that it depends on",
}
"""Module -> why it is better long than in pieces."""

TESTED_ELSEWHERE: dict[str, str] = {
    "headrace.kernels.making.made": "test_compiling.py: what is made is linked",
    "headrace.kernels.making.proving": "test_compiling.py: each compiling is proved; test_guards.py asks more",
    "headrace.kernels.signatures": "all kernels are compiled by theirs; test_guards.py",
    "headrace.__main__": "tests/clients and tests/crash start the server by it",
    "headrace.kernels.scanning.opentsdb_json": "tests/protocols/opentsdb, tests/fuzz: as the reference decoder",
    "headrace.kernels.scanning.telnet_lines": "tests/protocols, tests/fuzz: as the readings line by line",
    "headrace.kernels.scanning.opentsdb_telnet": "as telnet_lines, a part of which it is",
    "headrace.kernels.scanning.apollo_json": "test_apollo_scan.py: as the reference decoder",
    "headrace.kernels.scanning.kairosdb_datapoints": "tests/protocols/kairosdb, tests/fuzz: as the reference decoder",
    "headrace.kernels.scanning.kairosdb_telnet": "as telnet_lines, a part of which it is",
    "headrace.kernels.storing.packed": "test_packed.py: what is packed is given back",
    "headrace.kernels.storing.journal": "test_replay_runs.py: as the reading record by record",
    "headrace.kernels.scanning.opentsdb_bodies": "test_opentsdb_gathered.py: as bodies alone",
    "headrace.store.embedded.reading.snapshot": "test_embedded_store.py, test_deletes.py, test_last.py read through it",
    "headrace.store.embedded.reading.visible": "test_embedded_store.py, test_sealer.py and tests/hunt",
    "headrace.store.embedded.recent.hidden": "test_embedded_store.py, test_deletes.py",
    "headrace.protocols.apollo.writing.values": "test_apollo_wire.py, test_apollo_scan.py",
    "headrace.protocols.datazone.reading.paging": "test_datazone_read.py, test_datazone_strangers.py",
    "headrace.store.embedded.parts": "what test_embedded_store.py opens and closes",
    "headrace.store.embedded.completeness": "test_opening.py opens what is left of a database",
    "headrace.store.embedded.segments.files.description": "test_opening.py: an older current.json",
    "headrace.store.embedded.segments.dropped": "test_grace.py, test_bringing_back.py and tests/hunt",
    "headrace.store.embedded.journal.names_journaled": "test_opening.py: a damaged row of the catalog before a seal",
    "headrace.store.embedded.segments.names_listed": "test_damaged_names.py, test_opening.py: an older catalog",
    "headrace.store.embedded.housekeeping.seals": "test_embedded_store.py and tests/hunt seal by it",
    "headrace.store.embedded.housekeeping.retention_in_force": "test_forgetting.py, test_opentsdb_ttl.py",
    **{f"headrace.protocols.{room}.about": "test_serve.py, test_status.py" for room in SUBROOMS["protocols"]},
    **{
        f"headrace.store.embedded.verifying.{part}": "test_verifying.py and tests/trials verify whole databases"
        for part in ("copies", "documents", "journal", "names", "segments", "tokens")
    },
}
"""Module -> why no test in the directory that mirrors its own knows it."""

TESTS_OF_THE_WHOLE = {
    *("bench", "clients", "crash", "examples", "format", "fuzz", "golden", "hunt", "oracles", "packaging", "trials")
}
"""Directories of tests that mirror no package."""

NOT_IMPORTED = {"tzdata"}
"""Dependencies that another one finds by itself: zoneinfo asks tzdata where the system has no time zones."""

# Spelled in pieces, so that this file does not match itself.
MACHINE_PATH = re.compile(rb"(?<![\w./~-])/(?:" + b"|".join((b"work", b"tmp", b"root", b"home")) + rb")/")


def module_of(file: Path) -> str:
    """headrace.store for src/headrace/store/__init__.py."""
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in sorted(HOUSE.rglob("*.py"))}


@functools.cache
def all_imports_in(file: Path) -> set[str]:
    """What `file` imports anywhere in its text, inside functions and TYPE_CHECKING too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import():
                found |= {alias.name for alias in node.names}
            case ast.ImportFrom(level=0, module=str(package)):
                # `from package import name`: name may be a module of the package or something inside it.
                found |= {package} | {f"{package}.{alias.name}" for alias in node.names}
            case ast.ImportFrom():
                pytest.fail(f"{file}:{node.lineno}: relative import; the house writes names in full")
    return found


def imports_in(file: Path) -> set[str]:
    """The modules of ours that `file` imports."""
    return all_imports_in(file) & MODULES.keys()


def imports_of(module: str) -> set[str]:
    return imports_in(MODULES[module])


def part_of(module: str) -> str:
    """The floor or leaf that a module belongs to; "" for the package itself."""
    return module.split(".")[1] if "." in module else ""


def arrows() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for imported in imports_of(module):
            yield module, imported


def may_import(module: str, imported: str) -> bool:
    here, there = part_of(module), part_of(imported)
    if here == there or imported == "headrace":  # the package itself holds only its version
        return True
    if here in LEAVES:
        return there in LEAVES_MAY_IMPORT
    if here == "__main__":
        return there == "cli"
    if here == "cli":
        return there in LEAVES or there in ("serve", "compiling", "rooms", "commands")
    if there in LEAVES:
        return here != "kernels"
    return there in FLOORS and FLOORS.index(there) < FLOORS.index(here)


def test_the_arrow_test_knows_right_from_wrong() -> None:
    assert may_import("headrace.store.embedded.journal.journal", "headrace.model.points")
    assert may_import("headrace.store.embedded.journal.journal", "headrace.limits")
    assert not may_import("headrace.model.points", "headrace.store.embedded.journal.journal")
    assert not may_import("headrace.kernels.storing.rows", "headrace.limits")
    assert not may_import("headrace.limits", "headrace.model")
    assert not may_import("headrace.serve", "headrace.cli")


def test_every_module_has_its_place() -> None:
    parts = {part_of(module) for module in MODULES}
    assert parts <= {*FLOORS, *LEAVES, "cli", "__main__", ""}


def test_imports_point_one_way() -> None:
    wrong = [f"{module} imports {imported}" for module, imported in arrows() if not may_import(module, imported)]
    assert not wrong, wrong


def packages() -> list[str]:
    """The packages below the floors, without the prefix headrace: store, store.embedded, ..."""
    return sorted(m.partition(".")[2] for m, file in MODULES.items() if file.name == "__init__.py" and "." in m)


def child_of(package: str, module: str) -> str | None:
    """The package or module directly in `package` in which `module` lies; None outside it and for its __init__."""
    prefix = f"headrace.{package}."
    return module.removeprefix(prefix).split(".")[0] if module.startswith(prefix) else None


def arrows_within(package: str) -> set[tuple[str, str]]:
    """Which child of a package imports which other one, every sub-room taken as one."""
    found = {(child_of(package, module), child_of(package, imported)) for module, imported in arrows()}
    return {(here, there) for here, there in found if here and there and here != there}


def test_every_subroom_has_its_place() -> None:
    found = {package: set[str]() for package in packages()}
    for package in found:
        above, _, name = package.rpartition(".")
        if above:
            found[above].add(name)
    assert {package: names for package, names in found.items() if names} == {
        package: set(names) for package, names in SUBROOMS.items()
    }


@pytest.mark.parametrize("package", SUBROOMS)
def test_subrooms_import_one_way(package: str) -> None:
    order = SUBROOMS[package]
    wrong = [
        f"{here} imports {there}"
        for here, there in arrows_within(package)
        if here in order and there in order and order.index(here) < order.index(there)
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("package", packages())
def test_no_way_leads_back_into_a_subroom(package: str) -> None:
    ways = arrows_within(package)
    assert_no_cycle({here: {there for h, there in ways if h == here} for pair in ways for here in pair})


def test_no_folder_is_full_without_a_reason() -> None:
    counts = {
        package: sum(path.suffix == ".py" and path.name != "__init__.py" for path in folder.iterdir())
        for package in ["", *packages()]
        if (folder := MODULES[f"headrace.{package}".rstrip(".")].parent)
    }
    full = {package for package, count in counts.items() if count > FILES_MAX}
    assert full == MORE_THAN_THAT.keys(), {package: counts[package] for package in full}


def test_imports_have_no_cycle() -> None:
    # Within a package too, where the floors say nothing. A package's __init__ runs before each of its modules.
    assert_no_cycle({module: imports_of(module) - {module} for module in MODULES})


def assert_no_cycle(graph: dict[str, set[str]]) -> None:
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in finished:
            for imported in sorted(graph[module]):
                visit(imported, (*path, module))
            finished.add(module)

    for module in graph:
        visit(module, ())


def test_dependencies_are_those_that_the_code_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonical(re.split("[<>=]", requirement)[0]) for requirement in project["dependencies"]}
    names = {name.partition(".")[0] for file in MODULES.values() for name in all_imports_in(file)}
    distributions = packages_distributions()
    imported = {canonical(distributions[name][0]) for name in names - sys.stdlib_module_names - {"headrace"}}
    assert imported == declared - NOT_IMPORTED


def canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def rooms() -> list[Path]:
    return sorted(path for path in (HOUSE / "protocols").iterdir() if path.is_dir() and path.name != "__pycache__")


def has_paths(room: Path) -> bool:
    """Whether a room speaks HTTP."""
    return "headrace.transport.lines_only" not in all_imports_in(room / "room.py")


def test_no_room_imports_another() -> None:
    def room(module: str) -> str | None:
        parts = module.split(".")
        return parts[2] if parts[1:2] == ["protocols"] and len(parts) > 2 else None

    wrong = [f"{a} imports {b}" for a, b in arrows() if room(a) and room(b) and room(a) != room(b)]
    assert not wrong, wrong


@pytest.mark.parametrize("room", [*rooms(), EXAMPLE_ROOM], ids=lambda room: room.name)
def test_every_room_has_the_same_furniture(room: Path) -> None:
    there = {file.name for folder in (room, room / "writing") if folder.is_dir() for file in folder.iterdir()}
    needed = FURNITURE | HTTP_FURNITURE if has_paths(room) else FURNITURE
    assert there >= needed, needed - there


def test_the_example_room_imports_what_a_room_may() -> None:
    wrong = [
        f"{file.name} imports {imported}"
        for file in EXAMPLE_ROOM.iterdir()
        if file.suffix == ".py"
        for imported in imports_in(file)
        if part_of(imported) == "protocols" or not may_import("headrace.protocols.graphite", imported)
    ]
    assert not wrong, wrong


def test_no_module_is_long_without_a_reason() -> None:
    lengths = {module: len(file.read_text().splitlines()) for module, file in MODULES.items()}
    long = {module for module, lines in lengths.items() if lines > LINES_MAX}
    assert long == LONGER_THAN_THAT.keys(), {module: lengths[module] for module in long}


def test_every_module_is_used() -> None:
    used: set[str] = set()
    waiting = ["headrace.__main__"]
    while waiting:
        module = waiting.pop()
        if module not in used:
            used.add(module)
            # Importing a module imports the packages that it lies in.
            parents = {module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)}
            waiting += imports_of(module) | parents
    dead = MODULES.keys() - used
    assert not dead, f"nothing that headrace runs imports {sorted(dead)}"


def is_tested_beside(module: str) -> bool:
    """Whether the directory of tests that mirrors the module's own, or one below, has a test of its name, or one that
    imports it."""
    *folders, stem = module.split(".")[1:]
    # A name that another directory has too carries names of its own directories: test_opentsdb_reading_wire.py.
    lengths = range(len(folders) + 1)
    prefixes = ["_".join([*folders[first:last], stem]) for last in lengths for first in range(last + 1)]
    named = {f"test_{name}.py" for name in prefixes}
    beside = (ROOT / "tests" / Path(*folders)).glob("**/test_*.py" if folders else "test_*.py")
    return any(test.name in named or module in imports_in(test) for test in beside)


def test_tests_mirror_the_source() -> None:
    untested = {m for m, file in MODULES.items() if file.name != "__init__.py" and not is_tested_beside(m)}
    assert not untested - TESTED_ELSEWHERE.keys(), untested - TESTED_ELSEWHERE.keys()
    assert not TESTED_ELSEWHERE.keys() - untested, "an exception that has healed"


def test_every_directory_of_tests_mirrors_a_package() -> None:
    tests = ROOT / "tests"
    folders = {file.parent.relative_to(tests) for file in tests.rglob("test_*.py")}
    strange = [
        str(f) for f in folders if f.parts[:1] and f.parts[0] not in TESTS_OF_THE_WHOLE and not (HOUSE / f).is_dir()
    ]
    assert not strange, strange


def tracked_files() -> list[Path]:
    """Of the repository; in an unpacked sdist, where there is none, all that a build of it would pack again."""
    if not (ROOT / ".git").exists():
        return [ROOT / file.relative_path for file in SdistBuilder(str(ROOT)).recurse_included_files()]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked_files()
        for number, line in enumerate(file.read_bytes().splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, found


def test_scripts_are_executable_and_careful() -> None:
    for script in (*(ROOT / "scripts").iterdir(), *(ROOT / "ops" / "docker").iterdir(), ROOT / ".ci" / "run"):
        lines = script.read_text().splitlines()
        assert script.stat().st_mode & 0o111, f"{script} is not executable"
        if "bash" in lines[0]:
            assert "set -euo pipefail" in lines, f"{script} goes on after an error"


def test_every_test_file_has_a_name_of_its_own() -> None:
    # Directories of tests are no packages, so that two files of one name would be one module to pytest.
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice


CLOCKS = {"time", "time_ns", "now", "utcnow", "today"}


def clocks_read_at_import(tree: ast.AST) -> list[int]:
    """The lines that ask what time it is outside of every function."""
    found: list[int] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defaults = [one for one in (*node.args.defaults, *node.args.kw_defaults) if one]
            outside: list[ast.expr] = [*node.decorator_list, *defaults]
            found += [line for part in outside for line in clocks_read_at_import(ast.Expression(part))]
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Call) and _name_of(node.func) in CLOCKS:
                found.append(node.lineno)
            found += clocks_read_at_import(node)
    return found


def _name_of(called: ast.expr) -> str:
    """The last part: "time" of time() and of time.time()."""
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def test_the_clock_test_knows_right_from_wrong() -> None:
    wrong = "NOW = int(time.time())\nclass A:\n    B = datetime.now(UTC)\n@mark(time.time_ns())\ndef f(): ...\n"
    assert clocks_read_at_import(ast.parse(wrong)) == [1, 3, 4]
    named = "NOW = time()\ndef f(a=now()): ...\ndef g(*, a=now(), b): ...\n"
    assert clocks_read_at_import(ast.parse(named)) == [1, 2, 3]
    assert clocks_read_at_import(ast.parse("def f():\n    return time.time()\nG = lambda: time.time()\n")) == []


def test_no_test_reads_the_clock_at_import() -> None:
    # What was now when the tests were collected is minutes ago when the last of them runs.
    found = {
        str(file.relative_to(ROOT)): lines
        for file in (ROOT / "tests").rglob("*.py")
        if "node_modules" not in file.parts and (lines := clocks_read_at_import(ast.parse(file.read_text())))
    }
    assert not found, found
