"""When files were seen is there again after a restart, and nothing is taken from a record that is not ours."""

from __future__ import annotations

from pathlib import Path

from headrace.store.embedded.scrubbing.record import NEVER_SEEN, RECORD, ScrubRecord, Seen

FAILED = Seen(5, 7, "Input/output error")


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    record = ScrubRecord(tmp_path, "one")
    record.note("a", Seen(5), ["a", "b"])
    record.note("b", FAILED, ["a", "b"])
    record.write()
    again = ScrubRecord(tmp_path, "one")
    assert [again.of(file) for file in "abc"] == [Seen(5), FAILED, NEVER_SEEN]
    again.note("b", Seen(8), ["b"])
    assert [again.of(file) for file in "ab"] == [NEVER_SEEN, Seen(8)]


def test_another_one_says_nothing(tmp_path: Path) -> None:
    record = ScrubRecord(tmp_path, "one")
    record.note("a", Seen(5), ["a"])
    record.write()
    sound = (tmp_path / RECORD).read_bytes()
    assert ScrubRecord(tmp_path, "another").of("a") == NEVER_SEEN
    for content in (sound.replace(b"5", b"6", 1), sound[:-1], b"", b"\xff", b"[]"):
        (tmp_path / RECORD).write_bytes(content)
        assert ScrubRecord(tmp_path, "one").of("a") == NEVER_SEEN
    (tmp_path / RECORD).unlink()
    (tmp_path / RECORD).mkdir()
    assert ScrubRecord(tmp_path, "one").of("a") == NEVER_SEEN
