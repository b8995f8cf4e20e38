from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from headrace import log


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_json_is_one_object_a_line_with_utc_times(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    structlog.get_logger("headrace.test").info("sealed", points=5, text='a "quote"\nand a line')
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    event = json.loads(line)
    moment = datetime.fromisoformat(event.pop("timestamp"))
    assert moment.tzinfo is UTC
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert event == {
        "event": "sealed",
        "points": 5,
        "text": 'a "quote"\nand a line',
        "level": "info",
        "logger": "headrace.test",
    }


def test_other_libraries_speak_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    logging.getLogger("asyncio").error("Task %s failed", "t", extra={"took_ms": 3})
    warnings.warn("old", UserWarning, stacklevel=1)
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["logger"], first["level"]) == ("Task t failed", "asyncio", "error")
    assert first["took_ms"] == 3
    assert (second["logger"], second["level"]) == ("py.warnings", "warning")


def test_what_strangers_send_stays_on_its_line_and_moves_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", "info")
    structlog.get_logger("headrace.test").info("seen", path="/a\x1b[31m", name="x\nfake", id="\x9b\ud800", place="café")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    for shown in (r"/a\x1b[31m", r"x\nfake", r"\x9b\ud800", "café"):
        assert shown in line


def test_an_exception_stays_on_its_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    try:
        raise OSError("disk")
    except OSError:
        structlog.get_logger("headrace.test").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "OSError: disk" in json.loads(line)["exception"]


def test_less_than_the_level_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", "warning")
    structlog.get_logger("headrace.test").info("quiet")
    logging.getLogger("other").info("quiet")
    structlog.get_logger("headrace.test").warning("loud", n=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert "loud" in line
    assert "n=1" in line
    assert "\x1b" not in line


def test_words_to_who_starts_it_are_whole_lines_in_either_form(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", "error")
    log.say("the port is taken")
    log.say("nobody looks at it", "warning")
    log.say("Compiling ...", "info")
    log.say_at_length("it serves", "  and how\nto send")
    told = "headrace: the port is taken\nheadrace: warning: nobody looks at it\nCompiling ...\n"
    assert capsys.readouterr() == ("it serves\n  and how\nto send\n", told)
    log.configure("json", "error")
    log.say("the port is taken")
    log.say("nobody looks at it", "warning")
    log.say_at_length("it serves", "  and how\nto send")
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert [(line["event"], line["level"]) for line in lines] == [
        ("the port is taken", "error"),
        ("nobody looks at it", "warning"),
        ("it serves", "info"),
    ]
    assert lines[-1]["more"] == "  and how\nto send"


def test_an_event_whose_arguments_do_not_fit_is_a_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    logging.getLogger("a.library").info("%d points", "many")
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["event_of"], event["words"]) == (
        "an event cannot be logged",
        "a.library",
        "%d points",
    )
    assert "TypeError" in event["exception"]


DYING = """
import sys, threading
from headrace import log

class Falling:
    def __del__(self):
        raise ValueError("of no use")

log.configure("json", "info")
Falling()
failing = threading.Thread(target=lambda: 1 / 0, name="worker")
failing.start()
failing.join()
raise OSError("the end")
"""


def test_what_nobody_catches_is_a_json_line() -> None:
    ended = subprocess.run([sys.executable, "-c", DYING], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    of_object, of_thread, last = [json.loads(line) for line in ended.stderr.splitlines()]
    assert "Falling" in of_object["what"]
    assert of_object["exception"].endswith("ValueError: of no use")
    assert (of_thread["event"], of_thread["thread"]) == ("uncaught in a thread", "worker")
    assert of_thread["exception"].endswith("ZeroDivisionError: division by zero")
    assert (last["event"], last["level"]) == ("uncaught", "critical")
    assert last["exception"].endswith("OSError: the end")
