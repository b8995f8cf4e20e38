"""Clients of Apollo's and DataZone's rooms, and of annotations: what they send are documents, and points with them."""

from __future__ import annotations

import json
import time
from calendar import timegm
from collections.abc import Hashable
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from point_senders import SERIES, new_batch, with_batch
from sending import START_S, Change, HttpSender, State, Wrong, once
from serverprocess import ServerProcess

DEVICES = 40
MOMENTS = 20
FORMS = 3
DELETES = 0.06
CREDENTIALS = Credentials("AKIDTRIAL", "the secret of a trial")
"""With which requests are signed. Nobody looks at them: where somebody did, all other senders would be asked, too."""


class Apollo(HttpSender):
    """Samples of one device, and registrations of others."""

    def __init__(self, number: int, seed: int) -> None:
        super().__init__(number, seed)
        self.series: list[str] = []
        self.devices: dict[str, str] = {}
        """An id of each that is known to be registered."""

    def prepare(self) -> None:
        found = self._register(self.name, [f"P{place}" for place in range(SERIES)])
        if self.series and found != self.series:
            raise Wrong(f"other ids of the same points: {found} and {self.series}")
        self.series = found

    def _register(self, device: str, points: list[str]) -> list[str]:
        body = [{"id": point, "pointType": "of.apollo"} for point in points]
        answer = self.ask("POST", f"/apollo/devices/{device}/timeseries", body)
        return [one["timeseriesId"] for one in answer["data"]["relationships"]]

    def next_change(self) -> Change:
        if len(self.devices) < DEVICES and self.chance.random() < 0.1:
            device = f"{self.name}-{len(self.devices)}"
            return Change(device, {**self.known, ("device", device): "true"})
        batch = new_batch(self)
        samples = [
            {"timeseriesId": self.series[place], "val": value, "timestamp": _iso(at), "metric": "Raw"}
            for (place, at), value in batch.items()
        ]
        return Change(samples, with_batch(self.known, batch))

    def send(self, change: Change) -> int:
        if isinstance(change.request, str):
            self.devices[change.request] = self._register(change.request, ["P", "Q"])[1]
            return 0
        self.ask("POST", f"/apollo/devices/{self.name}/timeseries/samples", change.request)
        return len(change.request)

    def read(self, server: ServerProcess) -> State:
        found: list[tuple[Hashable, object]] = [
            (("device", device), True) for device in self.devices if self._is_registered(server, device)
        ]
        for place, series in enumerate(self.series):
            path = f"/apollo/devices/{self.name}/timeseries/samples?timeseries_ids={series}&limit=1000"
            samples = self.look(server, "GET", path, ok=(200, 404))
            found += [((place, _second(one["timestamp"])), one["val"]) for one in _rows(samples)]
        return once(found)

    def _is_registered(self, server: ServerProcess, device: str) -> bool:
        path = f"/apollo/devices/{device}/timeseries/{self.devices[device]}"
        return bool(self.look(server, "GET", path, ok=(200, 404))["data"])


def _rows(answer: Any) -> list[dict[str, Any]]:
    """None of what is not registered."""
    data = answer["data"]
    return list(data.get("samples", []) if isinstance(data, dict) else data)


def _iso(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def _second(stamp: str) -> int:
    return timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))


class DataZone(HttpSender):
    """Forms of one asset under client tokens, each with a number that becomes a point; now and then all are deleted."""

    signed = False

    @property
    def path(self) -> str:
        return f"/v2/domains/dzd_trial/entities/ASSET/{self.name}/time-series-data-points"

    def headers(self, method: str, path: str, body: Any) -> dict[str, str]:
        sent = super().headers(method, path, body)
        if not self.signed or not path.startswith("/v2/"):
            return sent
        address = f"http://{self.connection.host}:{self.connection.port}{path}"
        request = AWSRequest(method, address, sent, None if body is None else json.dumps(body))
        SigV4Auth(CREDENTIALS, "datazone", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    def next_change(self) -> Change:
        self.values += 1
        token = f"{self.name}-{self.values}"
        if self.known and self.chance.random() < DELETES:
            return Change(("DELETE", f"{self.path}?formName={self.name}&clientToken={token}", None), {})
        forms, after = [], dict(self.known)
        for _ in range(self.chance.randint(1, FORMS)):
            self.values += 1
            at, content = START_S + self.values, {"n": self.values, "note": "x" * self.chance.randrange(200)}
            form = {"formName": self.name, "typeIdentifier": "t", "timestamp": at, "content": json.dumps(content)}
            forms.append(form)
            after |= {("form", at): json.dumps(content), ("point", at): json.dumps(self.values)}
        return Change(("POST", self.path, {"clientToken": token, "forms": forms}), after)

    def send(self, change: Change) -> int:
        method, path, body = change.request
        self.ask(method, path, body)
        return len(body["forms"]) if body else 0

    def read(self, server: ServerProcess) -> State:
        found: list[tuple[Hashable, object]] = [(("form", int(at)), content) for at, content in self._forms(server)]
        query = {"metric": f"{self.name}.n", "aggregator": "none", "tags": {"entity": self.name}}
        question = {"start": START_S - 1, "end": START_S + 10**7, "queries": [query]}
        answers = self.look(server, "POST", "/api/query", question, ok=(200, 400))
        for answer in answers if isinstance(answers, list) else []:
            found += [(("point", int(at)), value) for at, value in answer["dps"].items()]
        return once(found)

    def _forms(self, server: ServerProcess) -> list[tuple[float, object]]:
        found: list[tuple[float, object]] = []
        token = ""
        while True:
            page = self.look(server, "GET", f"{self.path}?formName={self.name}&maxResults=50{token}")
            found += [(item["timestamp"], json.loads(item["contentSummary"])) for item in page["items"]]
            if "nextToken" not in page:
                return found
            token = f"&nextToken={quote(page['nextToken'], safe='')}"


class SignedDataZone(DataZone):
    """Signs its requests, as the SDKs do whether anybody asks or not."""

    signed = True


class Annotations(HttpSender):
    """Some moments' global annotations: several at once, all or none; a moment's is changed or deleted."""

    @property
    def first_s(self) -> int:
        return START_S + 1000 * (self.number + 1)

    def next_change(self) -> Change:
        moments = self.chance.sample(range(MOMENTS), self.chance.randint(1, 4))
        if self.known and self.chance.random() < 0.2:
            gone = self.chance.choice(sorted(self.known, key=str))
            after = {moment: text for moment, text in self.known.items() if moment != gone}
            return Change(("DELETE", "/api/annotation", {"startTime": gone}), after)
        texts = {self.first_s + moment: f"note {self.value()}" for moment in moments}
        notes = [{"startTime": moment, "description": text} for moment, text in texts.items()]
        after = {**self.known, **{moment: json.dumps(text) for moment, text in texts.items()}}
        return Change(("POST", "/api/annotation/bulk", notes), after)

    def send(self, change: Change) -> int:
        # What was in doubt may be there already, or be gone.
        method, path, body = change.request
        self.ask(method, path, body, ok=(200, 204, 304, 404))
        return 0

    def read(self, server: ServerProcess) -> State:
        found: list[tuple[int, object]] = []
        for moment in range(self.first_s, self.first_s + MOMENTS):
            answer = self.look(server, "GET", f"/api/annotation?start_time={moment}", ok=(200, 404))
            if "description" in answer:
                found.append((moment, answer["description"]))
        return once(found)
