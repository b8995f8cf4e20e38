"""A missing program is a visible skip for a developer and a failure in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

SUITE = """
    import pytest

    @pytest.mark.peer("a-program-that-nobody-has")
    def test_absent(): pass

    @pytest.mark.peer("sh")
    def test_present(): pass

    @pytest.mark.xfail
    def test_owed(): assert False
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\nmarkers =\n  peer(program): needs a program"
    )
    pytester.makepyfile(SUITE)
    return pytester


def test_an_absent_program_is_skipped_by_name(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESTS_REQUIRE_PEERS", raising=False)
    result = suite.runpytest_inprocess("-rs")
    result.assert_outcomes(passed=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines("*a-program-that-nobody-has is not installed; scripts/peers installs it*")


def test_ci_lets_nothing_be_skipped(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_REQUIRE_PEERS", "1")
    suite.makepyfile(test_module="import pytest\npytest.importorskip('a_module_that_nobody_has')")
    result = suite.runpytest_inprocess("--continue-on-collection-errors")
    result.assert_outcomes(passed=1, xfailed=1, errors=2)
    assert result.ret != 0
