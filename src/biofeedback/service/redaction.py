"""Keeps secrets out of what is logged, whoever logs it.

Nothing of ours logs a token, a cookie, a password or whose something is. This is the
second net, for the libraries below and for mistakes to come.
"""

from __future__ import annotations

import logging
import re
import traceback

HIDDEN = "…"

_SECRETS = re.compile(
    r"""
    (?<=[?&#])[^\s"'<>]+                            # what follows a path in a URL
    | (?<=bearer\ )[^\s"',;]+
    | (?<=cookie:\ )[^\r\n]+
    | (?<=biofeedback_session=)[^\s"',;]+
    | (?<=password=)[^\s"'&;]+
    | (?<=://)[^\s/@"'<>]+(?=@)                      # who signs in where, and how
    | [\w.+-]+@[\w-]+\.[\w.-]*\w                    # an address of mail
    | \b[A-Za-z0-9_-]{40,}                          # a token, or the hash of one
    """,
    re.IGNORECASE | re.VERBOSE,
)

NOISE = frozenset({"Invalid HTTP request received.", "Unsupported upgrade request."})
"""What every scanner of a network provokes, as often as it likes."""


def redacted(text: str) -> str:
    """Return ``text`` without what could let somebody in.

    >>> redacted('"GET /live/7?since=4 HTTP/1.1" Authorization: Bearer abc')
    '"GET /live/7?… HTTP/1.1" Authorization: Bearer …'
    >>> redacted("postgresql://kim:secret@db/clinic was asked by kim@example.org")
    'postgresql://…@db/clinic was asked by …'
    """
    return _SECRETS.sub(HIDDEN, text)


class Redaction(logging.Filter):
    """Rewrites what a handler is about to say; drops what only fills the screen."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide what is secret in the record itself: no handler needs it."""
        said = self.event(record)
        if said in NOISE:
            return False
        record.msg, record.args = redacted(said), None
        if record.exc_info and record.exc_info[1] is not None:
            # Made here and kept, so that the exception's text is hidden as well.
            record.exc_text = redacted(self.exception(record.exc_info[1]))
        return True

    def event(self, record: logging.LogRecord) -> str:
        """Return what happened."""
        return record.getMessage()

    def exception(self, error: BaseException) -> str:
        """Return what is said of an error."""
        return "".join(traceback.format_exception(error)).rstrip()


def redact(logger: logging.Logger) -> None:
    """Put a filter on every handler of ``logger``, once."""
    for handler in logger.handlers:
        if not any(isinstance(one, Redaction) for one in handler.filters):
            handler.addFilter(Redaction())
