"""What lies in a folder, and that a folder that cannot be listed is not taken for empty."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from headrace.store.embedded.files.listing import matching


def test_names_that_match_in_order(tmp_path: Path) -> None:
    for name in ("2.journal", "1.journal", "1.journal.damaged", "x.tmp"):
        (tmp_path / name).touch()
    assert matching(tmp_path, "*.journal") == [tmp_path / "1.journal", tmp_path / "2.journal"]
    assert matching(tmp_path / "absent", "*") == []
    assert matching(tmp_path / "x.tmp", "*") == []


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES])
def test_a_folder_that_cannot_be_listed_is_not_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    for call in ("listdir", "scandir"):
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=os.strerror(error)):
        matching(tmp_path, "*")
