"""The journal against its rule: what was acknowledged comes back, a torn end is cut, damage before it is set aside."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from headrace import limits
from headrace.errors import Corrupt, Incomplete, Unavailable
from headrace.store.embedded.gaps import Gaps
from headrace.store.embedded.journal.format import FILE_HEADER_BYTES, RECORD_HEADER_BYTES, encode_file_header, file_name
from headrace.store.embedded.journal.journal import Journal
from headrace.store.embedded.journal.reader import Replay
from headrace.store.embedded.journal.records import Record, RecordType, StoredRecord

DATABASE = bytes(range(16))

Found = list[tuple[int, bytes]]


def record(payload: bytes) -> Record:
    half = len(payload) // 2
    return Record(RecordType.DOCUMENT, [payload[:half], memoryview(payload)[half:], b""])


def begin(folder: Path) -> Journal:
    replay = Replay(folder, DATABASE)
    assert list(replay) == []
    return Journal(replay)


def write(folder: Path, commits: Sequence[Sequence[bytes]]) -> Path:
    """Append the commits to a new file of `folder`, which it returns."""
    replay = Replay(folder, DATABASE)
    list(replay)
    journal = Journal(replay)
    for commit in commits:
        journal.append([record(payload) for payload in commit])
    journal.close()
    return max(folder.glob("*.journal"))


def read(folder: Path, applied: int = 0) -> tuple[Found, Replay]:
    replay = Replay(folder, DATABASE, applied)
    return [(found.sequence, found.payload.tobytes()) for found in records(replay)], replay


def records(replay: Replay) -> Iterator[StoredRecord]:
    """None of these tests writes points, so each record comes by itself."""
    for found in replay:
        assert isinstance(found, StoredRecord)
        yield found


def numbered(*payloads: bytes) -> Found:
    return list(enumerate(payloads, 1))


COMMITS = [[b"one"], [b"two, the first of a commit", b"three"], [b""], [b"f" * 1000], [b"six", b"seven!!!", b"eight"]]
PAYLOADS = [payload for commit in COMMITS for payload in commit]


def commit_begins(commits: Sequence[Sequence[bytes]]) -> list[int]:
    """Where each commit begins in its file, and where the last one ends, by the page of the format."""
    begins = [48]
    for commit in commits:
        begins.append(begins[-1] + sum(-(-(32 + len(payload)) // 8) * 8 for payload in commit))
    return begins


def test_what_was_appended_comes_back_in_order_and_sequences_go_on(tmp_path: Path) -> None:
    journal = begin(tmp_path / "journal")
    last = [journal.append([record(payload) for payload in commit]) for commit in COMMITS]
    assert last == [1, 3, 4, 5, 8]
    assert journal.last_sequence == 8
    assert journal.bytes == commit_begins(COMMITS)[-1]
    journal.close()
    assert journal.bytes == sum(f.stat().st_size for f in (tmp_path / "journal").iterdir())
    found, replay = read(tmp_path / "journal")
    assert found == numbered(*PAYLOADS)
    assert (replay.findings, replay.bytes_cut, replay.last_sequence) == ([], 0, 8)
    assert Journal(replay).append([record(b"nine")]) == 9
    assert read(tmp_path / "journal")[0] == numbered(*PAYLOADS, b"nine")


def test_the_bytes_are_the_documented_ones(tmp_path: Path) -> None:
    file = write(tmp_path, [[b"abc"], [b"d", b"e"]])
    assert file.name == "00000000000000000001.journal"

    def crc(data: bytes, start: int = 0) -> bytes:
        return struct.pack("<I", zlib.crc32(data, start))

    header = b"headrace" + struct.pack("<I", 1) + DATABASE + struct.pack("<Q", 1) + bytes(8)
    seed = zlib.crc32(header)
    expected = header + crc(header)
    for sequence, payload, place, left in ((1, b"abc", 0, 0), (2, b"d", 0, 1), (3, b"e", 1, 0)):
        body = struct.pack("<QI", sequence, len(payload)) + crc(payload, seed) + struct.pack("<HHHH", 7, place, left, 0)
        expected += b"\xf1REC" + crc(body, seed) + body + payload + bytes(-len(payload) % 8)
    assert file.read_bytes() == expected


def test_applied_records_are_not_given_again(tmp_path: Path) -> None:
    write(tmp_path, COMMITS[:2])
    write(tmp_path, COMMITS[2:])
    for applied in range(9):
        found, replay = read(tmp_path, applied)
        assert found == numbered(*PAYLOADS)[applied:]
        assert (replay.findings, replay.last_sequence) == ([], 8)
    assert read(tmp_path, 20)[1].last_sequence == 20, "the journal never counts behind what was applied"


def test_payloads_begin_where_columns_can_be_read_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOURNAL_WINDOW_BYTES", 256)
    payloads = [bytes([n % 256]) * n for n in range(200)]
    write(tmp_path, [[payload] for payload in payloads])
    replay = Replay(tmp_path, DATABASE)
    for expected, found in zip(payloads, records(replay), strict=True):
        assert found.payload.tobytes() == expected
        assert found.payload.ctypes.data % 8 == 0
        assert found.payload.flags.writeable


@pytest.mark.parametrize("last", [[b"the last commit"], [b"a", b"bb" * 20, b"ccc"]], ids=["one", "three"])
def test_a_write_torn_at_any_byte_is_cut_and_nothing_else(tmp_path: Path, last: list[bytes]) -> None:
    commits = [*COMMITS, last]
    whole = write(tmp_path / "whole", commits).read_bytes()
    begin_of_last = commit_begins(commits)[-2]
    for size in range(begin_of_last, len(whole)):
        folder = tmp_path / str(size)
        folder.mkdir()
        file = folder / file_name(1)
        file.write_bytes(whole[:size])
        found, replay = read(folder)
        # The last bytes of a file may be padding, without which the last record is whole.
        complete = size >= begin_of_last + sum(-(-(32 + len(p)) // 8) * 8 for p in last[:-1]) + 32 + len(last[-1])
        assert found == numbered(*PAYLOADS, *(last if complete else [])), size
        assert replay.findings == []
        assert replay.bytes_cut == (0 if complete else size - begin_of_last)
        if not complete:
            assert file.stat().st_size == begin_of_last
        again, second = read(folder)
        assert (again, second.bytes_cut) == (found, 0)
        assert Journal(second).append([record(b"more")]) == len(found) + 1
        assert read(folder)[0] == numbered(*[payload for _, payload in found], b"more")


def test_a_torn_write_whose_pages_came_out_of_order_is_cut(tmp_path: Path) -> None:
    last = [b"x" * 5000, b"y" * 100]
    file = write(tmp_path, [*COMMITS, last])
    begin_of_last = commit_begins([*COMMITS, last])[-2]
    with file.open("r+b") as damaged:
        damaged.seek(begin_of_last + 100)
        damaged.write(bytes(4096))  # the first record's page never reached the disk, the second record did
    found, replay = read(tmp_path)
    assert found == numbered(*PAYLOADS)
    assert replay.findings == []
    assert replay.bytes_cut > 0


def test_zeros_behind_the_end_mean_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOURNAL_WINDOW_BYTES", 4096)
    file = write(tmp_path, COMMITS)
    size = file.stat().st_size
    with file.open("ab") as longer:
        longer.write(bytes(10_001))
    found, replay = read(tmp_path)
    assert (found, replay.findings, replay.bytes_cut) == (numbered(*PAYLOADS), [], 0)
    assert file.stat().st_size == size
    with file.open("ab") as longer:
        longer.write(bytes(10_000) + b"x")
    assert read(tmp_path)[1].bytes_cut == 10_001


def test_small_commits_bring_room_for_others_and_a_killed_process_leaves_it(tmp_path: Path) -> None:
    journal = begin(tmp_path)
    size = limits.JOURNAL_SMALL_COMMIT_BYTES - RECORD_HEADER_BYTES
    payloads = [bytes([n]) * size for n in range(1, 20)]
    file = tmp_path / file_name(1)
    ends = []
    for payload in payloads:
        journal.append([record(payload)])
        ends.append(file.stat().st_size)
    assert len(set(ends)) < 5, "most commits do not make the file grow"
    assert ends[-1] > journal.bytes
    left = file.read_bytes()
    assert left[journal.bytes :] == bytes(len(left) - journal.bytes)
    journal.append([record(b"y" * (size + 8))])
    assert file.stat().st_size == max(ends[-1], journal.bytes), "a larger one brings none"
    journal.close()
    assert file.stat().st_size == journal.bytes
    file.write_bytes(left)
    found, replay = read(tmp_path)
    assert (found, replay.findings, replay.bytes_cut) == (numbered(*payloads), [], 0)


def test_a_write_torn_over_the_room_ahead_is_cut(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", COMMITS).read_bytes()
    begin_of_last = commit_begins(COMMITS)[-2]
    kept = len(PAYLOADS) - len(COMMITS[-1])
    for size in range(begin_of_last + 1, len(whole) - 8):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / file_name(1)).write_bytes(whole[:size] + bytes(1000))
        found, replay = read(folder)
        assert found == numbered(*PAYLOADS[:kept]), size
        assert (folder / file_name(1)).stat().st_size == begin_of_last
        missing = int.from_bytes(whole[size : size + 1000], "big")
        if missing.bit_count() == 1:  # no disk tears bytes, and a bit that is wrong is rather damage
            assert len(replay.findings) == 1
        else:
            assert replay.findings == [], size
            assert replay.bytes_cut == size - begin_of_last + 1000


def test_a_bit_flipped_anywhere_costs_the_record_it_hit_and_is_named(tmp_path: Path) -> None:
    """Every byte of the file, one bit each: it is damage, and not a torn write, in the last commit too."""
    commits = COMMITS
    whole = write(tmp_path / "whole", commits).read_bytes()
    begins = commit_begins(commits)
    for at in range(0, len(whole), 1 if len(whole) < 3000 else 3):
        folder = tmp_path / str(at)
        folder.mkdir()
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        (folder / file_name(1)).write_bytes(flipped)
        found, replay = read(folder)
        if at < FILE_HEADER_BYTES:
            assert found == numbered(*PAYLOADS)
            assert "header" in replay.findings[0].detail
        elif at >= begins[-2]:
            assert found in (numbered(*PAYLOADS[:5]), numbered(*PAYLOADS)), "lost, or only padding was hit"
            assert replay.bytes_cut == 0
            assert len(replay.findings) == (len(found) == 5)
            for finding in replay.findings:
                assert "the last commit, from record 6 on, is damaged" in finding.detail
                [aside] = folder.glob("*.damaged")
                assert aside.read_bytes() == bytes(flipped[begins[-2] :])
            assert read(folder)[0] == found, "and it is not found again"
        else:
            lost = set(numbered(*PAYLOADS)) - set(found)
            assert len(lost) <= 1
            assert len(found) + len(lost) == len(PAYLOADS)
            assert len(replay.findings) == len(lost), "padding may be hit without loss"
            for sequence, _ in lost:
                assert f"records {sequence} to {sequence} are lost" in replay.findings[0].detail
                assert replay.findings[0].file == folder / file_name(1)
                [aside] = folder.glob("*.damaged")
                begin_at, end_at = map(int, aside.name.split(".")[2].split("-"))
                assert aside.read_bytes() == bytes(flipped[begin_at:end_at])
                assert begin_at <= at < end_at
            assert replay.bytes_cut == 0
        assert replay.last_sequence == found[-1][0]


def test_reading_goes_on_behind_a_long_stretch_of_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOURNAL_WINDOW_BYTES", 4096)
    # The rubbish holds markers, and whole records of another file of the same database.
    write(tmp_path / "other", [[b"x"]])
    stale = write(tmp_path / "other", [[b"stale"]] * 8).read_bytes()[FILE_HEADER_BYTES:]
    commits = [[b"a"], [b"b" * 50_000], [b"c"], [b"d"]]
    file = write(tmp_path / "journal", commits)
    begins = commit_begins(commits)
    with file.open("r+b") as damaged:
        damaged.seek(begins[1])
        rubbish = (b"\xf1REC" * 100 + bytes(200) + stale) * 60
        damaged.write(rubbish[: 50_000 // 8 * 8])
    found, replay = read(tmp_path / "journal")
    assert found == [(1, b"a"), (3, b"c"), (4, b"d")]
    assert [finding.detail.split(";")[0] for finding in replay.findings] == ["records 2 to 2 are lost"]
    assert read(tmp_path / "journal")[0] == found, "and again"
    assert len(list((tmp_path / "journal").glob("*.damaged"))) == 1


def test_a_record_inside_a_text_value_cannot_be_forged_without_the_database_id(tmp_path: Path) -> None:
    other = Replay(tmp_path / "other", b"another database")
    list(other)
    hostile = Journal(other)
    for number in range(9):
        hostile.append([record(b"forged %d" % number)])
    forged = (tmp_path / "other" / file_name(1)).read_bytes()[FILE_HEADER_BYTES:]
    file = write(tmp_path / "journal", [[b"a"], [bytes(8) + forged], [b"c"]])
    data = bytearray(file.read_bytes())
    data[commit_begins([[b"a"]])[-1]] ^= 1  # the marker of the record around it: every byte of it is looked at
    file.write_bytes(data)
    assert read(tmp_path / "journal")[0] == [(1, b"a"), (3, b"c")]


def test_a_length_from_the_disk_is_not_trusted(tmp_path: Path) -> None:
    file = write(tmp_path, [[b"a"], [b"b"]])
    data = bytearray(file.read_bytes())
    at = commit_begins([[b"a"]])[-1]
    seed = struct.unpack("<I", data[44:48])[0]
    data[at + 16 : at + 20] = struct.pack("<I", 0xFFFFFFFF)
    data[at + 4 : at + 8] = struct.pack("<I", zlib.crc32(data[at + 8 : at + 32], seed))
    file.write_bytes(data)
    found, replay = read(tmp_path)
    assert found == [(1, b"a")]
    assert replay.bytes_cut == len(data) - at


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
@pytest.mark.parametrize("cut_works", [True, False], ids=["cut", "not cut"])
def test_a_failed_commit_never_counts_and_its_file_is_never_synced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, cut_works: bool
) -> None:
    journal = begin(tmp_path)
    journal.append([record(b"good")])
    synced: list[str] = []
    real_pwritev, real_fsync, real_fdatasync = os.pwritev, os.fsync, os.fdatasync

    def name_of(descriptor: int) -> str:
        return Path(f"/proc/self/fd/{descriptor}").readlink().name

    def failing_pwritev(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        real_pwritev(descriptor, buffers, offset)  # on the disk after all, only nobody was told
        raise OSError(errno.ENOSPC, "No space left on device")

    def failing_sync(descriptor: int) -> None:
        synced.append(name_of(descriptor))
        raise OSError(errno.EIO, "Input/output error")

    def failing_truncate(descriptor: int, length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as fails:
        fails.setattr(os, call, failing_pwritev if call == "pwritev" else failing_sync)
        if not cut_works:
            fails.setattr(os, "ftruncate", failing_truncate)
        with pytest.raises(Unavailable, match="journal"):
            journal.append([record(b"bad 2"), record(b"bad 3")])
    assert journal.last_sequence == 1

    def watched(real: object) -> object:
        def sync(descriptor: int) -> None:
            synced.append(name_of(descriptor))
            (real_fsync if real is real_fsync else real_fdatasync)(descriptor)

        return sync

    synced.clear()
    monkeypatch.setattr(os, "fsync", watched(real_fsync))
    monkeypatch.setattr(os, "fdatasync", watched(real_fdatasync))
    assert journal.append([record(b"good 2")]) == 2
    assert journal.append([record(b"good 3")]) == 3
    assert file_name(1) not in synced
    assert (tmp_path / file_name(2)).exists()
    found, replay = read(tmp_path)
    assert found == numbered(b"good", b"good 2", b"good 3")
    assert replay.findings == []


def test_a_first_commit_that_failed_leaves_its_name_to_the_next_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = begin(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("fdatasync", "fdatasync", "fsync"):
        with monkeypatch.context() as fails:
            fails.setattr(os, name, fail)
            fails.setattr(os, "ftruncate", fail)
            with pytest.raises(Unavailable):
                journal.append([record(b"bad")])
    assert journal.append([record(b"good")]) == 1
    journal.close()
    assert journal.bytes == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert read(tmp_path)[0] == numbered(b"good")


def test_short_writes_go_on_where_they_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwritev
    sizes = iter([1, 7, 31, 33, 40, 1, 2, 3, 1000] * 2000)

    def short(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        assert all(len(buffer) for buffer in buffers)
        allowed = next(sizes)
        taken = []
        for buffer in buffers:
            taken.append(buffer[:allowed])
            allowed -= len(taken[-1])
            if not allowed:
                break
        return real(descriptor, taken, offset)

    monkeypatch.setattr(os, "pwritev", short)
    commits = [[bytes([n]) * (n * 37) for n in range(1, 9)]] * 3
    write(tmp_path, commits)
    assert read(tmp_path)[0] == numbered(*[payload for commit in commits for payload in commit])


def test_a_commit_of_more_buffers_than_one_call_takes(tmp_path: Path) -> None:
    payload = [b"%d" % n for n in range(3000)]
    journal = begin(tmp_path)
    journal.append([Record(RecordType.DOCUMENT, payload)])
    assert read(tmp_path)[0] == [(1, b"".join(payload))]


def test_a_probe_tells_a_full_disk_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = begin(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(Unavailable, match="No space left"):
            journal.probe()
    assert list(tmp_path.iterdir()) == []
    journal.probe()
    assert [file.name for file in tmp_path.iterdir()] == [file_name(1)]
    journal.probe()
    assert journal.append([record(b"a")]) == 1


def test_a_probe_that_cannot_be_unlinked_is_a_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = begin(tmp_path)

    def fail(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as failing:
        failing.setattr(Path, "unlink", fail)
        with pytest.raises(Unavailable, match="Read-only"):
            journal.probe()
    journal.probe()
    assert journal.append([record(b"a")]) == 1


def test_rotated_files_go_when_all_in_them_is_applied(tmp_path: Path) -> None:
    journal = begin(tmp_path)
    for commit in COMMITS:
        journal.append([record(payload) for payload in commit])
        journal.rotate()
    firsts = [1, 2, 4, 5, 6, 9]
    assert sorted(file.name for file in tmp_path.iterdir()) == [file_name(first) for first in firsts]
    journal.append([record(b"nine")])
    assert sorted(file.name for file in tmp_path.iterdir()) == [file_name(first) for first in firsts]
    assert journal.unlink_through(0) == 0
    assert journal.unlink_through(4) > 0
    assert sorted(file.name for file in tmp_path.iterdir()) == [file_name(first) for first in firsts[3:]]
    journal.unlink_through(7)
    assert (tmp_path / file_name(6)).exists(), "record 8 is still needed"
    journal.unlink_through(9)
    assert [file.name for file in tmp_path.iterdir()] == [file_name(9)], "the file being written stays"
    assert journal.unlink_through(9) == 0, "a seal may be faster than the rotation that follows its freeze"
    journal.rotate()
    assert journal.bytes == sum(file.stat().st_size for file in tmp_path.iterdir())
    journal.unlink_through(9)
    assert [file.name for file in tmp_path.iterdir()] == [file_name(10)], "a journal is never without a file"
    assert journal.append([record(b"ten")]) == 10
    assert read(tmp_path, 9)[0] == [(10, b"ten")]


def test_the_last_file_stays_when_the_next_one_cannot_be_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = begin(tmp_path)
    journal.append([record(b"one")])

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        journal.rotate()
    assert journal.unlink_through(1) == 0
    assert [file.name for file in tmp_path.iterdir()] == [file_name(1)]
    assert journal.append([record(b"two")]) == 2
    assert journal.unlink_through(1) > 0
    assert [file.name for file in tmp_path.iterdir()] == [file_name(2)]


def test_files_of_an_earlier_run_are_unlinked_too(tmp_path: Path) -> None:
    write(tmp_path, COMMITS)
    _, replay = read(tmp_path)
    journal = Journal(replay)
    assert journal.unlink_through(8) == 0, "no other file is there yet"
    journal.begin()
    assert journal.unlink_through(7) == 0
    assert journal.unlink_through(8) == commit_begins(COMMITS)[-1]
    assert [file.name for file in tmp_path.iterdir()] == [file_name(9)]
    assert journal.append([record(b"nine")]) == 9


def test_records_that_are_gone_end_the_opening_unless_they_are_given_up(tmp_path: Path) -> None:
    def read_with_gaps(applied: int = 0) -> tuple[Found, list[tuple[str, str]]]:
        gaps = Gaps(accept_loss=True)
        replay = Replay(tmp_path, DATABASE, applied, gaps)
        found = [(found.sequence, found.payload.tobytes()) for found in records(replay)]
        assert replay.findings == []
        return found, gaps.accepted

    first = write(tmp_path, COMMITS[:2])
    second = write(tmp_path, COMMITS[2:4])
    write(tmp_path, COMMITS[4:])
    second.unlink()
    with pytest.raises(Incomplete, match="records 4 to 5 are gone"):
        read(tmp_path)
    found, gaps = read_with_gaps()
    assert found == [entry for entry in numbered(*PAYLOADS) if entry[0] not in (4, 5)]
    where = f"{tmp_path.name}"
    assert gaps == [(where, f"records 4 to 5 are gone: {first.name} ends before them")]
    first.unlink()
    with pytest.raises(Incomplete, match="records 2 to 5 are gone"):
        read(tmp_path, applied=1)
    found, gaps = read_with_gaps(applied=1)
    assert found == numbered(*PAYLOADS)[5:]
    assert gaps == [(where, f"records 2 to 5 are gone: {where}/ begins with {file_name(6)}")]
    assert read(tmp_path, applied=5)[1].findings == [], "those that are applied are not missed"


def test_damage_among_applied_records_is_no_loss(tmp_path: Path) -> None:
    file = write(tmp_path, COMMITS)
    data = bytearray(file.read_bytes())
    data[commit_begins(COMMITS)[1] + 40] ^= 1
    file.write_bytes(data)
    assert read(tmp_path, applied=2)[1].findings == []
    assert len(read(tmp_path, applied=1)[1].findings) == 1


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 60])
def test_a_file_that_is_hardly_there_is_survived(tmp_path: Path, size: int) -> None:
    file = write(tmp_path, [[b"one"]])
    file.write_bytes(file.read_bytes()[:size])
    found, replay = read(tmp_path)
    assert found == []
    assert replay.last_sequence == 0
    assert len(replay.findings) == (size < 48)
    assert Journal(replay).append([record(b"again")]) == 1
    assert read(tmp_path)[0] == [(1, b"again")]


def test_files_that_are_sound_but_not_ours_stop_the_opening_untouched(tmp_path: Path) -> None:
    file = write(tmp_path, COMMITS)
    before = file.read_bytes()
    with pytest.raises(Corrupt, match="another database"):
        list(Replay(tmp_path, bytes(16)))
    header = b"headrace" + struct.pack("<I", 2) + DATABASE + struct.pack("<Q", 1) + bytes(8)
    newer = header + struct.pack("<I", zlib.crc32(header)) + before[48:]
    file.write_bytes(newer)
    with pytest.raises(Corrupt, match="format version 2"):
        list(Replay(tmp_path, DATABASE))
    file.write_bytes(before)
    file.rename(tmp_path / file_name(5))
    with pytest.raises(Corrupt, match="renamed"):
        list(Replay(tmp_path, DATABASE))
    (tmp_path / file_name(5)).rename(tmp_path / "old.journal")
    with pytest.raises(Corrupt, match="name"):
        list(Replay(tmp_path, DATABASE))
    assert (tmp_path / "old.journal").read_bytes() == before


def bad_page(bad: range, monkeypatch: pytest.MonkeyPatch) -> None:
    """These bytes of any file give EIO."""
    real = os.preadv

    def preadv(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        if offset < bad.stop and offset + len(buffers[0]) > bad.start:
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)


@pytest.mark.parametrize("bad", [0, 8192, 28_672])
def test_what_cannot_be_read_ends_the_opening_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    commits = [[bytes([n]) * 3000] for n in range(1, 11)]
    file = write(tmp_path, commits)
    before = file.read_bytes()
    with monkeypatch.context() as failing:
        bad_page(range(bad, bad + 4096), failing)
        with pytest.raises(Unavailable, match=rf"{file} at byte {bad}: Input/output error \(errno 5\)"):
            read(tmp_path)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
    assert len(read(tmp_path)[0]) == 10


@pytest.mark.parametrize("bad", [8192, 28_672])
def test_what_the_operator_gives_up_costs_what_lies_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    commits = [[bytes([n]) * 3000] for n in range(1, 11)]
    write(tmp_path, commits)
    bad_page(range(bad, bad + 4096), monkeypatch)
    replay = Replay(tmp_path, DATABASE, gaps=Gaps(accept_loss=True))
    found = [(found.sequence, found.payload.tobytes()) for found in records(replay)]
    begins = commit_begins(commits)
    hit = {n for n in range(1, 11) if begins[n - 1] < bad + 4096 and begins[n] > bad}
    assert {sequence for sequence, _ in found} == set(range(1, 11)) - hit
    assert len(replay.findings) == 1


def test_a_disk_that_cannot_be_read_at_all_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, COMMITS)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(os, "preadv", fail)
    with pytest.raises(Unavailable, match="Cannot allocate memory"):
        read(tmp_path)


def test_leftovers_of_a_crash_are_swept(tmp_path: Path) -> None:
    (tmp_path / (file_name(1) + ".tmp")).write_bytes(encode_file_header(DATABASE, 1))
    (tmp_path / "probe.tmp").write_bytes(bytes(100))
    assert read(tmp_path)[0] == []
    assert list(tmp_path.iterdir()) == []


def test_the_frame_is_what_the_layout_adds_up_to() -> None:
    assert (FILE_HEADER_BYTES, RECORD_HEADER_BYTES) == (48, 32)


@pytest.mark.parametrize("size", [0, FILE_HEADER_BYTES - 1])
def test_what_a_file_held_that_ends_within_its_header_is_said_to_be_lost(tmp_path: Path, size: int) -> None:
    os.truncate(write(tmp_path, COMMITS), size)
    _, replay = read(tmp_path)
    assert [found.detail for found in replay.findings] == ["records from 1 on are lost: it ends within its header"]
