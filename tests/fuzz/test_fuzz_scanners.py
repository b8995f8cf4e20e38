import os
import subprocess
import sys
from pathlib import Path

import pytest
from chance import TIMES

pytestmark = pytest.mark.timeout(300)  # the kernels are compiled again, with checks

HERE = Path(__file__).parent
BODIES, UNCOMPILED = 20_000 * TIMES, 500 * TIMES
FUZZERS = pytest.mark.parametrize(
    ("fuzzer", "dialect"),
    [
        ("hostile_samples.py", "json"),
        *(
            (fuzzer, dialect)
            for fuzzer in ("hostile_puts.py", "hostile_datapoints.py")
            for dialect in ("json", "telnet")
        ),
    ],
)
# Compiled code is kept without regard to whether it checks bounds: this one needs a folder of its own.
MUST_FAIL = """
import numpy as np
from headrace.kernels.scanning.decimal import read_number
read_number(np.frombuffer(b"1234", dtype=np.uint8), 0)
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_all_agree(ended: subprocess.CompletedProcess[str], bodies: int) -> None:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    taken, handed_over = map(int, ended.stdout.split())
    assert taken + handed_over == bodies
    assert min(taken, handed_over) > bodies // 10, "both outcomes are exercised"


@pytest.fixture(scope="module")
def checked_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("bounds-checked"))


@FUZZERS
def test_no_hostile_body_makes_the_scanner_read_or_write_out_of_bounds(
    fuzzer: str, dialect: str, checked_cache: str
) -> None:
    # Hardly optimised: they are compiled for a few seconds of work.
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": checked_cache, "NUMBA_OPT": "1"}
    assert "IndexError" in run("-c", MUST_FAIL, **checked).stderr, "the check itself works"
    assert_all_agree(run(str(HERE / fuzzer), dialect, "1", str(BODIES), **checked), BODIES)


@FUZZERS
def test_uncompiled_the_scanner_says_the_same(fuzzer: str, dialect: str) -> None:
    assert_all_agree(run(str(HERE / fuzzer), dialect, "2", str(UNCOMPILED), NUMBA_DISABLE_JIT="1"), UNCOMPILED)
