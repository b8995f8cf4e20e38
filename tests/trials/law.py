"""What must be true of a database that was spoilt, whoever spoilt it and however: it shows what it had, or names what
it has not, or refuses to open; never a value that was not sent, never a loss while all is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from headrace.errors import HeadraceError

HARMLESS = "its records are read"
"""In a sentence about damage that took nothing."""

TRIES = 20
"""So often something damaged may be met until all of it has been named."""

Facts = Mapping[Any, object]
"""What a database shows: each point, document and name by what it is called."""


class Outcome(NamedTuple):
    """What came of an opening. word: "right", "refused" or "named".   why: what the server says."""

    word: str
    why: str


def refused(refusal: HeadraceError) -> Outcome:
    """An opening ended with this error."""
    assert str(refusal), "refused without a reason"
    return Outcome("refused", str(refusal))


def read_until_named(read: Callable[[], Facts]) -> tuple[Facts, list[str]]:
    """What it shows, and the errors that it gave on the way: each file or document that is damaged costs one."""
    told: list[str] = []
    for _ in range(TRIES):
        try:
            return read(), told
        except HeadraceError as error:
            told.append(str(error))
    # It goes on failing: what a request meets is named each time, and nothing is shown.
    return {}, told


def judged(
    found: Facts,
    expected: Facts,
    was_sent: Callable[[object, object], bool],
    said: Sequence[str],
    unnoticed: Callable[[Facts], bool] = lambda found: False,
) -> Outcome:
    """Of a database that is open. said: what it says is lost.   unnoticed: what else it may show without a word.

    A named loss may uncover an older write or a deleted point. Raises AssertionError.
    """
    strange = {fact: shown for fact, shown in found.items() if not was_sent(fact, shown)}
    assert not strange, f"never sent: {strange}"
    if found == expected or unnoticed(found):
        return Outcome("named" if said else "right", "; ".join(said))
    losses = [sentence for sentence in said if HARMLESS not in sentence]
    assert losses, f"all is well, and yet: {difference(found, expected)} (said: {said})"
    return Outcome("named", "; ".join(said))


def difference(found: Facts, expected: Facts) -> str:
    """A few of them."""
    facts = [fact for fact in {**expected, **found} if found.get(fact) != expected.get(fact)]
    few = [f"{fact}: {found.get(fact)} instead of {expected.get(fact)}" for fact in facts[:5]]
    return f"{len(facts)} differ; " + "; ".join(few)
