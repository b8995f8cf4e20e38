"""Torn or rotten: one wrong bit is found wherever it is, and what a disk did not write is never taken for damage."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.store.embedded.journal.format import crc_seed, encode_file_header, frame_commit
from headrace.store.embedded.journal.records import Record, RecordType
from headrace.store.embedded.journal.torn import SECTOR_BYTES, is_one_bit, is_torn
from headrace.store.embedded.journal.window import Window

DATABASE = bytes(range(16))
SEED = crc_seed(DATABASE, 1)


def commit(payloads: list[bytes]) -> tuple[int, bytes]:
    """Where the commit begins, and a file that holds it after another one."""
    before = encode_file_header(DATABASE, 1) + framed([b"before"], 1)
    return len(before), before + framed(payloads, 2)


def framed(payloads: list[bytes], sequence: int) -> bytes:
    records = [Record(RecordType.DOCUMENT, [payload]) for payload in payloads]
    return b"".join(map(bytes, frame_commit(records, sequence, SEED)))


def judged(folder: Path, content: bytes, begin: int) -> bool:
    file = folder / "file"
    file.write_bytes(content)
    with file.open("rb") as opened:
        return is_torn(Window(file, opened.fileno()), begin, SEED)


payload_lists = st.lists(st.binary(max_size=1500), min_size=1, max_size=4)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@in_one_folder
@given(payload_lists, st.integers(0), st.booleans())
def test_sectors_that_were_not_written_are_torn(
    tmp_path: Path, payloads: list[bytes], missing: int, is_cut: bool
) -> None:
    """One sector is as it was before; or the file ends where it begins."""
    begin, whole = commit([*payloads, b"x" * SECTOR_BYTES])
    sectors = range(begin // SECTOR_BYTES, len(whole) // SECTOR_BYTES + 1)
    sector = sectors[missing % len(sectors)]
    start, end = max(sector * SECTOR_BYTES, begin), min((sector + 1) * SECTOR_BYTES, len(whole))
    torn = whole[:start] if is_cut else whole[:start] + bytes(end - start) + whole[end:]
    if any(whole[start:end]):
        assert judged(tmp_path, torn, begin)


@in_one_folder
@given(payload_lists, st.integers(0))
def test_one_wrong_bit_is_damage(tmp_path: Path, payloads: list[bytes], place: int) -> None:
    begin, whole = commit(payloads)
    covered = []
    at = begin
    for payload in payloads:
        covered += [*range(at, at + 32 + len(payload))]
        at += -(-(32 + len(payload)) // 8) * 8
    wrong = bytearray(whole)
    wrong[covered[place % len(covered)]] ^= 1 << place % 8
    assert not judged(tmp_path, bytes(wrong), begin)


@given(st.binary(min_size=1, max_size=300), st.integers(0))
def test_a_wrong_bit_is_told_by_the_difference_of_two_crcs(content: bytes, place: int) -> None:
    wrong = bytearray(content)
    wrong[place // 8 % len(content)] ^= 1 << place % 8
    assert is_one_bit(zlib.crc32(content) ^ zlib.crc32(wrong), len(content))


@pytest.mark.parametrize("bits", [(0, 1), (5, 2000), (0, 31)])
def test_two_wrong_bits_are_not_one(bits: tuple[int, int]) -> None:
    content = bytes(300)
    wrong = bytearray(content)
    for bit in bits:
        wrong[bit // 8] ^= 1 << bit % 8
    assert not is_one_bit(zlib.crc32(content) ^ zlib.crc32(wrong), len(content))
    assert not is_one_bit(0, 300)
