"""Distributions of this repository, and environments with what they declare to need and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def build(target: Literal["sdist", "wheel"], tree: Path, into: Path) -> Path:
    """The file that hatchling makes of a working tree or an unpacked sdist, as pip lets it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    [made] = into.iterdir()
    return made


def make_environment(place: Path, *, copied: bool = False) -> Path:
    """A virtual environment, without pip, with what headrace declares to need at run time and nothing else, not even
    headrace. Returns its folder of programs.   copied: so that it may be changed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, capture_output=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(place), "platbase": str(place)}))
    put_into(packages, needed_by("headrace"), copied=copied)
    return place / "bin"


def put_into(folder: Path, distributions: Iterable[Distribution], *, copied: bool = False) -> None:
    """Links to what is installed, or copies of it."""
    for found in distributions:
        for top in {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            there = Path(str(found.locate_file(top)))
            if not copied:
                (folder / top).symlink_to(there)
            elif there.is_dir():
                shutil.copytree(there, folder / top, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(there, folder / top)


def needed_by(name: str) -> Collection[Distribution]:
    """What a distribution requires, and what that requires, as it is installed. Fails where the version that is there
    is none of those that are required."""
    known: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in distribution(name).requires or []]
    while waiting:
        wanted = waiting.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        name = wanted.name.lower().replace("_", "-")
        if name not in known:
            known[name] = distribution(wanted.name)
            waiting += map(Requirement, known[name].requires or [])
        assert wanted.specifier.contains(known[name].version, prereleases=True), f"{wanted}: {known[name].version}"
    return known.values()
