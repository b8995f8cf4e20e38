"""The differences in telnet that are known and stay, each with its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from oracles.comparing.differences import Difference, Wanted
from oracles.opentsdb.sorts import Case
from oracles.opentsdb.writing.lines import BLANKS, Line, as_opentsdb
from oracles.opentsdb.writing.put_wanted import LEGAL_FROM, LEGAL_TO, SECONDS_TO, is_ours, same_bad_time, same_too_many

LONG = 1024
"""Bytes of a line from which OpenTSDB may close the connection: it depends on how they arrive."""

STAT = re.compile(r"[a-zA-Z0-9._-]+ [0-9]{10} -?[0-9.]+([eE][+-]?[0-9]+)?( [^ =]+=[^ =]+)+")

Explains = Callable[[Line, Line], bool]


def _line(explains: Explains) -> Callable[[Case, Difference], bool]:
    def explained(case: Case, found: Difference) -> bool:
        real, ours = found.real, found.ours
        return isinstance(real, Line) and isinstance(ours, Line) and explains(real, ours)

    return explained


def _words(line: Line) -> list[str]:
    return [*line.line.split(" "), "", "", "", ""]


def _tags(line: Line) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in line.line.rstrip("\r").split(" ")[4:] if word)


def _only_ours(real: Line, ours: Line) -> bool:
    """headrace alone stored it, under the tags of the line, and said nothing."""
    stored = not real.points and len(ours.points) == 1 and len(real.said) == 1 and not ours.said
    return stored and json.loads(ours.points[0][0]) == _tags(ours)


def _time(line: Line) -> int:
    word = _words(line)[2]
    return int(word.replace(".", "")) if re.fullmatch(r"\+?[0-9]+(\.[0-9]{3})?|\.[0-9]{3}", word) else 0


def _wrapped(real: Line, ours: Line) -> bool:
    """OpenTSDB keeps the lower 32 bits of the second at which the hour begins."""
    time = _time(real)
    wrapped = [(tags, at - at // 1000 // 2**32 * 2**32 * 1000, value) for tags, at, value in ours.points]
    late = 2**32 * 1000 <= time <= LEGAL_TO and [at for _, at, _ in ours.points] == [time]
    return late and real.points == wrapped and not real.said and not ours.said


def _ten_digits(real: Line, ours: Line) -> bool:
    time = _time(real)
    moved = [(tags, at * 1000, value) for tags, at, value in real.points]
    return 2**32 <= time <= SECONDS_TO and [at for _, at, _ in real.points] == [time] and moved == ours.points


def _too_early(real: Line, ours: Line) -> bool:
    refused = len(ours.said) == 1 and ours.said[0].startswith("put: illegal argument: bad timestamp=")
    return 1 <= _time(real) < LEGAL_FROM and len(real.points) == 1 and not ours.points and refused


def _decimals(real: Line, ours: Line) -> bool:
    """OpenTSDB leaves the point out wherever it stands, so that 1364410924.5 is a moment of 1970."""
    word = _words(real)[2]
    refused = ours.said == [f"put: illegal argument: invalid timestamp: {word}"] and not ours.points
    return "." in word and not re.fullmatch(r"[^.]*\.[^.]{3}", word) and refused


def _blank(real: Line, ours: Line) -> bool:
    said = real.line.partition(" ")[0]
    return not real.line.strip(BLANKS) and not ours.said and real.said == [f"unknown command: {said}.  Try `help'."]


def _leading_blanks(real: Line, ours: Line) -> bool:
    first = real.line[:1] in BLANKS and real.line.strip(BLANKS) != ""
    unknown = len(real.said) == 1 and real.said[0].startswith("unknown command: ") and not real.points
    return first and unknown and (len(ours.points) == 1) != (len(ours.said) == 1)


def _more_tags(real: Line, ours: Line) -> bool:
    return _only_ours(real, ours) and "Too many tags: " in real.said[0] and 8 < len(_tags(ours)) <= 32


def _more_characters(real: Line, ours: Line) -> bool:
    return _only_ours(real, ours) and "illegal character: " in real.said[0] and is_ours(real.said[0][-1])


def _utf_8(real: Line, ours: Line) -> bool:
    """OpenTSDB takes each byte for a character of its own."""
    if real.line.isascii():
        return False
    if _only_ours(real, ours):
        return re.search("illegal character: [^\x00-\x7f]$", real.said[0]) is not None
    if real.points:
        named = [(json.dumps(_as_latin_1(json.loads(tags)), sort_keys=True), *rest) for tags, *rest in ours.points]
        return named == real.points and not real.said and not ours.said
    told = [re.sub("character '(.)[^']+'", r"character '\1'", as_opentsdb(said)) for said in ours.said]
    return not ours.points and real.said == told


def _as_latin_1(tags: dict[str, str]) -> dict[str, str]:
    return {as_opentsdb(name): as_opentsdb(value) for name, value in tags.items()}


def _bad_time(real: Line, ours: Line) -> bool:
    return len(real.said) == len(ours.said) == 1 and same_bad_time(real.said[0], ours.said[0])


def _too_many(real: Line, ours: Line) -> bool:
    return len(real.said) == len(ours.said) == 1 and same_too_many(real.said[0], ours.said[0])


def _cut(real: Line, ours: Line) -> bool:
    """headrace repeats no more than the beginning of a long text."""
    if len(real.said) != 1 or len(ours.said) != 1 or real.points or ours.points:
        return False
    before, cut, behind = ours.said[0].partition("…")
    return bool(cut) and len(before) > 100 and real.said[0].startswith(before) and real.said[0].endswith(behind)


def _kairosdb(real: Line, ours: Line) -> bool:
    command = real.line.split(" ")[0]
    return (
        command in ("putm", "puts") and real.said == [f"unknown command: {command}.  Try `help'."] and not real.points
    )


def _absent(real: Line, ours: Line) -> bool:
    command = real.line.split(" ")[0]
    theirs = len(real.said) == 1 and real.said[0].startswith(f"{command}: ") and not real.points
    return command in ("rollup", "histogram") and theirs and ours.said == [f"unknown command: {command}.  Try `help'."]


def _help(real: Line, ours: Line) -> bool:
    if real.line.split(" ")[0] != "help" or len(real.said) != 1 or len(ours.said) != 1:
        return False
    [theirs], [mine] = (
        ({*said.removeprefix("available commands: ").split()} for said in real.said),
        [{*ours.said[0].removeprefix("available commands: ").split()}],
    )
    return theirs - mine == {"rollup", "histogram", "diediedie"} and not mine - theirs


def _version(real: Line, ours: Line) -> bool:
    begins = ("net.opentsdb.tools ", "Built on ")
    said = [len(one.said) == 2 and all(map(str.startswith, one.said, begins)) for one in (real, ours)]
    return real.line.split(" ")[0] == "version" and all(said)


def _stats(real: Line, ours: Line) -> bool:
    said = [bool(one.said) and all(STAT.fullmatch(line) for line in one.said) for one in (real, ours)]
    return real.line.split(" ")[0] == "stats" and all(said)


def _long_lines(case: Case, found: Difference) -> bool:
    """OpenTSDB closes the connection at a long line, and does not answer the lines that came with it any more."""
    real = found.real
    if not isinstance(real, Line) or real.said or real.points:
        return False
    return any(len(line) > LONG for line in case.said["lines"])


LINES: list[Wanted[Case]] = [
    Wanted("long lines", "a line may be long, and one too long does not end the connection", _long_lines),
    Wanted("lines beyond 32 bits", "a time after 2106 is kept; OpenTSDB stores another", _line(_wrapped)),
    Wanted("lines of ten digits", "ten digits beyond 32 bits are seconds for Alibaba", _line(_ten_digits)),
    Wanted("lines too early", "1 to 4284767 are no legal times for Alibaba", _line(_too_early)),
    Wanted("decimals of a time", "only three decimals are milliseconds; others land in 1970", _line(_decimals)),
    Wanted("blank lines", "a line of blanks is nothing", _line(_blank)),
    Wanted("leading blanks", "the point of a line that begins with blanks is not lost", _line(_leading_blanks)),
    Wanted("more tags in a line", "Alibaba allows more than 8 tags", _line(_more_tags)),
    Wanted("more characters in a line", "Alibaba allows more characters in names", _line(_more_characters)),
    Wanted("UTF-8 in lines", "lines are UTF-8, not a character a byte", _line(_utf_8)),
    Wanted("value of a line's bad time", "a refusal shows the value as it was sent", _line(_bad_time)),
    Wanted("too many tags in a line", "a refusal names our limit", _line(_too_many)),
    Wanted("long texts in words", "a refusal repeats no more than the beginning of a long text", _line(_cut)),
    Wanted("KairosDB's commands", "putm and puts can mean nothing else", _line(_kairosdb)),
    Wanted("absent commands", "points rolled up elsewhere and histograms are not taken", _line(_absent)),
    Wanted("help", "each names the commands that it has", _line(_help)),
    Wanted("version", "each names its own", _line(_version)),
    Wanted("stats", "each counts what it has", _line(_stats)),
]
