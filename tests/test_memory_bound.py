"""The sum of what may be held at once, and that docs/operations.md says it. tests/trials/test_mixture.py tries it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from certified import Authority

from headrace import limits
from headrace.config import Settings
from headrace.memory_bound import POINT_BYTES, bodies_bytes_max, most, shares
from headrace.model.points import ROW_BYTES_MAX
from headrace.settings.listeners import ListenerSettings

MB = 1_000_000
OPERATIONS = (Path(__file__).parent.parent / "docs" / "operations.md").read_text()
ROW = re.compile(r"^\| \**(?P<what>[^|*]+)\** \|[^|]*\| \**(?P<mb>\d+)\** \|$", re.MULTILINE)


def test_the_docs_have_the_table_of_the_defaults() -> None:
    told = {row["what"]: int(row["mb"]) for row in ROW.finditer(OPERATIONS)}
    expected = {share.what: round(share.bytes / MB) for share in shares(Settings())}
    assert {what: told.get(what) for what in expected} == expected
    assert told["sum"] == round(most(Settings()) / MB)


def test_a_point_has_the_bytes_that_it_has() -> None:
    assert POINT_BYTES == ROW_BYTES_MAX


def test_the_docs_have_the_sum_of_a_small_server() -> None:
    small = Settings(body_bytes_max=8 * 1024 * 1024, query_memory_bytes=64 * MB, seal_points=300_000)
    assert f"8 MiB, 64 MB and 300,000 make {round(most(small) / MB)} MB" in OPERATIONS


@pytest.mark.parametrize(
    ("setting", "value"),
    [("body_bytes_max", 1024 * MB), ("seal_points", 50_000_000), ("query_memory_bytes", 4096 * MB)],
)
def test_a_setting_that_allows_more_makes_the_sum_larger(setting: str, value: int) -> None:
    assert most(Settings.model_validate({setting: value})) > most(Settings()) + 3000 * MB


def test_connections_with_tls_take_more(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue()
    listener = ListenerSettings(address="[::1]:0", tls_certificate=files.certificate, tls_key=files.key)
    more = most(Settings(listeners=(listener,))) - most(Settings())
    assert more == 4096 * 80 * 1024
    assert f"{round(more / MB)} MB more where a listener has TLS" in OPERATIONS


def test_bodies_are_four_of_the_largest_or_what_is_usual() -> None:
    assert bodies_bytes_max(Settings(body_bytes_max=1000)) == 4000
    assert bodies_bytes_max(Settings()) == limits.BODIES_BYTES_MAX


def test_tokens_of_issuers_take_more() -> None:
    issuers = {"a": {"issuer": "i", "jwks": "https://a.example", "audience": "b"}}
    more = most(Settings.model_validate({"jwt_issuers": issuers})) - most(Settings())
    assert f"{round(more / MB)} MB more where tokens of issuers (JWT) are credentials" in OPERATIONS
