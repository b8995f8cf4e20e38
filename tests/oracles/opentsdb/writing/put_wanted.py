"""The differences in /api/put that are known and stay, each with its reason."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

from oracles.comparing.differences import Difference, Wanted
from oracles.opentsdb.sorts import Case
from oracles.opentsdb.writing.elements import member
from oracles.opentsdb.writing.put_answers import UNPARSABLE, whole_refusal
from oracles.opentsdb.writing.told import Body, Told

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
BLANKS = "".join(map(chr, range(33)))
MORE_CHARACTERS = "():,[]=#"
"""Of names: Alibaba's, and not OpenTSDB's."""

JAVA_DOUBLE = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]|0[xX][0-9a-fA-F.]+[pP][+-]?[0-9]+[dDfF]?"
)

LEGAL_FROM, SECONDS_TO, LEGAL_TO = 4284768, 9999999999, 9999999999999


def is_ours(character: str) -> bool:
    """Whether it may be in a name of ours and in none of OpenTSDB's: Alibaba's, and the digits of other scripts."""
    return character in MORE_CHARACTERS or (character.isdigit() and not character.isascii())


def _put(found: Difference, kind: str) -> bool:
    return found.kind == kind and isinstance(found.real, Told)


def _pair(found: Difference) -> tuple[Told, Told]:
    assert isinstance(found.real, Told)
    assert isinstance(found.ours, Told)
    return found.real, found.ours


def _only_ours(found: Difference, said: str = "") -> list[Any]:
    """The value, in a list, of a point that headrace alone stored; [] of other differences. said: how OpenTSDB's
    refusal begins, if it names the point."""
    if not _put(found, "stored"):
        return []
    real, ours = _pair(found)
    refused = not real.points and (real.refusal is None or real.refusal.error.startswith(said))
    return [ours.points[0][2]] if refused and len(ours.points) == 1 else []


def _text(case: Case, found: Difference) -> bool:
    said = member(_pair(found)[0].element, "value") if _put(found, "stored") else None
    odd = isinstance(said, bool) or (isinstance(said, str) and not NUMBER.fullmatch(said.strip(BLANKS)))
    return odd and any(type(one) is type(said) and one == said for one in _only_ours(found, "Unable to parse value"))


def _spelled_oddly(case: Case, found: Difference) -> bool:
    """A number with blanks around it in quotes, or one without quotes that JSON does not have."""
    if not _put(found, "stored"):
        return False
    element = _pair(found)[0].element
    raw = element.get("value", "") if isinstance(element, dict) else ""
    text = raw.strip('"').replace("\\t", "\t").replace("\\n", "\n")
    cut = text.strip(BLANKS)
    odd = cut != text if raw.startswith('"') else _no_json(raw)
    return (
        odd
        and bool(NUMBER.fullmatch(cut))
        and any(one == float(cut) for one in _only_ours(found, "Unable to parse value"))
    )


def _no_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def _more_tags(case: Case, found: Difference) -> bool:
    if not _only_ours(found, "Too many tags"):
        return False
    tags = member(_pair(found)[0].element, "tags")
    return isinstance(tags, dict) and 8 < len(tags) <= 32 and json.loads(_pair(found)[1].points[0][0]) == tags


def _more_characters(case: Case, found: Difference) -> bool:
    if not _only_ours(found, "Invalid "):
        return False
    real, ours = _pair(found)
    said, tags = member(real.element, "metric"), member(real.element, "tags")
    if not isinstance(said, str) or json.loads(ours.points[0][0]) != tags:
        return False
    named = "".join([said, *tags, *tags.values()])
    refused = real.refusal.error[-1:] if real.refusal else ""
    return any(is_ours(one) for one in named) and (not refused or is_ours(refused))


def _time(found: Difference, kind: str = "stored") -> int:
    """Of the element; 0 if it is no time."""
    said = member(_pair(found)[0].element, "timestamp") if _put(found, kind) else None
    try:
        return int(said) if said is not None and not isinstance(said, bool) else 0
    except (ValueError, TypeError, OverflowError):
        return 0


def _too_early(case: Case, found: Difference) -> bool:
    if not 1 <= _time(found) < LEGAL_FROM:
        return False
    real, ours = _pair(found)
    named = ours.refusal is None or ours.refusal.error.startswith("bad timestamp=")
    return len(real.points) == 1 and not ours.points and named


def _ten_digits(case: Case, found: Difference) -> bool:
    time = _time(found)
    if not 2**32 <= time <= SECONDS_TO:
        return False
    real, ours = _pair(found)
    moved = [(tags, at * 1000, value) for tags, at, value in real.points]
    return len(real.points) == 1 and real.points[0][1] == time and moved == ours.points


def _wrapped(case: Case, found: Difference) -> bool:
    """OpenTSDB keeps the lower 32 bits of the second at which the hour begins."""
    time = _time(found)
    if not 2**32 * 1000 <= time <= LEGAL_TO:
        return False
    real, ours = _pair(found)
    wrapped = [(tags, at - at // 1000 // 2**32 * 2**32 * 1000, value) for tags, at, value in ours.points]
    return [at for _, at, _ in ours.points] == [time] and real.points == wrapped


def same_bad_time(real: str, ours: str) -> bool:
    """Whether two refusals differ in the value alone, which OpenTSDB shows as it would have stored it, and in the order
    of the tags, which is that of their hashes."""
    words = re.compile(
        r"(.*bad timestamp=-?[0-9]+ when trying to add value=)(.+?)( to metric=.*, tags=)\{(.*)\}", re.DOTALL
    )
    found = [words.fullmatch(one) for one in (real, ours)]
    said = [(one[1], one[3], sorted(one[4].split(", "))) for one in found if one]
    return (
        len(said) == 2 and said[0] == said[1] and bool(found[0] and re.fullmatch(r"\[[-0-9, ]+\]/[0-9]+", found[0][2]))
    )


def same_too_many(real: str, ours: str) -> bool:
    """Whether two refusals differ in the limit alone, and in the order of the tags."""
    words = re.compile(r"(.*Too many tags: [0-9]+ maximum allowed: )([0-9]+)(, tags: )\{(.*)\}")
    found = [words.fullmatch(one) for one in (real, ours)]
    said = [(one[1], one[3], sorted(one[4].split(", "))) for one in found if one]
    return len(said) == 2 and said[0] == said[1] and [one[2] for one in found if one] == ["8", "32"]


def _words(found: Difference) -> list[str]:
    return (
        [one.refusal.error if one.refusal else "" for one in _pair(found)] if _put(found, "point words") else ["", ""]
    )


def _java_bytes(case: Case, found: Difference) -> bool:
    return same_bad_time(*_words(found))


def _too_many(case: Case, found: Difference) -> bool:
    return same_too_many(*_words(found))


def _blank(case: Case, found: Difference) -> bool:
    if found.kind != "whole" or not isinstance(found.real, Body) or not isinstance(found.ours, Body):
        return False
    statuses = found.real.answer.status, found.ours.answer.status
    return not found.real.body.strip(BLANKS) and bool(found.real.body) and statuses == (500, 400)


def _java_suffix(case: Case, found: Difference) -> bool:
    """A text of digits with Java's letter for a double behind it."""
    if not _put(found, "stored"):
        return False
    real, ours = _pair(found)
    said = member(real.element, "value")
    if not isinstance(said, str) or not JAVA_DOUBLE.fullmatch(said):
        return False
    values = [[value for _, _, value in one.points] for one in (real, ours)]
    return len(values[0]) == 1 and isinstance(values[0][0], float) and values[1] == [said]


def _one_broken(case: Case, found: Difference) -> bool:
    """OpenTSDB refuses the whole body, and headrace names what is wrong in it."""
    if found.kind != "whole" or not isinstance(found.real, Body) or not isinstance(found.ours, Body):
        return False
    return whole_refusal(found.real.answer) == UNPARSABLE and whole_refusal(found.ours.answer) is None


def _behind_the_end(case: Case, found: Difference) -> bool:
    """One failure more for what stands behind a complete value."""
    if found.kind != "answer" or not isinstance(found.real, Body) or not isinstance(found.ours, Body):
        return False
    text = found.real.body.strip(BLANKS)
    try:
        _, end = json.JSONDecoder(strict=False).raw_decode(text)
    except ValueError:
        return False
    return end < len(text) and found.ours.answer.status == 400


def _half_a_character(case: Case, found: Difference) -> bool:
    """OpenTSDB names the first half of a character beyond 16 bits."""
    real, ours = _words(found)
    return found.kind == "point words" and re.sub(r"\\ud[89ab][0-9a-f]{2}$", ours[-1:], real) == ours


def _bad_timeout(case: Case, found: Difference) -> bool:
    if found.kind != "whole" or not isinstance(found.ours, Body):
        return False
    [said] = [*parse_qs(str(case.said["flags"]), keep_blank_values=True).get("sync_timeout", ["0"])][:1]
    integer = re.fullmatch(r"[+-]?[0-9]{1,9}", said)
    return not integer and str(whole_refusal(found.ours.answer)).startswith("Unable to parse 'sync_timeout'")


PUTS: list[Wanted[Case]] = [
    Wanted("texts", "texts and booleans are values for Alibaba", _text),
    Wanted("odd numbers", "what is plainly a number is one", _spelled_oddly),
    Wanted("more tags", "Alibaba allows more than 8 tags", _more_tags),
    Wanted("more characters", "Alibaba allows more characters in names", _more_characters),
    Wanted("too early", "1 to 4284767 are no legal times for Alibaba", _too_early),
    Wanted("ten digits", "ten digits beyond 32 bits are seconds for Alibaba", _ten_digits),
    Wanted("beyond 32 bits", "a time after 2106 is kept; OpenTSDB stores another", _wrapped),
    Wanted("value of a bad time", "a refusal shows the value as it was sent", _java_bytes),
    Wanted("too many tags", "a refusal names our limit, and the tags as they were sent", _too_many),
    Wanted("letters of Java", "1.5f in quotes is a text for Alibaba", _java_suffix),
    Wanted("blank body", "a body of blanks has no content, which is a 400", _blank),
    Wanted(
        "one broken element",
        "nothing good is lost for the sake of what is broken beside it",
        _one_broken,
    ),
    Wanted(
        "sync_timeout", "what is no number of milliseconds is a 400 before the body is read, not a 500", _bad_timeout
    ),
    Wanted("behind the end", "what stands behind a complete body is named", _behind_the_end),
    Wanted("half a character", "a character is named whole", _half_a_character),
]
