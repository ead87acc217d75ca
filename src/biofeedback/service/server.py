"""Runs the service in this process until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import errno
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import msgspec
import uvicorn
from fastapi import FastAPI

from biofeedback.errors import BiofeedbackError, SettingsError
from biofeedback.service import tls
from biofeedback.service.app import create_app, running
from biofeedback.service.composition import create_context
from biofeedback.service.connections import (
    ConnectionLimits,
    Door,
    PatientHttp,
    Seat,
)
from biofeedback.service.context import Context
from biofeedback.service.pages import dashboard_folder
from biofeedback.service.privacy import keep_private
from biofeedback.service.redaction import redact
from biofeedback.service.structured_logs import name_node
from biofeedback.service.supervisor import ENDING, READY, Supervisor
from biofeedback.service.trusting import told
from biofeedback.session.driver import Driver
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.settings import Settings
from biofeedback.store import DataLock, Role, Store

_LOGGER = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 64 * 1024
GOODBYE_S = 5
"""How long open connections may take to end after the sessions have."""

PING_S = 20.0
"""How often a websocket is asked whether anybody is there; as long again to answer."""

RENEWAL_S = 3600.0
"""How often the certificate is looked at while the service runs."""

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)

Tell = Callable[[str], None]

GARBAGE_AFTER = (5_000, 20, 10)
"""Garbage is looked for among the newest 5000 objects, the newest 100 000, and all
after each million. To look through all that 700 viewers hold takes a fifth of a second;
by Python's own (700, 10, 10) that came every ten seconds. What nothing but this finds,
old connections above all, stays up to a million objects: some 150 MB at most."""


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
    SettingsError
        When others are to reach the service, and nobody is its admin, or there is no
        certificate to show them.
    """

    def ready(url: str) -> None:
        # What was imported stays: were it looked through each time that garbage is
        # looked for, all viewers would wait for a tenth of a second and more.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_AFTER)
        on_ready(url)

    redact(logging.getLogger())
    with DataLock(settings.data):
        if keep_private(settings.data):
            on_notice(
                f"Others on this computer could look into {settings.data}. Now only "
                "you can."
            )
        listener = listen(settings)
        port = listener.getsockname()[1]
        settings = msgspec.structs.replace(settings, port=port)
        store = Store(settings.data, settings.database)
        try:
            check_admin(settings, store)
            context = create_context(settings, store=store, drivers=drivers)
            name_node(logging.getLogger(), context.origin)
            server = _Server(
                context,
                on_ready=ready,
                on_notice=on_notice,
                supervisor=Supervisor.of(os.environ),
            )
            factory = server.config.get_loop_factory()
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(server.serve_all(listener))
        finally:
            listener.close()
            store.close()


def check_admin(settings: Settings, store: Store) -> None:
    """See to it that nobody reaches the service from elsewhere before it has an admin.

    Raises
    ------
    SettingsError
        When there is none.
    """
    reached = settings.lan is not None or settings.bus is not None
    if reached and not store.accounts.any(Role.ADMIN):
        raise SettingsError(
            "Others can sign in only after somebody looks after their accounts.",
            "Type this first: 'biofeedback user add --role admin NAME'.",
        )


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

    def __init__(
        self,
        context: Context,
        *,
        on_ready: Tell,
        on_notice: Tell,
        limits: ConnectionLimits | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        settings = context.settings
        self._supervisor = supervisor or Supervisor()
        self._limits = limits or ConnectionLimits()
        self._files: tls.Shown | None = None
        self._tls: ssl.SSLContext | None = None
        if settings.lan is not None:
            now = dt.datetime.now(dt.UTC)
            self._files = tls.shown(settings.data, settings.lan, now)
            self._tls = tls.context_of(self._files)
        authority = None if self._files is None else self._files.authority
        app = create_app(context, dashboard=dashboard_folder(), authority=authority)
        super().__init__(_config(app))
        self._context = context
        self._on_ready = on_ready
        self._on_notice = on_notice
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    async def serve_all(self, listener: socket.socket) -> None:
        reassuring = asyncio.create_task(self._supervisor.reassure())
        try:
            async with running(self._context):
                await self.serve(sockets=[listener])
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            reassuring.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # In place of Uvicorn's, which sets no limits to who connects.
        await self.lifespan.startup()
        self.doors = [
            Door(
                listener,
                self._connected,
                limits=self._limits,
                tls=self._tls,
                url=self._context.settings.url,
            )
            for listener in sockets or ()
        ]
        self.servers = self.doors  # type: ignore[assignment]  # all it does is close
        self.started = True
        settings = self._context.settings
        shared = self._context.sign_ins.shared
        link = "" if shared else f"#token={self._context.sign_ins.new_link_token()}"
        self._on_ready(f"{settings.url}{link}")
        self._supervisor.tell(READY)
        self._tasks.append(asyncio.create_task(self._give_notice()))
        if self._tls is not None:
            self._tasks.append(asyncio.create_task(self._renew_in_time()))

    def _connected(self, seat: Seat) -> PatientHttp:
        return PatientHttp(
            seat,
            limits=self._limits,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    async def _give_notice(self) -> None:
        settings = self._context.settings
        if self._files is not None:
            for line in told(settings, self._files, dt.datetime.now(dt.UTC)):
                self._on_notice(line)
        if settings.begin is not None and self._context.sign_ins.shared:
            self._on_notice(
                "People have accounts here, so nothing begins by itself: sign in, and "
                "the strap that you asked for comes first on the page."
            )
        if settings.begin == SIMULATED_ID or settings.replay is not None:
            return
        radio = await self._context.straps.radio()
        if not radio.available and radio.advice:
            offer = "The simulated strap is always there."
            said = "simulated strap" in radio.advice
            self._on_notice(radio.advice if said else f"{radio.advice} {offer}")

    async def _renew_in_time(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_S)
            await self.renew(dt.datetime.now(dt.UTC))

    async def renew(self, now: dt.datetime) -> None:
        """Serve new connections with a newer certificate, if there is or must be one.

        One's own too may be replaced on the disk while the service runs.
        """
        settings = self._context.settings
        if settings.lan is None or self._tls is None:
            return
        try:
            files = await asyncio.to_thread(tls.shown, settings.data, settings.lan, now)
            await asyncio.to_thread(tls.load, self._tls, files)
        except SettingsError as error:
            _LOGGER.warning("The certificate cannot be renewed: %s", error)
            return
        if files.is_new:
            for line in told(settings, files, now):
                self._on_notice(line)

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
        here = self._context
        self._supervisor.tell(ENDING)
        here.readiness.end()
        here.conductor.refuse_new()
        # So long everybody who asks is told, and nobody else is sent here.
        await asyncio.sleep(here.settings.drain_s)
        if here.conductor.n_unfinished:
            self._on_notice("Finishing the recordings. This takes a few seconds.")
        try:
            await here.conductor.close()
        finally:
            self.should_exit = True


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,  # costs half of the CPU at many viewers
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GOODBYE_S,
    )
