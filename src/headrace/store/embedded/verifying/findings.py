"""What a verification finds: damage, gaps, losses that the database remembers, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from headrace.errors import Corrupt, Incomplete, Unavailable
from headrace.store.embedded.gaps import Gaps


class FindingKind(StrEnum):
    """damage: bytes are not what was written.   gap: something is missing, or older than the rest.   remembered: an
    opening has met it before.   unreadable: the disk did not give it, so nobody can judge."""

    DAMAGE = "damage"
    GAP = "gap"
    REMEMBERED = "remembered"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """file: the file or folder, relative to the data directory, with "/".   what: a sentence without a full stop, with
    the place in the file where there is one."""

    kind: FindingKind
    file: str
    what: str


class Findings:
    """Collects them. Names of files are those of `folder`, also of what is read from a private copy."""

    def __init__(self, folder: Path, copies: Path) -> None:
        self.all: list[Finding] = []
        self._folders = (folder, copies)

    def add(self, kind: FindingKind, file: Path | str, what: str) -> None:
        """Each is kept once."""
        finding = Finding(kind, file if isinstance(file, str) else self._named(file), what)
        if finding not in self.all:
            self.all.append(finding)

    def damage(self, file: Path | str, what: str) -> None:
        """As `add`."""
        self.add(FindingKind.DAMAGE, file, what)

    def judging(self, file: Path) -> Judging:
        """What the block raises of a database's failures ends it, and is a finding.   file: what the block is about,
        where the failure does not say so itself."""
        return Judging(self, file)

    def _named(self, file: Path) -> str:
        for folder in self._folders:
            if file.is_relative_to(folder):
                return file.relative_to(folder).as_posix()
        return str(file)


class Judging:
    """See Findings.judging."""

    def __init__(self, findings: Findings, file: Path) -> None:
        self._findings = findings
        self._file = file

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, failure: BaseException | None, _trace: object) -> bool:
        match failure:
            case Corrupt():
                self._findings.damage(failure.file, failure.detail)
            case Incomplete():
                self._findings.add(FindingKind.GAP, self._file, failure.what)
            case Unavailable():
                self._findings.add(FindingKind.UNREADABLE, self._file, failure.reason)
            case OSError():
                reason = f"cannot be read: {failure.strerror} (errno {failure.errno})"
                self._findings.add(FindingKind.UNREADABLE, self._file, reason)
            case _:
                return False
        return True


class GapsAsFindings(Gaps):
    """Whatever is missing is a finding, and the reading goes on without it."""

    def __init__(self, findings: Findings, known: set[tuple[str, str]]) -> None:
        """known: what the database remembers as given up, (where, what)."""
        super().__init__(accept_loss=False)
        self.known = known
        self._findings = findings

    def meet(self, where: str, what: str) -> None:
        """See Gaps."""
        if (where, what) not in self.known:
            self._findings.add(FindingKind.GAP, where, what)
