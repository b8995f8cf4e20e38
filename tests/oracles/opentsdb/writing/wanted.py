"""The differences in what writes that are known and stay."""

from __future__ import annotations

from oracles.comparing.differences import Wanted
from oracles.opentsdb.sorts import Case
from oracles.opentsdb.writing.ids import IDS
from oracles.opentsdb.writing.line_wanted import LINES
from oracles.opentsdb.writing.put_wanted import PUTS

WRITING: list[Wanted[Case]] = [*PUTS, *LINES, *IDS]
