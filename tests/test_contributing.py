"""CONTRIBUTING.md cannot fall behind: its tables are compared with what is there, its steps are done in a copy."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest
from test_docs import rows
from test_graphite import serving
from test_house import FURNITURE, HTTP_FURNITURE, ROOT, TESTS_OF_THE_WHOLE, tracked_files

PAGE = ROOT / "CONTRIBUTING.md"


def blocks(language: str) -> list[str]:
    """The texts of the page's blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_furniture_is_what_the_house_asks_for() -> None:
    files = {file: who for file, _, who in rows(PAGE, "The furniture of a room")}
    assert {file for file, who in files.items() if who == "every room"} == FURNITURE
    assert {file for file, who in files.items() if who == "a room with HTTP"} == HTTP_FURNITURE
    assert files.keys() - FURNITURE - HTTP_FURNITURE == {"reading/"}


def test_every_directory_of_tests_has_its_row() -> None:
    named = {name.strip(" `") for cell, _ in rows(PAGE, "Where a test goes") for name in cell.split(",")}
    assert named >= {f"tests/{folder}" for folder in TESTS_OF_THE_WHOLE - {"bench"}}
    gone = [name for name in named if "*" not in name and not (ROOT / name).is_dir()]
    assert not gone, gone


def test_every_word_of_the_house_is_in_use() -> None:
    words = [word for word, _ in rows(PAGE, "Words of the house")]
    assert words == sorted(words)
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    text = "\n".join(file.read_text() for file in files if file != Path(__file__)).lower()
    unused = [word for cell in words for word in cell.split(", ") if not re.search(rf"\b{word}", text)]
    assert not unused, unused


def test_every_command_names_what_is_there() -> None:
    setting_up, working, _ = blocks("bash")
    for line in (setting_up + working).splitlines():
        program, *arguments = line.partition("#")[0].split()
        if program.startswith(".venv/bin/"):
            assert (Path(sys.executable).parent / Path(program).name).exists(), program
        else:
            assert os.access(ROOT / program, os.X_OK), program
        named = [argument for argument in arguments if "/" in argument or argument in ("src", "tests", "bench")]
        assert all((ROOT / name).exists() for name in named), named


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The house as it stands in this directory."""
    for file in tracked_files():
        target = tmp_path / "copy" / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return tmp_path / "copy"


def test_a_room_that_comes_by_the_steps_of_the_page_lives_by_the_laws(copy: Path) -> None:
    _, _, steps = blocks("bash")
    [patch] = blocks("diff")
    subprocess.run(["bash", "-euc", steps], cwd=copy, check=True)
    subprocess.run(["git", "init", "--quiet"], cwd=copy, check=True)
    subprocess.run(["git", "apply", "-"], cwd=copy, input=patch.encode(), check=True)
    subprocess.run(["git", "add", "--all"], cwd=copy, check=True)
    # Without what would compile all kernels anew for another directory; test_graphite.py runs the same room here.
    light = ["tests/test_house.py", "tests/test_docs.py", "tests/test_config.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--noconftest", "-p", "no:cacheprovider", *light],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert (
        "Graphite"
        in subprocess.run(
            [sys.executable, "-m", "headrace", "serve", "--help"],
            env={**os.environ, "PYTHONPATH": str(copy / "src")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )


@pytest.mark.peer("curl")
async def test_a_line_in_and_its_point_out_as_the_page_tells(tmp_path: Path) -> None:
    [commands] = blocks("sh")
    async with serving(tmp_path / "data") as house:
        here = commands.replace("/2003", f"/{house.graphite_port}").replace(":4242/", f":{house.http_port}/")
        # Graphite has no answer to wait for, so that the first question may come before the point.
        for _ in range(20):
            asked = await asyncio.create_subprocess_exec("bash", "-euc", here, stdout=PIPE, stderr=DEVNULL)
            answer, _ = await asked.communicate()
            if b"dps" in answer:
                break
        [series] = json.loads(answer)
        assert set(series["dps"].values()) == {1.5}
