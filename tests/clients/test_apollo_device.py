"""An Apollo device and its dashboard, hand-written by the pages as all of its clients are, against a server process."""

from __future__ import annotations

import http.client
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from serverprocess import ServerProcess, running

# The examples of the pages Post Timeseries and Post Samples, word for word.
POINTS = """[
    {
        "id": "PointId1",
\t\t"pointType": "temperature"
    },
    {
        "id": "PointId2",
\t\t"pointType": "humidity"
    }
]"""
SAMPLES = """[ 
           {
                "timeseriesId" : "51922b39-8cd3-9ae3-d42f-6c8fde777e9c",
                "val" : 6,
                "timestamp" : "2018-01-27T00:00:00+00:00",
                "mertic" : "Raw"
           },
       {
                "timeseriesId" : "51922b39-8cd3-9ae3-d42f-6c8fde777e9c",
                "val" : 7,
                "timestamp" : "2018-01-27T00:15:00+00:00",
                "mertic" : "Raw"
           }
      ]"""  # noqa: W291 - as printed
HEADERS = {
    "Authorization": "Bearer {{access_token}}",
    "Content-Type": "application/json",
    "ercollectionid": "testcollection",
    "x-correlation-id": "764ff302-7ba1-42dc-bd4e-e1e883e9a76b",
}
SEED_ID = "51922b39-8cd3-9ae3-d42f-6c8fde777e9c"
PATH = "/apollo/devices/TestDevice/timeseries"


class Device:
    """Keeps one connection, as a device does."""

    def __init__(self, server: ServerProcess) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, Any]:
        self.connection.request(method, path, body, HEADERS | headers)
        answer = self.connection.getresponse()
        assert answer.headers["x-correlation-id"] == HEADERS["x-correlation-id"]
        return answer.status, json.loads(answer.read())


def values(answer: tuple[int, Any]) -> list[Any]:
    status, body = answer
    assert (status, body["status"]) == (200, {"message": "", "code": "200"})
    return [sample["val"] for sample in body["data"]]


def test_a_device_lives_through_a_power_cut(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        device = Device(server)
        status, registered = device.ask("POST", PATH, POINTS)
        assert (status, registered["status"]) == (202, {"Message": "", "Code": "202"})
        assert registered["data"]["deviceId"] == "TestDevice"
        points = registered["data"]["relationships"]
        assert [(point["pointId"], point["pointType"]) for point in points] == [
            ("PointId1", "temperature"),
            ("PointId2", "humidity"),
        ]
        one, two = (point["timeseriesId"] for point in points)
        assert device.ask("POST", f"{PATH}/samples", SAMPLES) == (
            202,
            {"status": {"Message": "", "Code": "202"}, "data": {}},
        )
        mixed = [
            {"timeseriesId": one, "val": 20.5, "timestamp": "2018-01-27T00:00:00+01:00", "metric": "Raw"},
            {"timeseriesId": two, "val": "48", "timestamp": "2018-01-27T00:00:00+01:00", "metric": "Raw"},
        ]
        assert device.ask("POST", f"{PATH}/samples", json.dumps(mixed))[0] == 202
        before = [
            device.ask("GET", f"{PATH}/samples?timeseries_ids={SEED_ID}&limit=100"),
            device.ask("GET", f"{PATH}/samples?timeseries_ids={one}&timeseries_ids={two}"),
            device.ask("GET", f"{PATH}/{one}"),
        ]
        assert values(before[0]) == [7, 6]
        assert values(before[1]) == [20.5, 48]
        server.kill()
        server.start()
        device = Device(server)
        assert device.ask("POST", PATH, POINTS) == (202, registered)
        assert before == [
            device.ask("GET", f"{PATH}/samples?timeseries_ids={SEED_ID}&limit=100"),
            device.ask("GET", f"{PATH}/samples?timeseries_ids={one}&timeseries_ids={two}"),
            device.ask("GET", f"{PATH}/{one}"),
        ]
        assert HEADERS["x-correlation-id"] not in server.log.read_text(), "all went well"
        assert device.ask("GET", f"{PATH}/samples")[0] == 400
        assert server.says(HEADERS["x-correlation-id"])


def test_a_dashboard_turns_pages(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        device = Device(server)
        stamps = [f"2018-01-27T{minute // 60:02}:{minute % 60:02}:00+00:00" for minute in range(250)]
        samples = [{"timeseriesId": SEED_ID, "val": n, "timestamp": stamp} for n, stamp in enumerate(stamps)]
        assert device.ask("POST", f"{PATH}/samples", json.dumps(samples))[0] == 202
        found: list[Any] = []
        headers: dict[str, str] = {}
        while True:
            answer = device.ask("GET", f"{PATH}/samples?timeseries_ids={SEED_ID}&paginated=true", **headers)
            found += values(answer)
            paging = answer[1]["paging"]
            assert paging["totalCount"] == 250
            if paging["continuationToken"] is None:
                break
            headers = {"ContinuationToken": paging["continuationToken"]}
        assert found == list(range(250))[::-1]


@pytest.mark.peer("curl")
def test_the_pages_curl_command_and_a_body_that_is_announced(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        # As printed, but for the host.
        command = f"""curl -s -X POST \\
  'http://127.0.0.1:{server.port}{PATH}' \\
  -H 'Authorization: Bearer {{{{access_token}}}}' \\
  -H 'Content-Type: application/json' \\
  -H 'ercollectionid: testcollection' \\
  -H 'x-correlation-id: 764ff302-7ba1-42dc-bd4e-e1e883e9a76b' \\
  -d '{POINTS}'"""
        answer = json.loads(subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=30).stdout)
        assert answer["status"] == {"Message": "", "Code": "202"}
        many = [{"timeseriesId": SEED_ID, "val": n, "timestamp": "2018-01-27T00:00:00Z"} for n in range(20_000)]
        (tmp_path / "many.json").write_text(json.dumps(many))
        announced = ["curl", "-s", "-v", "-H", "Expect: 100-continue", "-H", "Content-Type: application/json"]
        sent = subprocess.run(
            [*announced, "--data-binary", "@many.json", f"http://127.0.0.1:{server.port}{PATH}/samples"],
            check=True,
            capture_output=True,
            timeout=60,
            cwd=tmp_path,
        )
        assert b"100 Continue" in sent.stderr
        assert json.loads(sent.stdout)["status"]["Code"] == "202"


def test_tokens_are_asked_for_and_never_shown(tmp_path: Path) -> None:
    secret = "a-very-secret-token"
    config = tmp_path / "headrace.toml"
    config.write_text(
        f'[apollo_tokens.meters]\ntoken = "{secret}"\nscopes = ["apollo_write"]\n'
        'collections = { testcollection = "readwrite" }\n'
    )
    with running(tmp_path / "data", "--config", str(config)) as server:
        device = Device(server)
        status, body = device.ask("POST", PATH, POINTS)
        assert (status, body["status"]["Code"]) == (401, "401")
        assert device.ask("POST", PATH, POINTS, Authorization=f"Bearer {secret}")[0] == 202
        assert device.ask("POST", PATH, POINTS, Authorization=f"Bearer {secret}", ercollectionid="other")[0] == 403
        assert server.says("request denied")
        assert secret not in server.log.read_text()
