"""Runs the service in this process until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import msgspec
import uvicorn
from fastapi import FastAPI

from biofeedback.errors import BiofeedbackError, SettingsError
from biofeedback.service.app import create_app, create_context, running
from biofeedback.service.context import Context
from biofeedback.service.pages import dashboard_folder
from biofeedback.session.driver import Driver
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.settings import Settings
from biofeedback.store import DataLock, Store

_LOGGER = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 64 * 1024
GOODBYE_S = 5
"""How long open connections may take to end after the sessions have."""

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)

Tell = Callable[[str], None]


def serve(
    settings: Settings,
    *,
    drivers: Sequence[Driver],
    on_ready: Tell,
    on_notice: Tell,
) -> None:
    """Serve until Ctrl-C or a polite kill, then end all sessions in order.

    Parameters
    ----------
    settings
        What to run with; port 0 takes a free one.
    drivers
        The simulated one and all radios.
    on_ready
        Told the address with its one-time sign-in token, once requests are answered.
    on_notice
        Told what a person should know besides, a sentence at a time.

    Raises
    ------
    BiofeedbackError
        When the data folder or the port is in use, or the store cannot be opened.
    """
    with DataLock(settings.data):
        listener = listen(settings)
        port = listener.getsockname()[1]
        settings = msgspec.structs.replace(settings, port=port)
        store = Store(settings.data)
        try:
            context = create_context(settings, store=store, drivers=drivers)
            server = _Server(context, on_ready=on_ready, on_notice=on_notice)
            factory = server.config.get_loop_factory()
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(server.serve_all(listener))
        finally:
            listener.close()
            store.close()


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens where ``settings`` say.

    Raises
    ------
    BiofeedbackError
        When the port is in use or may not be used.
    SettingsError
        When this computer does not have that address.
    """
    host, port = settings.host, settings.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # 'localhost' may mean both; the link that is printed says 127.0.0.1.
        family, kind, protocol, _, address = min(
            found, key=lambda info: info[0] != socket.AF_INET
        )
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _no_address(host) from error
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _explained(error, host, port) from error
    listener.setblocking(False)
    return listener


def _explained(error: OSError, host: str, port: int) -> BiofeedbackError:
    if error.errno == errno.EADDRINUSE:
        return BiofeedbackError(
            f"Port {port} is in use.",
            "Another biofeedback service may be running: use that one, or choose "
            "another port with --port.",
        )
    if error.errno == errno.EACCES:
        return BiofeedbackError(
            f"This program may not use port {port}.",
            "Choose one above 1023 with --port.",
        )
    return _no_address(host)


def _no_address(host: str) -> SettingsError:
    return SettingsError(
        f"This computer does not have the address '{host}'.",
        "Leave out --host to listen on 127.0.0.1.",
    )


class _Server(uvicorn.Server):
    """Uvicorn that ends the sessions first, while viewers can still be told."""

    def __init__(self, context: Context, *, on_ready: Tell, on_notice: Tell) -> None:
        super().__init__(_config(create_app(context, dashboard=dashboard_folder())))
        self._context = context
        self._on_ready = on_ready
        self._on_notice = on_notice
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    async def serve_all(self, listener: socket.socket) -> None:
        async with running(self._context):
            await self.serve(sockets=[listener])
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settings = self._context.settings
        token = self._context.sign_ins.new_link_token()
        self._on_ready(f"{settings.url}#token={token}")
        self._tasks.append(asyncio.create_task(self._give_notice()))

    async def _give_notice(self) -> None:
        settings = self._context.settings
        if not _is_loopback(settings.host):
            self._on_notice(
                f"The service listens on {settings.host} without encryption: others "
                "on this network could read along. Leave out --host to keep it here."
            )
        if settings.begin == SIMULATED_ID or settings.replay is not None:
            return
        radio = await self._context.straps.radio()
        if not radio.available and radio.advice:
            offer = "The simulated strap is always there."
            told = "simulated strap" in radio.advice
            self._on_notice(radio.advice if told else f"{radio.advice} {offer}")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn would raise the signal again afterwards; ending in order is success.
        loop = asyncio.get_running_loop()

        def caught(_number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.end)

        try:
            previous = {number: signal.signal(number, caught) for number in SIGNALS}
        except ValueError:  # not in the main thread: whoever runs us ends us
            yield
            return
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def end(self) -> None:
        """End everything in order; a second time, at once."""
        if self._ending:
            self.should_exit = self.force_exit = True
            return
        self._ending = True
        self._tasks.append(asyncio.create_task(self._end_in_order()))

    async def _end_in_order(self) -> None:
        if self._context.conductor.n_unfinished:
            self._on_notice("Finishing the recordings. This takes a few seconds.")
        try:
            await self._context.conductor.close()
        finally:
            self.should_exit = True


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # costs half of the CPU at many viewers
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GOODBYE_S,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
