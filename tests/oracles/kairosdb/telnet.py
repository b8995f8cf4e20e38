"""Cases of lines of telnet, good ones and others; what they left is read afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from oracles.comparing.differences import Difference
from oracles.comparing.sorts import Said
from oracles.kairosdb import left
from oracles.kairosdb.servers import Servers

HANDFUL = 10

USUAL = {"P.a": ("1", "-7", "12345678901"), "P.b": ("2.5", "1.5e3", "-0.001"), '"P.c d"': ("up", '"a b"', "1")}
"""Name -> its values."""

USUAL_TIMES = ("1359788400", "1359788460", "1359788400123")

VERBS = ["put", "putm", "puts", "PUT", "putt", "get"]
NAMES = ["P.a", "P.b", '"P.c d"', '""', "P.é"]
TIMES = ["1359788410", "0", "2999999999", "3000000000", "-5", "1.5", "x", "1e9", "+5"]
VALUES = ["1", "2.5", "5.", ".5", "1e3", "x", "+5", '"a b"', "9223372036854775807", "true", "NaN", "up"]
TAGS = ["a=b", "a=b", "c=d", "a=b=c", "a=", "=b", "a", "kairos_opt.ttl=3000", "kairos_opt.ttl=x", '"a=b c"', "é=ü"]


class Lines:
    """The sort "telnet". P stands for the beginning of the names of a case."""

    name = "telnet"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def some(self, random: Random) -> Iterator[Said]:
        for _ in range(HANDFUL):
            yield {"lines": [_line(random) for _ in range(random.randint(1, 6))]}

    def differences(self, said: Said) -> list[Difference]:
        prefix, found = self._sent(said)
        return [*found, *self._marks(prefix), *left.differences(self._servers, _metrics(prefix), left.LATIN)]

    def shown(self, said: Said) -> str:
        prefix, _ = self._sent(said)
        return "\n".join([*said["lines"], *left.shown(self._servers, _metrics(prefix), prefix, left.LATIN)])

    def _marks(self, prefix: str) -> list[Difference]:
        """Whether KairosDB has stored names that are not ASCII otherwise: it is asked for its own then."""
        strange = [name for name in _metrics(prefix) if not name.isascii()]
        return [Difference("reading", left.LATIN) for _ in left.differences(self._servers, strange)[:1]]

    def _sent(self, said: Said) -> tuple[str, list[Difference]]:
        prefix = self._servers.fresh()
        real, ours = self._servers.lines("\n".join(said["lines"]).replace("P", prefix).encode())
        self._servers.settle()
        return prefix, [Difference("said", f"{real!r} | {ours!r}", real, ours)] if real != ours else []


def _metrics(prefix: str) -> list[str]:
    return [f"{prefix}.{name}" for name in ("a", "b", "c d", "é")]


def _line(random: Random) -> str:
    words = _usual(random) if random.random() < 0.7 else _odd(random)
    if random.random() < 0.06:
        del words[random.randrange(len(words)) :]
    return random.choice((" ", " ", " ", "  ", "\t")).join(words) + random.choice(("", "", "\r", " "))


def _usual(random: Random) -> list[str]:
    """Of one type for each name: of two at one time KairosDB keeps both."""
    name = random.choice(list(USUAL))
    verb = "puts" if name == '"P.c d"' else random.choice(("put", "putm"))
    tags = random.sample(("a=b", "c=d", "kairos_opt.ttl=3000"), random.choice((0, 1, 1, 2)))
    return [verb, name, random.choice(USUAL_TIMES), random.choice(USUAL[name]), *tags]


def _odd(random: Random) -> list[str]:
    tags = [random.choice(TAGS) for _ in range(random.choice((1, 1, 2, 3, 0)))]
    return [random.choice(VERBS), random.choice(NAMES), random.choice(TIMES), random.choice(VALUES), *tags]
