"""Cases of lines of telnet: what both answer to each, and what both stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from oracles.comparing.differences import Difference
from oracles.opentsdb.servers import Servers
from oracles.opentsdb.writing import stored, talking

SOME = 10

COMMANDS = ("version", "stats", "help", "dropcaches", "version x", "help put", "dropcaches x", "stats foo")
"""Those whose answers name no line."""

USUAL_TIMES = ("1365465600", "1365465601", "1365465600123", "1365465600.250")
USUAL_VALUES = ("1", "-7", "2.5", "1.5e3", "300", "12345678901", "-0.125")

VERBS = [
    "put",
    "put",
    "put",
    "put",
    "PUT",
    "Put",
    "puts",
    "putm",
    "putt",
    "get",
    "foo",
    "versionx",
    "Version",
    "rollup",
    "histogram",
    "diediediex",
    "fsck",
    "zz",
    "pu\\t",
    "put:",
]
METRICS = [
    "P.a",
    "P.a",
    "P.x!",
    "P.ü",
    "P.ê",
    "P.中",
    "P.(b)",
    "P.a:b",
    "P.a,b",
    "P.a=b",
    "P.a#b",
    "P.[b]",
    "P.;",
    "P.@",
    "P.'",
    "P.%",
    "P.*",
    "P.&",
    "P./",
    "P.-",
    "P..",
    "P.A",
    "P.",
    "P.\x00",
    "P.\x7f",
    "P.\r",
    "",
]
TIMES = """0|-1|abc|1.5|1365465600.5|1365465600.25|1365465600.250|1365465600.2500|1365465600123|1365465600.|1
4284767|4284768|4294967296|9999999999999|10000000000000|99999999999999999999|1e9|+1365465600
1365465600x||-|+|.250|1365465600123.250|0.250|01365465600|4293999999|12345678901234
9223372036854775807|9223372036854775808|-9223372036854775808|1365465600.abc|1365.465600|-1365465600
1365465600,5|00|1365465600.000|1365465600.999|13654656000|281474976710656|NaN|10000000000|9999999999""".replace(
    "\n", "|"
).split("|")
VALUES = """abc|NaN|nan|Infinity|-Infinity|1e400|9223372036854775807|9223372036854775808|-9223372036854775808
1.5|1e3|.5|5.|--1|+1|-|1,5|0x1F|1f|true||1_0|1.5.5|-0|007|1e|e1|+|.|-.5|1d|1L|1.5f|1.5d|1e3F|-.5D
-9223372036854775809|00012345678901234567|1e-400|4.9e-324|1.|+.5|16777217|16777217.0|1e22|3.5e38
-1e400|INF|é|1E3|1E+2|'1'|"1"|0.1|12345678901234567890.0""".replace("\n", "|").split("|")
TAGS = """host|host=|=a|host=a=b|host=a host=a|host=a host=b|host=a!|h!=a|host=ü|host=ê|host=中|host=a,b
host=a b|host=a  dc=b|=|host=a =b|host=a dc=|host=a'b|host=a(b)|host=a/b|host=a:b|host=[a]|host=a#b
 |host=a |  host=a|host=a.b-c_d|HOST=a host=a|h(=a|host=a\tdc=b|host=\x01|host=a b=c=d|==|host==a
host=a host""".replace("\n", "|").split("|")


@dataclass(frozen=True)
class Line:
    """One line on one server.   place: among the lines.   said: the answers to it, without what headrace adds to
    OpenTSDB's words."""

    place: int
    line: str
    points: stored.Points
    said: list[str]


class Lines:
    """The sort "telnet". P. begins the names of a line."""

    name = "telnet"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        return (_case(random) for _ in range(SOME))

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        return _Sent(self._servers, said).differences()

    def shown(self, said: dict[str, Any]) -> str:
        sent = _Sent(self._servers, said)
        told = [
            f"  {line!r}\n    OpenTSDB {real.said} {real.points}\n    headrace {ours.said} {ours.points}"
            for line, real, ours in zip(sent.lines, sent.real, sent.ours, strict=True)
        ]
        return "\n".join([f"{said['cuts']} {said['end']!r} marked {said['marked']}", *told]).replace(sent.prefix, "P.")


class _Sent:
    """Some lines, sent to both under a prefix of their own."""

    def __init__(self, servers: Servers, said: dict[str, Any]) -> None:
        self._said = said
        self.prefix = servers.fresh()
        self.lines = [line.replace("P.", f"{self.prefix}{index}.") for index, line in enumerate(said["lines"])]
        self._metrics = [_metric(line) for line in self.lines]
        stored.make_known(servers, {as_opentsdb(metric) for metric in self._metrics if self.prefix in metric})
        coded, end = [line.encode() for line in self.lines], said["end"].encode()
        count = len(self.lines)
        marked = talking.marked(coded, end)
        ours = marked if said["marked"] else talking.unmarked(coded, end)
        real_said, our_said = (
            talking.talk(peer.port, talking.pieces_of(data, said["cuts"]), count)
            for peer, data in ((servers.real, marked), (servers.ours, ours))
        )
        stored.settle(servers)
        points = [self._points(servers, metric) for metric in self._metrics]
        replies, self._misnamed = self._ours(our_said, said["marked"])
        self.real = self._told([one for one, _ in points], talking.by_mark(real_said, count))
        self.ours = self._told([other for _, other in points], replies)

    def differences(self) -> list[Difference]:
        found = self._misnamed[:]
        for real, ours in zip(self.real, self.ours, strict=True):
            if json.dumps(real.points) != json.dumps(ours.points):
                found.append(Difference("stored", f"{real} | {ours}", real, ours))
            elif real.said != ours.said:
                found.append(Difference("said", f"{real.said} | {ours.said} to {real.line!r}", real, ours))
        return found

    def _points(self, servers: Servers, metric: str) -> tuple[stored.Points, stored.Points]:
        if self.prefix not in metric:
            return [], []
        real = stored.points_of(servers.real, as_opentsdb(metric), stored.REAL_END)
        return real, stored.points_of(servers.ours, metric, stored.OUR_END)

    def _told(self, points: list[stored.Points], said: list[list[str]]) -> list[Line]:
        return [Line(place, *one) for place, one in enumerate(zip(self.lines, points, said, strict=True))]

    def _ours(self, came: str, marked: bool) -> tuple[list[list[str]], list[Difference]]:
        """headrace's replies by line, and those that name another line or metric than they are about: without marks, it
        is the number that says to which line a reply belongs, and its metric must be that line's."""
        count = len(self.lines)
        if marked:
            told = [[(number, line) for line in some] for number, some in enumerate(talking.by_mark(came, count))]
            listed: list[tuple[int | None, str]] = [one for some in told for one in some]
        else:
            listed = [(None, line) for line in came.split("\n")[:-1] if not talking.MARK.fullmatch(line)]
        replies: list[list[str]] = [[] for _ in self.lines]
        misnamed = []
        before = 0
        for number, text in listed:
            reply = talking.reply_of(text)
            named = None if reply.line is None else (reply.line - 2) // (2 if marked else 1)
            place = named if number is None else number
            if place is None or not 0 <= place < count or named not in (None, place) or place < before:
                misnamed.append(Difference("line number", text, text, place))
                continue
            before = place
            replies[place].append(reply.words)
            command = self.lines[place].lstrip(BLANKS).split(" ")[0]
            known = command == "put" and not reply.words.startswith("line too long")
            metric = self._metrics[place] or None if known else None
            if (reply.metric != metric) if named is not None else (command not in talking_commands()):
                misnamed.append(Difference("metric of a line", f"{text} to {self.lines[place]!r}", text, metric))
        return replies, misnamed


BLANKS = "".join(map(chr, range(33)))


def talking_commands() -> set[str]:
    """Those that are answered with no line's number."""
    return {command.split(" ")[0] for command in COMMANDS}


def as_opentsdb(name: str) -> str:
    """OpenTSDB takes each byte of a line for a character."""
    return name.encode().decode("latin-1")


def _metric(line: str) -> str:
    return [*line.lstrip(BLANKS).split(" "), ""][1]


def _case(random: Random) -> dict[str, Any]:
    lines = [_line(random) for _ in range(random.choice((1, 2, 3, 5)))]
    marked = random.random() < 0.5
    if marked:
        lines = [random.choice(COMMANDS) if random.random() < 0.15 else line for line in lines]
        lines += ["exit"] * (random.random() < 0.1)
    cuts = [random.random() for _ in range(random.choice((0, 0, 1, 2)))]
    return {"lines": lines, "marked": marked, "cuts": cuts, "end": random.choice(("\n", "\n", "\n", "\r\n"))}


def _line(random: Random) -> str:
    words = [
        "put",
        "P.a",
        random.choice(USUAL_TIMES),
        random.choice(USUAL_VALUES),
        random.choice(("host=a", "host=b dc=x")),
    ]
    blank = " "
    what = random.choice(
        ("good", "good", "verb", "metric", "time", "time", "value", "value", "tags", "tags", "less", "odd")
    )
    match what:
        case "verb":
            words[0] = random.choice(VERBS)
        case "metric":
            words[1] = random.choice(METRICS)
        case "time":
            words[2] = random.choice(TIMES)
        case "value":
            words[3] = random.choice(VALUES)
        case "tags":
            words[4] = random.choice(TAGS)
        case "less":
            del words[random.randrange(len(words)) :]
        case "odd":
            return _odd(random, words)
        case _:
            blank = " "
    return blank.join(words)


def _odd(random: Random, words: list[str]) -> str:
    line = " ".join(words)
    place = random.randrange(5)
    match random.choice(("before", "behind", "double", "tab", "long", "many tags", "nothing", "text")):
        case "before":
            return random.choice((" ", "  ", "\t")) + line
        case "behind":
            return line + random.choice((" ", "  ", "\t", " \t", " x", "\x00"))
        case "double":
            return " ".join([*words[:place], "", *words[place:]])
        case "tab":
            return "\t".join([" ".join(words[:place]), " ".join(words[place:])])
        case "long":
            return line + random.choice((" k=", "", " ")) + "x" * random.choice((500, 1100, 5000, 17000))
        case "many tags":
            return line + "".join(f" k{number}=v" for number in range(random.choice((6, 7, 8, 20, 31, 32, 40))))
        case "nothing":
            return random.choice(("", " ", "\t", "  "))
        case _:
            return random.choice(
                ('{"metric":1}', "<xml>", "get / HTTP/1.1", "get /", "*1", "$4", "\x16\x03", "a" * 300, "é")
            )
