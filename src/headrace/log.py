"""Structured logs on standard error, as lines to read or as JSON: ours and those of every library."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Literal, TextIO

import click
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

log = structlog.get_logger("headrace")

Level = Literal["error", "warning", "info"]


def configure(log_format: Literal["console", "json"], log_level: str) -> None:
    """Send all logging of this process to standard error, times in ISO 8601 UTC, and what the interpreter would say of
    exceptions that nobody catches. Call once, before the first event."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = _JSONLines(sys.stderr) if log_format == "json" else logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(log_format)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(log_level.upper())
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def say(sentence: str, level: Level = "error") -> None:
    """To who starts the server, or another command: a line on standard error, whatever log_level is; of its own among
    JSON."""
    if _is_json():
        logging.getLogger("headrace").handle(_record(sentence, level))
    else:
        click.echo(f"{_BEFORE[level]}{sentence}", err=True)


def say_at_length(line: str, more: str) -> None:
    """For people on standard output, that the log need not have; among JSON an event with `more`, as nobody there
    reads standard output."""
    if _is_json():
        logging.getLogger("headrace").handle(_record(line, "info", more=more))
    else:
        click.echo(f"{line}\n{more}")


_BEFORE: Final[Mapping[Level, str]] = {"error": "headrace: ", "warning": "headrace: warning: ", "info": ""}


class _JSONLines(logging.StreamHandler[TextIO]):
    """Whatever happens, a line of it is JSON."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the library's
        """See logging: a record that cannot be put into words, as arguments do not fit."""
        failed = _record("an event cannot be logged", "error", event_of=record.name, words=str(record.msg))
        failed.exc_info = sys.exc_info()
        try:
            self.stream.write(self.format(failed) + self.terminator)
            self.flush()
        except (OSError, ValueError):
            return  # nobody is there to read it


def _is_json() -> bool:
    return any(isinstance(handler, _JSONLines) for handler in logging.getLogger().handlers)


def _record(event: str, level: Level, **more: str) -> logging.LogRecord:
    number = logging.getLevelName(level.upper())
    return logging.getLogger("headrace").makeRecord("headrace", number, "", 0, event, (), None, extra=more)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("uncaught", exc_info=(kind, error, trace))


def _uncaught_in_thread(met: threading.ExceptHookArgs) -> None:
    if met.exc_value is not None and not issubclass(met.exc_type, SystemExit):
        name = None if met.thread is None else met.thread.name
        log.critical("uncaught in a thread", thread=name, exc_info=(met.exc_type, met.exc_value, met.exc_traceback))


def _unraisable(met: sys.UnraisableHookArgs) -> None:
    what = met.err_msg or "exception ignored in"
    log.error("cannot be raised", what=f"{what} {met.object!r}", exc_info=met.exc_value)


def _renderers(log_format: Literal["console", "json"]) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        _printable,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
        ),
    ]


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Paths, names and ids come from strangers: none of them may begin a line of its own, colour a terminal or be
    something that standard error cannot encode. JSON escapes all of this itself."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return event
