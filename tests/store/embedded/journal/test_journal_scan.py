"""A journal file taken apart: nothing is skipped silently, whatever the bytes and however small the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace import limits
from headrace.store.embedded.journal.format import RecordHeader, crc_seed, encode_file_header, frame_commit
from headrace.store.embedded.journal.records import Record, RecordType
from headrace.store.embedded.journal.scan import Sound, SoundRun, Unsound, scan
from headrace.store.embedded.journal.window import Window

DATABASE = bytes(range(16))
SEED = crc_seed(DATABASE, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.binary(max_size=80), max_size=8),
    st.lists(st.tuples(st.integers(48, 900), st.integers(1, 255)), max_size=4),
    st.integers(0, 100),
    st.sampled_from([32, 40, 64, 256, 8192]),
)
def test_items_cover_the_file_and_sound_records_are_those_not_hit(
    tmp_path: Path, payloads: list[bytes], flips: list[tuple[int, int]], cut: int, window_bytes: int
) -> None:
    whole = bytearray(encode_file_header(DATABASE, 1))
    spans = []
    for sequence, payload in enumerate(payloads, 1):
        begin = len(whole)
        whole += b"".join(map(bytes, frame_commit([Record(RecordType.DOCUMENT, [payload])], sequence, SEED)))
        spans.append((begin, begin + 32 + len(payload)))
    del whole[max(48, len(whole) - cut) :]
    original = bytes(whole)
    for at, bits in flips:
        if at < len(whole):
            whole[at] ^= bits
    hit = {at for at in range(len(whole)) if whole[at] != original[at]}
    file = tmp_path / "file"
    file.write_bytes(whole)
    with pytest.MonkeyPatch.context() as small, file.open("rb") as opened:
        small.setattr(limits, "JOURNAL_WINDOW_BYTES", window_bytes)
        items = list(scan(Window(file, opened.fileno()), 1, SEED))
    at = 48
    for item in items:
        assert item.begin == at
        at = item.end if isinstance(item, Unsound) else min(at + header_of(item).frame_bytes, len(whole))
    assert at == len(whole)
    sound = {item.header.sequence: item.payload.tobytes() for item in items if isinstance(item, Sound)}
    assert sound == {
        sequence: payload
        for sequence, (payload, (begin, end)) in enumerate(zip(payloads, spans, strict=True), 1)
        if end <= len(whole) and not hit & set(range(begin, end))
    }


def header_of(item: Sound | SoundRun) -> RecordHeader:
    assert isinstance(item, Sound), "no points are written here"
    return item.header


def test_a_record_of_an_earlier_sequence_is_not_sound(tmp_path: Path) -> None:
    frames = [b"".join(map(bytes, frame_commit([Record(RecordType.DOCUMENT, [b"x"])], n, SEED))) for n in (2, 1, 3)]
    file = tmp_path / "file"
    file.write_bytes(encode_file_header(DATABASE, 1) + b"".join(frames))
    with file.open("rb") as opened:
        items = list(scan(Window(file, opened.fileno()), 1, SEED))
    assert [item.header.sequence if isinstance(item, Sound) else None for item in items] == [2, None, 3]


def test_a_window_gives_what_the_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOURNAL_WINDOW_BYTES", 100)
    content = bytes(n % 251 for n in range(1000))
    file = tmp_path / "file"
    file.write_bytes(content)
    with file.open("rb") as opened:
        window = Window(file, opened.fileno())
        assert window.size == 1000
        for begin, length in ((0, 10), (90, 20), (0, 5), (200, 700), (990, 50), (1000, 8), (2000, 8), (8, 0)):
            assert window.view(begin, length).tobytes() == content[begin : begin + length]
