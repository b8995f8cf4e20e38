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

    @pytest.mark.peer("sh", plugins=("that-nobody-has",))
    def test_without_its_plugin(): pass

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
    result.assert_outcomes(passed=1, skipped=2, xfailed=1)
    result.stdout.fnmatch_lines("*a-program-that-nobody-has is not installed; scripts/peers installs it*")
    result.stdout.fnmatch_lines("*sh's plugin that-nobody-has lacks its file; scripts/peers installs it*")


def test_ci_lets_nothing_be_skipped(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_REQUIRE_PEERS", "1")
    suite.makepyfile(test_module="import pytest\npytest.importorskip('a_module_that_nobody_has')")
    result = suite.runpytest_inprocess("--continue-on-collection-errors")
    result.assert_outcomes(passed=1, xfailed=1, errors=3)
    assert result.ret != 0


@pytest.mark.peer("collectd")
def test_a_plugin_whose_library_is_missing_is_no_peer(
    pytester: pytest.Pytester, suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine with collectd, but without libyajl2, which Debian's package only recommends."""
    monkeypatch.delenv("TESTS_REQUIRE_PEERS", raising=False)
    [plugin] = [file for above in ("lib", "lib/*") for file in Path("/usr").glob(f"{above}/collectd/write_http.so")]
    folder = pytester.path / "lib" / "collectd"
    folder.mkdir(parents=True)
    (folder / "write_http.so").write_bytes(plugin.read_bytes().replace(b"libyajl.so.2", b"libyajx.so.2"))
    conftest = (pytester.path / "conftest.py").read_text()
    pytester.makeconftest(conftest.replace('("usr/lib", ', f'("{str(pytester.path)[1:]}/lib", '))
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.peer("collectd", plugins=("write_http",))
        def test_it(): pass
        """
    )
    result = suite.runpytest_inprocess("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("*collectd's plugin write_http lacks libyajx.so.2; scripts/peers installs it*")
