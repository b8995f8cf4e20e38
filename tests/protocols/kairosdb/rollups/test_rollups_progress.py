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
        assert len(again.marks) <= limits.ROLLUP_MARKS_MAX
        if due > again.through_ms:
            again = again.done(due)
    assert again.done(end).marks == ()


def test_marks_of_what_is_never_done_again_are_bounded_and_lose_nothing() -> None:
    again = Again(1000, 0)
    for end in range(1, 1000):
        again = again.noted(end, end * 500)
        assert len(again.marks) <= limits.ROLLUP_MARKS_MAX
        assert again.due_ms(end * 500) == max(end - 2, 0)
    assert again.due_ms(10**9) == 999


def test_marks_of_before_bounds_were_set_are_merged() -> None:
    again = Again(HOUR, 0, tuple((end, end) for end in range(1, 1000))).noted(1000, 1000)
    assert len(again.marks) <= limits.ROLLUP_MARKS_MAX
    assert again.due_ms(2 * HOUR) == 1000


def test_a_clock_that_was_set_back_takes_notes_back() -> None:
    part = PartProgress(0, 50, 50, (Again(HOUR, 10, ((20, 5), (45, HOUR), (50, 9 * HOUR))),))
    back = part.set_back(30, 2 * HOUR)
    assert back == PartProgress(0, 30, 50, (Again(HOUR, 10, ((20, 5), (30, HOUR))),))
    # What was computed at a time that is to come has not been computed.
    assert part.set_back(30, 7) == PartProgress(0, 20, 50, (Again(HOUR, 10, ((20, 5),)),))
    assert part.set_back(30, 1) == PartProgress(0, 10, 50, (Again(HOUR, 10),))
    assert part.set_back(8, 10 * HOUR) == PartProgress(0, 8, 50, (Again(HOUR, 8),))
    assert back.set_back(30, 2 * HOUR) == back


def test_the_highest_does_not_go_down() -> None:
    part = PartProgress(0, 0, 0).computed(10, 1, made=3).computed(5, 2, made=3)
    assert (part.through_ms, part.highest_ms) == (5, 10)
    assert part.computed(20, 3, made=0).highest_ms == 10


def test_as_a_document_and_back() -> None:
    part = PartProgress(0, 0, 0, (Again(HOUR, 0),)).computed(10, 1, made=1).computed_again(HOUR, 10)
    progress = Progress(5, {"a": part})
    assert from_bytes(to_bytes(progress)) == progress
