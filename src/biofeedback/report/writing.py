"""A report in the format that was asked for."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import msgspec

from biofeedback.model import Value
from biofeedback.report.csv_table import session_csv, trend_csv
from biofeedback.report.html_page import html_page, policy
from biofeedback.report.pdf_page import pdf_page
from biofeedback.report.session_page import session_page
from biofeedback.report.trend_page import trend_page
from biofeedback.report.values import SessionReport, TrendReport

Format: TypeAlias = Literal["html", "pdf", "csv", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)

MEDIA_TYPES: dict[Format, str] = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for the old code page of the machine."""


class Written(Value, frozen=True):
    """The bytes of a report; ``policy`` is the Content-Security-Policy it needs."""

    content: bytes
    media_type: str
    policy: str | None = None


def written(
    report: SessionReport | TrendReport, format: Format, *, created_at_utc_ns: int = 0
) -> Written:
    """Return a report as HTML, PDF, CSV or JSON.

    ``created_at_utc_ns`` is what a PDF says of when it was made; nothing else tells it.
    """
    session = isinstance(report, SessionReport)
    if format == "json":
        content = msgspec.json.encode(
            {"kind": "session" if session else "trend", **msgspec.to_builtins(report)}
        )
        return Written(content=content, media_type=MEDIA_TYPES[format])
    if format == "csv":
        text = (
            session_csv(report)
            if isinstance(report, SessionReport)
            else trend_csv(report)
        )
        return Written(
            content=(BYTE_ORDER_MARK + text).encode(), media_type=MEDIA_TYPES[format]
        )
    page = (
        session_page(report)
        if isinstance(report, SessionReport)
        else trend_page(report)
    )
    if format == "pdf":
        content = pdf_page(page, created_at_utc_ns=created_at_utc_ns)
        return Written(content=content, media_type=MEDIA_TYPES[format])
    return Written(
        content=html_page(page).encode(),
        media_type=MEDIA_TYPES[format],
        policy=policy(),
    )
