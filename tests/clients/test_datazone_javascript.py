"""The JavaScript SDK against a real server that checks its signatures, behind a prefix and a proxy that fails once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from datazone_clients import CONTENT, DOMAIN, PREFIX, SETTINGS, SUMMARY, TYPE, environment, installed, proxied
from serverprocess import running

HERE = Path(__file__).parent / "javascript"


def test_each_operation(tmp_path: Path) -> None:
    installed(HERE / "node_modules" / "@aws-sdk" / "client-datazone")
    node = installed(Path(sys.executable).parent / "node")
    with running(tmp_path / "data", **SETTINGS) as server, proxied(server) as proxy:
        proxy.failures.append("lose")
        command = [str(node), str(HERE / "dialogue.mjs"), proxy.url + PREFIX, DOMAIN, TYPE, CONTENT]
        said = subprocess.run(command, env=environment(tmp_path), capture_output=True, timeout=60, check=False)
        assert said.returncode == 0, said.stderr.decode()
        heard = json.loads(said.stdout)
        signed = proxy.seen[0][1]["authorization"]

    assert "x-amz-content-sha256" in signed
    assert (heard["status"], heard["attempts"]) == (201, 2)
    assert len(heard["requestId"]) == 36
    first, second, *_, last = heard["forms"]
    assert first == {
        "formName": "my form/é+&%41",
        "typeIdentifier": TYPE,
        "typeRevision": "8",
        "timestamp": "2024-01-02T03:04:05.678Z",
        "content": CONTENT,
        "id": first["id"],
    }
    assert set(second) == {"formName", "typeIdentifier", "timestamp", "id"}
    assert heard["forms"][3]["timestamp"] == "1969-12-31T23:59:58.500Z"
    assert heard["dates"]
    assert heard["lone"], "a surrogate that stands alone"
    assert heard["listed"] == [
        ["2024-01-02T03:04:05.680Z", None],
        ["2024-01-02T03:04:05.679Z", None],
        ["2024-01-02T03:04:05.678Z", SUMMARY],
    ]
    # The post that was answered with 503 was stored, and its retry stored nothing more.
    by_time = [form["id"] for form in sorted(heard["forms"], key=lambda form: form["timestamp"], reverse=True)]
    assert heard["pages"] == [by_time[0:2], by_time[2:4], by_time[4:]]
    assert by_time[0] == last["id"]
    assert heard["got"] == first
    assert heard["deleted"] == 204
    (missing, status, _), (invalid, _, message) = heard["errors"]
    assert (missing, status) == ("ResourceNotFoundException", 404)
    assert invalid == "ValidationException"
    assert message.startswith("2 validation errors detected. Value at '/entityType' failed")
