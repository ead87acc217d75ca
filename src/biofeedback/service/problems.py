"""Errors over HTTP: a sentence and advice, as ``application/problem+json``."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from biofeedback.errors import (
    BiofeedbackError,
    LinkError,
    NotSoError,
    SettingsError,
)
from biofeedback.model import Value
from biofeedback.recording.keys import WrongKeyError
from biofeedback.recording.sealed import NoKeyError
from biofeedback.store import StoreError

_LOGGER = logging.getLogger(__name__)

SENTENCES: dict[int, tuple[str, str]] = {
    400: ("The request could not be read.", "Send JSON in UTF-8."),
    401: (
        "You are not signed in.",
        "Sign in, or open the link that 'biofeedback run' prints; it works once.",
    ),
    403: ("This request is not allowed.", "Use the address the service printed."),
    404: ("There is nothing at this address.", "docs/protocol.md lists what there is."),
    405: (
        "This address does not take that method.",
        "docs/protocol.md lists the methods.",
    ),
    413: ("The request is too large.", "Send at most 64 KiB."),
    415: (
        "The request needs a JSON object as its body.",
        "Send it with the header 'Content-Type: application/json'.",
    ),
    500: (
        "Something unexpected happened in the service.",
        "Try again; what was recorded so far is safe.",
    ),
}


class Problem(Exception):
    """An answer that is an error, with its status."""

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        advice: str | None = None,
        *,
        reason: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        sentence, what_to_do = SENTENCES.get(status, SENTENCES[400])
        self.status = status
        self.detail = detail or sentence
        self.advice = advice if detail else what_to_do
        self.reason = reason
        self.retry_after_s = retry_after_s
        super().__init__(self.detail)

    @classmethod
    def of(cls, error: BiofeedbackError) -> Problem:
        """Return an error of the core as an answer."""
        reason = None
        match error:
            case LinkError():
                status, reason = 503, error.reason.value
            case SettingsError():
                status = 422
            case NotSoError():
                status = 404
            case StoreError() | NoKeyError() | WrongKeyError():
                status = 503
            case _:
                status = 500
        # A LinkError may come without a sentence of its own: its advice is one.
        return cls(status, error.message or error.advice, error.advice, reason=reason)

    def response(self) -> Response:
        """Return the answer to send."""
        return JSONResponse(
            {
                "type": "about:blank",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.detail,
                "reason": self.reason,
                "advice": self.advice,
            },
            status_code=self.status,
            media_type="application/problem+json",
            headers=self._headers(),
        )

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return headers


class Trouble(Value, frozen=True):
    """Why something was not done, as a problem travels between nodes."""

    status: int
    detail: str
    advice: str | None = None
    reason: str | None = None

    @classmethod
    def of(cls, problem: Problem) -> Trouble:
        """Return a problem as it travels."""
        return cls(
            status=problem.status,
            detail=problem.detail,
            advice=problem.advice,
            reason=problem.reason,
        )

    def problem(self) -> Problem:
        """Return it as it was."""
        return Problem(self.status, self.detail, self.advice, reason=self.reason)


def may_have_arrived() -> Problem:
    """Return the answer where nobody can say whether it was done."""
    return Problem(
        503,
        "No answer came. It may have arrived.",
        "Look before you send it again.",
        reason="unknown",
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""

    @app.exception_handler(Problem)
    async def problem(_request: Request, error: Problem) -> Response:
        return error.response()

    @app.exception_handler(BiofeedbackError)
    async def told(_request: Request, error: BiofeedbackError) -> Response:
        return Problem.of(error).response()

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        response = Problem(error.status_code).response()
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        return Problem(422, *_say(error)).response()

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, _error: Exception) -> Response:
        return Problem(500).response()


def _say(error: RequestValidationError) -> tuple[str, str]:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return "The request is not valid JSON.", "Send one JSON object."
    if first["loc"] == ("body",):
        return (
            "The request needs a JSON object as its body.",
            "Send it with the header 'Content-Type: application/json'.",
        )
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    said = str(first["msg"])
    return (
        f"'{where}' cannot be used: {said[:1].lower()}{said[1:]}.",
        "docs/protocol.md says what it may be.",
    )
