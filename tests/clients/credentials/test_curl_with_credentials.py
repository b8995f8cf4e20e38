"""curl, by all of its ways to say who sends: users and passwords, tokens, a URL that has them, a .netrc, signatures."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from asking_server import KEY_ID, PASSWORD, READ_TOKEN, SECRET, TOKEN, USER, WRONG, Asking, asking

pytestmark = pytest.mark.peer("curl")

PATHS = {
    "opentsdb": ("/api/put", {"metric": "by.curl", "timestamp": 1_700_000_000, "value": 1, "tags": {"k": "v"}}),
    "kairosdb": ("/api/v1/datapoints", {"name": "by.curl", "datapoints": [[1_700_000_000_000, 1]], "tags": {"k": "v"}}),
}
WAYS = {
    "basic": (["-u", f"{USER}:{PASSWORD}"], 204),
    "any": (["--anyauth", "-u", f"{USER}:{PASSWORD}"], 204),
    "token": (["-H", f"Authorization: Bearer {TOKEN}"], 204),
    "oauth": (["--oauth2-bearer", TOKEN], 204),
    "as Apollo names it": (["-H", f"Authentication: Bearer {TOKEN}"], 204),
    "nothing": ([], 401),
    "a wrong password": (["-u", f"{USER}:{WRONG}"], 401),
    "no such user": (["-u", f"nobody:{PASSWORD}"], 401),
    "a user without a password": (["-u", f"{USER}:"], 401),
    "a wrong token": (["--oauth2-bearer", TOKEN[:-1]], 401),
    "a token as a password": (["-u", f"{USER}:{TOKEN}"], 401),
    "a reader": (["--oauth2-bearer", READ_TOKEN], 403),
    "digest": (["--digest", "-u", f"{USER}:{PASSWORD}"], 401),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asking(tmp_path_factory.mktemp("curl")) as house:
        yield house


def curl(house: Asking, *options: str) -> tuple[int, str]:
    """Status, and what was said."""
    command = ["curl", "-sS", "--cacert", str(house.authority.root), "-w", "\n%{http_code}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    said, _, status = done.stdout.rpartition("\n")
    return int(status), said


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("room", PATHS)
def test_who_sends_and_who_is_refused(house: Asking, room: str, scheme: str) -> None:
    path, point = PATHS[room]
    for way, (options, expected) in WAYS.items():
        if scheme == "https" and expected == 401 and "password" in way:
            continue  # after ten wrong passwords the next ones are not looked at
        status, said = curl(house, *options, "--json", json.dumps(point), house.url(scheme) + path)
        assert status == expected, (way, said)
        if status != 204:
            assert json.loads(said)
    assert house.points("by.curl") == 1


def test_a_url_and_a_netrc_may_have_them(house: Asking) -> None:
    for user, expected in ((f"{USER}:{PASSWORD}", 200), (f"{USER}:{WRONG}", 401)):
        assert curl(house, house.url("https", user) + "/api/version")[0] == expected
    netrc = house.authority.folder / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    assert curl(house, "--netrc-file", str(netrc), house.url() + "/api/version")[0] == 200


def test_a_user_is_told_which_ways_there_are(house: Asking) -> None:
    _, said = curl(house, "-i", house.url() + "/api/version")
    ways = [line.split()[1] for line in said.splitlines() if line.lower().startswith("www-authenticate:")]
    assert ways == ["Bearer", "Basic"]


def test_signatures(house: Asking) -> None:
    where = "/v2/domains/dzd_a/entities/ASSET/a/time-series-data-points"
    signed = ["--aws-sigv4", "aws:amz:us-east-1:datazone", f"{house.url('https')}{where}?entityType=ASSET&formName=f"]
    for user, expected in ((f"{KEY_ID}:{SECRET}", 200), (f"{KEY_ID}:{WRONG}", 403), (f"AKIDNOBODY:{SECRET}", 403)):
        status, said = curl(house, "-u", user, *signed)
        assert status == expected, said


def test_a_password_that_is_tried_again_and_again_waits(house: Asking) -> None:
    """Only that user, and nobody whose password was right before."""
    said = [curl(house, "-u", f"guessed:{number}", house.url() + "/api/version")[1] for number in range(11)]
    assert "too many wrong passwords" in said[10]
    assert "too many" not in said[9]
    assert curl(house, "-u", f"{USER}:{PASSWORD}", house.url() + "/api/version")[0] == 200
