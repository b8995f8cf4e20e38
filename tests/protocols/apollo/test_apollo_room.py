from __future__ import annotations

from pathlib import Path

from apollo_room import apollo_room


def test_the_room_has_no_telnet_and_owns_its_paths(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        assert apollo.room.name == "apollo"
        assert apollo.room.lines is None
        assert apollo.room.prefixes == ("/apollo/",)
