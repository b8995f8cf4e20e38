"""The Dockerfile's commands, as a container would run them: its environment and no other, on a pruned copy of the
packages that nobody may write, without power over files."""

from __future__ import annotations

import itertools
import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from dockerfile_parse import DockerfileParser
from installed import ROOT, build, make_environment
from powerless import close, open_again, without_power_over_files
from serverprocess import ServerProcess
from test_readme import blocks

from headrace import cli
from headrace.kernels import cache

PARSED = DockerfileParser(str(ROOT / "Dockerfile"))
STEPS: list[tuple[str, str]] = [(step["instruction"], step["value"]) for step in PARSED.structure]
LAST_STAGE = STEPS[max(at for at, (instruction, _) in enumerate(STEPS) if instruction == "FROM") :]
SAID = dict(LAST_STAGE)
"""What each of these instructions says last, of the stage that is the image."""
HEALTH_CHECK: list[str] = json.loads(SAID["HEALTHCHECK"].partition("CMD ")[2])


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Path]:
    """/opt/headrace, as the image has it."""
    place = tmp_path / "opt"
    programs = make_environment(place, copied=True)
    subprocess.run([ROOT / "ops" / "docker" / "prune", place], check=True)
    wheel = build("wheel", ROOT, tmp_path / "dist")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(programs / "python")]
    subprocess.run([*pip, "install", "--no-index", "--quiet", wheel], check=True)
    made = cache.in_use().folder
    assert made is not None
    [package] = place.glob("lib/*/site-packages/headrace")
    shutil.copytree(made, package / "kernels" / "__pycache__" / made.name)
    yield place
    open_again(place)


def environment(program: Path, data: Path) -> dict[str, str]:
    given: dict[str, str] = PARSED.envs
    mapped = {"PATH": f"{program}/bin:/usr/bin", "HEADRACE_DATA_DIR": str(data)}
    assert given.keys() == {"HEADRACE_HOST", "SSL_CERT_FILE", *mapped}
    assert given["PATH"] == "/opt/headrace/bin:/usr/bin"
    assert given["HEADRACE_DATA_DIR"] == SAID["WORKDIR"] == json.loads(SAID["VOLUME"])[0]
    return given | mapped


@pytest.mark.peer("strip")
def test_it_serves_from_what_nobody_can_write(tmp_path: Path, program: Path) -> None:
    compiling, loading = (json.loads(value) for instruction, value in LAST_STAGE if instruction == "RUN")
    assert compiling == ["headrace", "compile", "--target", "portable"]
    (tmp_path / "data").mkdir()
    given = environment(program, tmp_path / "data")

    def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
        unable = [*without_power_over_files(), *command]
        return subprocess.run(unable, capture_output=True, text=True, check=False, cwd=tmp_path, env={**given, **more})

    # Once more without what only the environment of the tests has: all modules, over what was left out.
    assert run(*loading).returncode == 0, run(*loading).stderr
    close(program)

    entry, serving = json.loads(SAID["ENTRYPOINT"]), json.loads(SAID["CMD"])
    assert serving == ["serve"]
    unknown = run(*entry, *serving)
    assert unknown.returncode == 2
    assert "make a token (headrace token create)" in unknown.stderr
    listeners = {"HEADRACE_LISTENERS": '{"address": "0.0.0.0:0"}', "HEADRACE_INSECURE": "true"}
    assert run(*entry, "check-config", HEADRACE_HOST="", **listeners).returncode == 0
    assert "Listeners stand in for host" in run(*entry, "check-config", **listeners).stderr
    token = run(*entry, "token", "create", "agents", "--may", "read", "--may", "write").stdout.strip()

    server = ServerProcess(tmp_path / "data", before=(*without_power_over_files(), "env"), environment=given)
    server.program = tuple(entry)
    health = {"HEADRACE_PORT": str(server.port)}
    assert run(*HEALTH_CHECK, **health).returncode == 1
    server.start()
    try:
        point = b'{"metric": "m", "timestamp": 1700000000, "value": 1, "tags": {"a": "b"}}'
        assert server.request("POST", "/api/put", point)[0] == 401
        bearer = f"Bearer {token}"
        assert server.request("POST", "/api/put", point, Authorization=bearer) == (204, b"")
        answer = server.request("GET", "/api/query?start=1700000000&m=none:m", Authorization=bearer)[1]
        assert json.loads(answer)[0]["dps"] == {"1700000000": 1}
        assert run(*HEALTH_CHECK, **health).returncode == 0
        assert signal.Signals[SAID["STOPSIGNAL"]] == signal.SIGTERM
        assert server.stop() == 0
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
    assert "Compiling" not in server.log.read_text()


def test_nobody_in_particular_runs_it() -> None:
    user, _, group = SAID["USER"].partition(":")
    assert int(user) == int(group) > 0
    root = (ROOT / "ops" / "docker" / "root").read_text()
    assert f"headrace:x:{user}:{group}:" in root
    assert f"--owner {user} --group {group} --mode 700" in root


def test_what_it_copies_is_let_in_and_there() -> None:
    lets_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = {
        source
        for instruction, value in STEPS
        if instruction == "COPY" and "--from" not in value
        for source in shlex.split(value)[:-1]
    }
    assert all((ROOT / source).exists() for source in copied)
    assert {next(name for name in lets_in if source.startswith(name)) for source in copied} == set(lets_in)


def test_what_the_page_tells_to_run_fits_the_image() -> None:
    told = "".join(
        text for text in blocks(ROOT / "docs" / "install.md") if text.startswith(("docker build", "docker run"))
    )
    lines = [shlex.split(line) for line in told.replace("\\\n", "").splitlines()]
    assert lines.pop(0) == ["docker", "build", "--tag", "headrace", "."]
    for line in lines:
        assert line[:2] == ["docker", "run"]
        # The image follows the last flag; the name of the container and of the volume are the same.
        image = max(at for at, word in enumerate(line) if word == "headrace" and line[at - 1] not in ("--name",))
        arguments = line[image + 1 :] or ["serve"]
        assert CliRunner().invoke(cli.main, [*arguments, "--help"]).exit_code == 0
        flags = dict(itertools.pairwise(line))
        assert flags["--volume"] == f"headrace:{SAID['WORKDIR']}"
        if "--publish" in flags:
            assert flags["--publish"].endswith(f"4242:{SAID['EXPOSE']}")
            # Open to everybody only where nobody else can reach it.
            assert ("HEADRACE_INSECURE=true" in line) == flags["--publish"].startswith("127.0.0.1:")
