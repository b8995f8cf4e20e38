"""Every way to fail, drawn by what the sender should do next. Each room's faults.py words them in its dialect.

HeadraceError
 + Refused       the sender must change something and never retry as is   (4xx)
 + Unavailable   nothing is wrong with the data, try again later          (503 + Retry-After)
 + Corrupt       our bytes are not what we wrote: stop using the file and name it
 + Incomplete    a part of the database is missing or an older copy: the operator brings it back, or gives it up
 + Misconfigured the operator must change a setting; the server does not start
"""

from __future__ import annotations

from pathlib import Path

from headrace.rules import Rule

RETRY_AFTER_S = 1
"""Default pause asked of a sender, in whole seconds: the writer probes a failing disk once a second."""


class HeadraceError(Exception):
    """Anything headrace itself raises on purpose."""


class Refused(HeadraceError):  # noqa: N818 - the word the design uses for it
    """The request, or one point of it, may not be taken as it is.

    `rule` names the broken rule (rules.py), `detail` says it in the words a room may
    show, `at` is the place inside the request (JSON path, line or parameter) or "".
    """

    def __init__(self, rule: Rule, detail: str, at: str = "") -> None:
        super().__init__(f"{detail} ({at})" if at else detail)
        self.rule: Rule = rule
        self.detail = detail
        self.at = at


class Unavailable(HeadraceError):  # noqa: N818
    """Nothing is wrong with the data: the queue or the disk is full, the disk fails, or we are shutting down."""

    def __init__(self, reason: str, retry_after_s: int = RETRY_AFTER_S) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Corrupt(HeadraceError):  # noqa: N818
    """A file does not hold what we wrote. It must not be used further; `file` names it for the operator."""

    def __init__(self, file: Path, detail: str) -> None:
        super().__init__(f"{file}: {detail}")
        self.file = file
        self.detail = detail


class Incomplete(HeadraceError):  # noqa: N818
    """The files of a database do not belong to one moment of it: one is not there, or is an older copy. Nothing of it
    has been changed. `what` is a sentence for the operator, without a full stop.
    may_be_given_up: --accept-loss goes on without it."""

    def __init__(self, what: str, may_be_given_up: bool = False) -> None:
        give_up = ", or give it up with --accept-loss, which is remembered" if may_be_given_up else ""
        super().__init__(
            f"the database is not complete: {what}. Bring it back (is its disk mounted? is it an older copy?){give_up}"
        )
        self.what = what


class Misconfigured(HeadraceError):  # noqa: N818
    """Settings that the server may not start with. `problems` are sentences for the operator, one a mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
