"""Cases of /api/query/exp and /api/query/gexp: a small world is written, and expressions are asked about it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import urlencode

from oracles.comparing.asking import Request
from oracles.comparing.differences import Difference
from oracles.expressions import cases, judging
from oracles.opentsdb.servers import Servers, side_by_side

QUESTIONS = 20
"""About one world."""


class Expressions:
    """The sort "expressions". A case has `series`, and `exp` or `gexp`."""

    name = "expressions"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._written: tuple[str, str] = ("", "")

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        series = cases.world(random)
        for _ in range(QUESTIONS):
            if random.random() < 0.5:
                yield {"series": series, "exp": cases.exp(random)}
            else:
                yield {"series": series, "gexp": cases.gexp(random)}

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        return judging.differences(*self._servers.both(self._request(said)))

    def shown(self, said: dict[str, Any]) -> str:
        request = self._request(said)
        text = side_by_side(request, self._servers.both(request), self._written[1])
        return "\n".join([text, *(f"  {json.dumps(one)}" for one in said["series"])])

    def _request(self, said: dict[str, Any]) -> Request:
        prefix = self._prefix_of(said["series"])
        if "exp" in said:
            body = copy.deepcopy(said["exp"])
            for metric in body["metrics"]:
                metric["metric"] = f"{prefix}.{metric['metric']}"
            return Request("POST", "/api/query/exp", json.dumps(body).encode())
        calls = [re.sub(r":(m[0-9])", rf":{prefix}.\1", call) for call in said["gexp"]["exp"]]
        return Request("GET", f"/api/query/gexp?{urlencode({**said['gexp'], 'exp': calls}, doseq=True)}")

    def _prefix_of(self, series: list[dict[str, Any]]) -> str:
        """The last world stays written, as most cases ask about the same one as the case before."""
        text = json.dumps(series)
        if self._written[0] != text:
            prefix = self._servers.fresh()
            points = [
                {"metric": f"{prefix}.{one['metric']}", "timestamp": time, "value": value, "tags": one["tags"]}
                for one in series
                for time, value in one["points"]
            ]
            self._servers.write(points)
            self._written = (text, prefix)
        return self._written[1]
