"""A private D-Bus: a real ``dbus-daemon`` of our own, apart from the system's.

Point ``DBUS_SYSTEM_BUS_ADDRESS`` at its address, and every program takes it for the
system's bus. It is ready in about ten milliseconds.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from types import TracebackType

from dbus_fast import Message
from dbus_fast.aio import MessageBus

from biofeedback.errors import BiofeedbackError
from biofeedback.simulator.bus_folder import BusFolder

START_S = 5.0
STOP_S = 2.0

# Bleak opens one connection for each client, and the usual limit is 256 for a user:
# the 254th client would fail with a bare EOFError.
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="signal"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow eavesdrop="true"/>
{denials}  </policy>
  <limit name="max_connections_per_user">4096</limit>
  <limit name="max_completed_connections">4096</limit>
  <limit name="max_incomplete_connections">512</limit>
  <limit name="max_match_rules_per_connection">16384</limit>
  <limit name="max_replies_per_connection">16384</limit>
</busconfig>
"""  # noqa: E501


class NoDBusError(BiofeedbackError):
    """The ``dbus-daemon`` program is not there, or does not start."""


def dbus_daemon() -> str:
    """Return the path of ``dbus-daemon``.

    Raises
    ------
    NoDBusError
        If it is not installed.
    """
    path = shutil.which("dbus-daemon")
    if path is None:
        raise NoDBusError(
            "The virtual Bluetooth needs the program 'dbus-daemon', which is not here.",
            "On Debian and Ubuntu: 'sudo apt-get install dbus'.",
        )
    return path


def _bound_to_us() -> tuple[str, ...]:
    """Return the words before a command that end it with us, however we end.

    A killed process cannot tidy up. ``setpriv`` (util-linux) asks the kernel to signal
    the daemon when its parent dies; without it the daemon would be left behind by a
    SIGKILL, and only by that.
    """
    path = shutil.which("setpriv")
    return (path, "--pdeathsig", "TERM", "--") if path else ()


class PrivateBus:
    """A ``dbus-daemon`` child on a socket in a temporary folder.

    Use it as an asynchronous context manager, or call :meth:`start` and
    :meth:`stop`. It can be started again at the same ``address``.

    Parameters
    ----------
    deny
        Names that nobody may talk to: the daemon itself answers ``AccessDenied``, as
        the system's does to who is not in the group ``bluetooth``.
    """

    def __init__(self, *, deny: tuple[str, ...] = ()) -> None:
        self._folder = BusFolder()
        self._socket = self._folder.path / "bus"
        self._process: asyncio.subprocess.Process | None = None
        self._deny = deny

    @property
    def folder(self) -> Path:
        """Its temporary folder, removed by :meth:`stop`."""
        return self._folder.path

    @property
    def pid(self) -> int | None:
        """The daemon's process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def address(self) -> str:
        """What to set ``DBUS_SYSTEM_BUS_ADDRESS`` to."""
        return f"unix:path={self._socket}"

    async def start(self) -> None:
        """Start the daemon and wait until it listens.

        Raises
        ------
        NoDBusError
            If it is not installed or does not start.
        """
        config = self._write_config()
        self._socket.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *_bound_to_us(),
            dbus_daemon(),
            f"--config-file={config}",
            "--nofork",
            "--nopidfile",
            "--print-address=1",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it grumbles about limits in containers
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                # The address is printed once the socket accepts connections.
                listening = await self._process.stdout.readline()
        except TimeoutError:
            listening = b""
        if not listening:
            await self.stop_daemon()
            raise NoDBusError(
                "The private D-Bus did not start.",
                "Try 'dbus-daemon --version' to see whether it works at all.",
            )

    async def deny(self, *names: str) -> None:
        """From now on let nobody talk to these names; without any, let everybody."""
        self._deny = names
        self._write_config()
        bus = await MessageBus(bus_address=self.address).connect()
        try:
            # Answered once the new policy holds, unlike a SIGHUP.
            await bus.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface="org.freedesktop.DBus",
                    member="ReloadConfig",
                )
            )
        finally:
            bus.disconnect()
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def _write_config(self) -> Path:
        denials = "".join(
            f'    <deny send_destination="{name}"/>\n' for name in self._deny
        )
        config = self.folder / "bus.conf"
        config.write_text(
            _CONFIG.format(socket=self._socket, denials=denials), encoding="utf-8"
        )
        return config

    async def stop_daemon(self) -> None:
        """End the daemon, as when the system's bus dies; the address stays."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def stop(self) -> None:
        """End the daemon and remove its folder."""
        await self.stop_daemon()
        self._folder.remove()

    async def __aenter__(self) -> PrivateBus:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
