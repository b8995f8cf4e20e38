"""A file of tokens, and a clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from headrace.access.tokens.changing import TokenChanger
from headrace.settings.principals import Granted
from headrace.store.embedded.tokens.file import Content, TokenFile, begin_token_file

READ = {"grants": [{"may": ["read"]}]}


class Tokens:
    """In a folder, changed at moments that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "access.sqlite"
        self.now_ms = 1_700_000_000_000

    def clock(self) -> int:
        return self.now_ms

    @contextmanager
    def changer(self) -> Iterator[TokenChanger]:
        begin_token_file(self.path)
        with closing(TokenFile(self.path)) as file:
            yield TokenChanger(file, self.now_ms, "root")

    def create(self, name: str = "ann", lasts_ms: int = 0, **granted: Any) -> str:
        """The token."""
        with self.changer() as changer:
            return changer.create(name, Granted.model_validate(granted or READ), lasts_ms).text

    def revoke(self, name: str) -> None:
        with self.changer() as changer:
            changer.revoke(name)

    def rotate(self, name: str = "ann", overlap_ms: int = 0, lasts_ms: int | None = None) -> str:
        with self.changer() as changer:
            return changer.rotate(name, overlap_ms, lasts_ms).text

    def content(self) -> Content:
        with closing(TokenFile(self.path)) as file:
            return file.read()
