"""What is said at the terminal: results on one stream, sentences on the other."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, TextIO


def notice(text: str) -> None:
    """Say one line beside the results."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        # A terminal that has gone away must not end what is being recorded, and
        # Python must not try once more at the end, and fail.
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Let what is still buffered, and all that follows, go nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_json(value: object) -> None:
    """Print a result for programs."""
    import json

    print(json.dumps(value, indent=2))


@contextmanager
def lines_to(target: str, source: Path) -> Iterator[BinaryIO]:
    """Open ``target`` for lines, ``-`` being the terminal; never over ``source``."""
    if target == "-":
        yield sys.stdout.buffer
        return
    from biofeedback.cli.tables import check_target
    from biofeedback.recording.durable import explained

    path = Path(target)
    check_target(path, [source])
    try:
        with path.open("wb") as out:
            yield out
    except OSError as error:
        raise explained(f"{path.name} could not be written.", error) from error


class LogAs(StrEnum):
    """How a service says what it logs."""

    TEXT = "text"
    JSON = "json"


class _Sentences(logging.Handler):
    """Says what a service logs, one line each: nobody else would tell it."""

    def emit(self, record: logging.LogRecord) -> None:
        notice(record.getMessage())


class _Lines(logging.Handler):
    """Says it as its formatter makes it."""

    def emit(self, record: logging.LogRecord) -> None:
        notice(self.format(record))


def say_what_is_logged() -> None:
    """Say warnings as sentences, unless the log goes elsewhere already."""
    root = logging.getLogger()
    if all(isinstance(handler, logging.NullHandler) for handler in root.handlers):
        root.addHandler(_Sentences(logging.WARNING))


@contextmanager
def logging_as(log: LogAs) -> Iterator[Callable[[str], None]]:
    """Say what is logged meanwhile, and give what says a notice the same way.

    As JSON it is all that this process has to say, the error that ends it too.
    """
    if log is LogAs.TEXT:
        say_what_is_logged()
        yield notice
        return
    from biofeedback.errors import BiofeedbackError
    from biofeedback.service.structured_logs import log_as_json

    log_as_json(_Lines())
    logger = logging.getLogger("biofeedback")
    try:
        yield logger.info
    except BiofeedbackError as error:
        logger.error("%s", error)
        raise SystemExit(error.exit_code) from None
    except Exception:
        logger.critical("Something unexpected happened", exc_info=True)
        raise SystemExit(1) from None
