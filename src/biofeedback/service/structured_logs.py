"""What a service logs as JSON, an object a line, for programs that collect logs.

A log is read by people who look after machines, and is kept in places that nobody
thinks of when a person's data is erased. So it says what happened to the service:

- Of our own sentences, all. Sessions stand in them by their id, which leads to a person
  only through the database; people, names, addresses and what somebody wrote do not.
- Of what libraries log, the sentence without what they would put into it.
- Of an error, its kind and where it was raised. What it says only where the words are
  ours, or the system's: others' often hold the very value that was wrong.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime

from biofeedback.errors import BiofeedbackError
from biofeedback.service.redaction import Redaction

OURS = ("biofeedback", "biofeedback_drivers", "__main__")

_LOGGER = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """Makes a line of JSON of each record.

    Attributes
    ----------
    node
        What this node is called, once that is known.
    """

    node: str | None = None

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; ``exception`` only where there was one."""
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "node": self.node,
            "exception": record.exc_text,
        }
        said = {key: value for key, value in line.items() if value is not None}
        return json.dumps(said, ensure_ascii=False)


class OfTheService(Redaction):
    """Leaves of each record only what is of the service, as this module says."""

    def event(self, record: logging.LogRecord) -> str:
        """Return what happened, without a library's values."""
        if record.name.partition(".")[0] in OURS:
            return record.getMessage()
        if record.name == "py.warnings":  # place: kind: text, then the line of code
            return record.getMessage().partition(": ")[2].partition("\n")[0]
        first = str(record.msg).partition("\n")[0]
        # asyncio makes its sentence before it logs it, with arguments in brackets.
        return first.partition("(")[0] if record.name == "asyncio" else first

    def exception(self, error: BaseException) -> str:
        """Return the kinds of an error and its causes, and where they were raised."""
        return "\n".join(_told(error))


def _told(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield f"{type(cause).__name__}{_words(cause)}"
        for frame in traceback.extract_tb(cause.__traceback__):
            yield f"  {_module(frame.filename)}:{frame.lineno} in {frame.name}"
        cause = cause.__cause__ or cause.__context__


def _words(error: BaseException) -> str:
    match error:
        case BiofeedbackError():
            return f": {error}"
        case OSError(errno=number) if number is not None:
            return f": {os.strerror(number)}"
        case _:
            return ""


def _module(filename: str) -> str:
    # Where it is installed may say whose computer this is.
    parts = filename.replace("\\", "/").split("/")
    return "/".join(parts[-2:])


def name_node(logger: logging.Logger, node: str) -> None:
    """Say in each line from now on which node it is of."""
    for handler in logger.handlers:
        if isinstance(handler.formatter, JsonLines):
            handler.formatter.node = node


def log_as_json(handler: logging.Handler) -> None:
    """Let ``handler`` alone say what is logged, and all that else goes to the screen.

    From warnings on; from information on, of what is ours.
    """
    handler.setFormatter(JsonLines())
    handler.addFilter(OfTheService())
    logging.getLogger().handlers = [handler]
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed
    sys.unraisablehook = _not_raised


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    _LOGGER.error("A thread failed", exc_info=failed.exc_value)


def _not_raised(failed: sys.UnraisableHookArgs) -> None:
    _LOGGER.error("An error could not be raised", exc_info=failed.exc_value)
