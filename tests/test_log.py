from __future__ import annotations

import json
import logging
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
    yield
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
