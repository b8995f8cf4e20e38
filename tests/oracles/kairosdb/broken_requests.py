"""Cases of requests that are nearly right, to all doors that take JSON; of those that write, also what they left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from oracles.comparing.asking import Request
from oracles.comparing.differences import Difference
from oracles.comparing.pair import Answers
from oracles.comparing.sorts import Said
from oracles.kairosdb import judging, left, mutating, rewording
from oracles.kairosdb.mutating import METRIC, TIME_MS
from oracles.kairosdb.servers import Servers, may_be_asked, post, side_by_side

HANDFUL = 20

NEARLY = "nearly"
"""The member of a case that has the request that was right, by which the table knows what is wrong."""


class Broken:
    """The sort "broken question" (query, query/tags), or "broken write" (datapoints, datapoints/delete)."""

    def __init__(self, servers: Servers, writes: bool) -> None:
        self.name = "broken write" if writes else "broken question"
        self._servers = servers
        self._writes = writes
        self._known: str | None = None

    def some(self, random: Random) -> Iterator[Said]:
        for _ in range(HANDFUL):
            if self._writes:
                path = random.choices(("datapoints", "datapoints/delete"), (85, 15))[0]
            else:
                path = random.choices(("datapoints/query", "datapoints/query/tags"), (90, 10))[0]
            right = random.choice(mutating.WRITES if path == "datapoints" else mutating.QUESTIONS)
            text = mutating.mutated(random, right)
            if may_be_asked(post(path, text)) and not _is_wrapped(text):
                yield {"path": path, "text": text, NEARLY: json.dumps(right)}

    def differences(self, said: Said) -> list[Difference]:
        prefix, request = self._prepared(said)
        if not self._writes:
            answers, question = self._servers.both(request), judging.question_of(said["text"])
            found = judging.queries(answers, question)
            text = rewording.with_plain_thresholds(said["text"])
            if not found or text == said["text"]:
                return found
            real = self._servers.real.ask(post(said["path"], text.replace(METRIC, f"{prefix}.")))
            return [
                Difference("reading", rewording.QUOTED),
                *judging.queries(Answers(real, answers.ours), question),
            ]
        found = judging.plain(self._servers.both(request))
        if said["path"] == "datapoints/delete" and any(one.kind == "status" for one in found):
            return found  # one of the two has deleted nothing
        self._servers.settle()
        return [*found, *left.differences(self._servers, _metrics(prefix))]

    def shown(self, said: Said) -> str:
        prefix, request = self._prepared(said)
        shown = [side_by_side(request, self._servers.both(request), prefix)]
        if self._writes:
            self._servers.settle()
            shown += left.shown(self._servers, _metrics(prefix), prefix)
        return "\n".join(shown)

    def _prepared(self, said: Said) -> tuple[str, Request]:
        """What writes, does so under names of its own; questions are asked about one metric that stays."""
        if not self._writes and self._known is not None:
            prefix = self._known
        else:
            prefix = self._servers.fresh()
            if said["path"] != "datapoints":
                points = [[TIME_MS + at * 20_000, at] for at in range(10)]
                metric = {"name": f"{prefix}.0", "datapoints": points, "tags": {"host": "A", "dc": "x"}}
                self._servers.write([json.dumps([metric])])
        if not self._writes:
            self._known = prefix
        return prefix, post(said["path"], said["text"].replace(METRIC, f"{prefix}."))


def _is_wrapped(text: str) -> bool:
    """Whether KairosDB would take what is left of an integer in 32 bits, and compute with it."""
    great = max(one for one in mutating.BAD if isinstance(one, int))
    members = [f'"{name}": {great}' for name in ("group_count", "range_size", "dev_count")]
    return any(one in text for one in members) or ('"rate"' in text and str(great) in text)


def _metrics(prefix: str) -> list[str]:
    return [f"{prefix}.{name}" for name in ("0", "1")]
