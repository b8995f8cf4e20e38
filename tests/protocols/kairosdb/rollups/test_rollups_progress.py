"""Which ranges are due to be computed again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.protocols.kairosdb.rollups.progress import Again, PartProgress, Progress, from_bytes, to_bytes

HOUR = 3_600_000


@given(st.lists(st.tuples(st.integers(1, HOUR), st.integers(1, 3)), max_size=200))
def test_each_range_is_due_so_long_after_it_was_computed_and_marks_are_few(steps: list[tuple[int, int]]) -> None:
    again, now, end = Again(HOUR, 0), 0, 0
    computed: list[tuple[int, int]] = []
    for later, ranges in steps:
        now, end = now + later, end + ranges
        computed.append((end, now))
        again = again.noted(end, now)
        due = again.due_ms(now)
        assert all(then + HOUR <= now for done, then in computed if done <= due and again.through_ms < due)
        # Nothing waits much longer than it should.
        overdue = [done for done, then in computed if then + HOUR + HOUR // limits.ROLLUP_MARKS <= now]
        assert due >= max(overdue, default=0)
        assert len(again.marks) <= limits.ROLLUP_MARKS + 2 + sum(then + HOUR <= now for _, then in again.marks)
        if due > again.through_ms:
            again = again.done(due)
    assert again.done(end).marks == ()


def test_a_mark_of_the_future_is_due() -> None:
    assert Again(HOUR, 0).noted(7, 10 * HOUR).due_ms(HOUR) == 7


def test_the_highest_does_not_go_down() -> None:
    part = PartProgress(0, 0, 0).computed(10, 1).computed(5, 2)
    assert (part.through_ms, part.highest_ms) == (5, 10)


def test_as_a_document_and_back() -> None:
    part = PartProgress(0, 0, 0, (Again(HOUR, 0),)).computed(10, 1).computed_again(HOUR, 10)
    progress = Progress(5, {"a": part})
    assert from_bytes(to_bytes(progress)) == progress
