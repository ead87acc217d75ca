"""Stands before every request: whose it may be, how large, and what goes back.

Binding to loopback alone does not keep other sites out: a page anywhere can point a
name at 127.0.0.1 (DNS rebinding) or let a browser post here. So ``Host`` must be ours,
and a browser's ``Origin`` must be the very site it is talking to.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from biofeedback.service.problems import Problem

MAX_BODY_BYTES = 64 * 1024
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        # Lit's templates, and the one address of the service worker: no others.
        "trusted-types lit-html worker",
    )
)

NOT_USED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
"""What no page of ours ever asks a browser for."""

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": ", ".join(f"{name}=()" for name in NOT_USED),
}
HSTS = "max-age=31536000"

FOREIGN = Problem(
    403,
    "This request came from another site's page.",
    "Use the dashboard at the address that 'biofeedback run' printed.",
)


class Guard:
    """ASGI middleware in front of the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: frozenset[str],
        https: bool,
        hsts: bool = False,
    ) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._https = https
        self._hsts = hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http":
            send = self._with_headers(scope, send)
        if problem := self._refusal(scope):
            if scope["type"] == "websocket":
                # Closed before it was accepted: the handshake is answered with 403.
                await send({"type": "websocket.close"})
            else:
                await problem.response()(scope, receive, send)
        elif scope["type"] == "http":
            await _Body(receive, send).handled_by(self._app, scope)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if host not in self._allowed_hosts:
            return Problem(
                403,
                "This name does not belong to the service.",
                "Use the address that 'biofeedback run' printed.",
            )
        is_http = scope["type"] == "http"
        if is_http and scope["method"] in SAFE_METHODS:
            if scope["path"].startswith("/api/") and not _fetched_here(headers):
                return FOREIGN
            return None
        if not self._same_site(headers, host, is_http=is_http):
            return FOREIGN
        if not is_http:
            return None
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            return Problem(413)
        return None if _is_json(headers) else Problem(415)

    def _same_site(self, headers: Headers, host: str, *, is_http: bool) -> bool:
        # Programs send neither header; browsers send Origin with every unsafe method
        # and with every websocket, and pages cannot forge it (Fetch standard §3.2).
        origin = headers.get("origin")
        scheme = "https" if self._https else "http"
        if origin is not None and origin.lower() != f"{scheme}://{host}":
            return False
        # What browsers say of a websocket's site differs; its Origin is enough.
        return _fetched_here(headers) if is_http or origin is None else True

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)  # a report brings a stricter one
                if self._hsts:
                    headers["strict-transport-security"] = HSTS
                if scope["path"].startswith(("/api/", "/healthz", "/readyz")):
                    headers["cache-control"] = "no-store"
            await send(message)

        return send_with_headers


def _fetched_here(headers: Headers) -> bool:
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _is_json(headers: Headers) -> bool:
    # A page anywhere can post a form, or text, without asking first; JSON it cannot.
    kind = headers.get("content-type")
    if kind is None:
        has_body = "transfer-encoding" in headers
        return not has_body and headers.get("content-length", "0") == "0"
    return kind.partition(";")[0].strip().lower() == "application/json"


class _Body:
    # Counts what really arrives: Content-Length may be absent.

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._size = 0
        self._answered = False

    async def handled_by(self, app: ASGIApp, scope: Scope) -> None:
        self._scope = scope
        await app(scope, self._counted, self._unless_answered)

    async def _counted(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size <= MAX_BODY_BYTES:
            return message
        if not self._answered:
            self._answered = True
            await Problem(413).response()(self._scope, self._receive, self._send)
        return {"type": "http.disconnect"}

    async def _unless_answered(self, message: Message) -> None:
        if not self._answered:
            await self._send(message)
