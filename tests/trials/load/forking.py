"""A process that has loaded headrace and forks one server for each that is asked for, so that a start takes no time for
loading: `python forking.py`. Each line of its input is JSON, and so is the line that answers it:

{"flags": [...], "log": path, "held": bool} -> {"pid": n}: `headrace serve` with these flags, in a process of its own;
held: stopped before its first step until it gets SIGCONT.   {"wait": pid, "block": bool} -> {"status": n}: its exit
status, null while it runs.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import Sequence

from headrace.memory import use_one_allocator

_PR_SET_PDEATHSIG = 1
_PR_SET_PTRACER, _ANYBODY = 0x59616D61, -1
"""Linux: prctl(2). Where the second is not known, nobody is kept from tracing."""


def main() -> None:
    use_one_allocator()
    # Not at the top: what they load must come after that, and is what a fork shares.
    import pyarrow.parquet  # noqa: F401, PLC0415

    from headrace.commands.compiled import ensure_compiled  # noqa: PLC0415

    ensure_compiled()
    import headrace.serve  # noqa: PLC0415

    gc.collect()
    gc.freeze()  # a server collects garbage as it begins to serve, and would copy all that it shares
    _say({"ready": headrace.serve.__name__})
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _say({"status": _status_of(asked["wait"], asked["block"])})
        else:
            _say({"pid": _fork(asked["flags"], asked["log"], asked["held"])})


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _status_of(process: int, block: bool) -> int | None:
    ended, status = os.waitpid(process, 0 if block else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _fork(flags: Sequence[str], log: str, held: bool) -> int:
    process = os.fork()
    if not process:
        _serve(flags, log, held)
    return process


def _serve(flags: Sequence[str], log: str, held: bool) -> None:
    """Does not return."""
    from headrace.cli import main as headrace  # noqa: PLC0415

    status = 3
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate((nothing, output, output)):
            os.dup2(descriptor, number)
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a trial that is interrupted leaves no server behind
        prctl(_PR_SET_PTRACER, _ANYBODY)
        if held:
            os.kill(os.getpid(), signal.SIGSTOP)
        headrace(["serve", *flags], prog_name="headrace")
    except SystemExit as end:
        # As the interpreter would end it.
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
