"""What `pip install` gets: what is in it, and that it serves where nothing is but what it declares to need."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from installed import ROOT, build, make_environment
from serverprocess import ServerProcess
from test_house import tracked_files

from headrace import __version__
from headrace.kernels import cache

HOUSE = ROOT / "src" / "headrace"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, sdist: Path) -> Path:
    """As `python -m build` makes it, from the sdist."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [tree] = folder.iterdir()
    return build("wheel", tree, tmp_path_factory.mktemp("wheel"))


def test_the_sdist_has_the_repository_and_nothing_that_lies_about(sdist: Path) -> None:
    assert sdist.name == f"headrace-{__version__}.tar.gz"
    with tarfile.open(sdist) as archive:
        packed = {Path(*Path(entry.name).parts[1:]) for entry in archive if entry.isfile()}
    tracked = {file.relative_to(ROOT) for file in tracked_files()}
    # hatchling packs these two, as builds from the sdist need them: which files are nobody's, and the metadata.
    tracked |= {Path(".gitignore"), Path("PKG-INFO")}
    assert tracked <= packed, tracked - packed
    tops = {path.parts[0] for path in packed}
    assert tops == {path.parts[0] for path in tracked}
    assert not [path for path in packed if "__pycache__" in path.parts or path.name.startswith(".venv")]


def test_the_wheel_has_the_package_and_its_license(wheel: Path) -> None:
    assert wheel.name == f"headrace-{__version__}-py3-none-any.whl"
    about = f"headrace-{__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        said = message_from_bytes(archive.read(f"{about}/METADATA"))
        license_text = archive.read(f"{about}/licenses/LICENSE")
    ours = {str(file.relative_to(ROOT / "src")) for file in (*HOUSE.rglob("*.py"), HOUSE / "py.typed")}
    assert names == ours | {
        f"{about}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    assert license_text == (ROOT / "LICENSE").read_bytes()
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("headrace", __version__, "Apache-2.0")
    assert said["Requires-Python"] == ">=3.11"


def test_a_wheel_of_the_working_tree_is_the_same(wheel: Path, tmp_path: Path) -> None:
    assert build("wheel", ROOT, tmp_path).read_bytes() == wheel.read_bytes()


def test_it_serves_from_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    programs = make_environment(tmp_path / "venv")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(programs / "python")]
    # Without an index: nothing is missing that is declared, or this fails.
    subprocess.run([*pip, "install", "--no-index", "--quiet", wheel], check=True, capture_output=True)
    made = cache.in_use().folder
    assert made is not None
    environment = {
        "PATH": f"{programs}:{os.defpath}",
        "HOME": str(tmp_path),
        "HEADRACE_CACHE_DIR": str(made.parent),
        "HEADRACE_PORT": "0",
    }

    def run(*command: str) -> str:
        done = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=environment, text=True)
        return done.stdout

    assert run("headrace", "--version") == f"headrace, version {__version__}\n"
    assert 'data_dir = "data"  # default' in run("headrace", "check-config").splitlines()
    imports = (
        "import pkgutil, headrace\n"
        "for module in pkgutil.walk_packages(headrace.__path__, 'headrace.'):\n"
        "    module.name.endswith('__main__') or __import__(module.name)\n"
        "print(headrace.__file__)"
    )
    assert run("python", "-c", imports).startswith(str(tmp_path / "venv"))

    server = ServerProcess(tmp_path / "data", environment=environment, program=("headrace",))
    server.before = ("env",)  # looks for headrace on the PATH of the environment
    server.start()
    try:
        point = {"metric": "m", "timestamp": 1_700_000_000, "value": 21.5, "tags": {"k": "v"}}
        assert server.put([point]) == (204, b"")
        [series] = server.query(start=1_700_000_000, queries=[{"aggregator": "none", "metric": "m"}])
        assert series["dps"] == {"1700000000": 21.5}
        assert "sealed through" in run("headrace", "seal", f"http://127.0.0.1:{server.port}")
        assert server.stop() == 0
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
    assert "Compiling" not in server.log.read_text()
