"""What systemd is told, where it runs the service: ready, alive, ending.

It hands over the address of a socket, and waits for short texts there (sd_notify(3)).
Elsewhere there is no such address, and nobody is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Mapping

from biofeedback.model import Value

READY, ALIVE, ENDING = "READY=1", "WATCHDOG=1", "STOPPING=1"


class Supervisor(Value, frozen=True):
    """Whoever started this service, and wants to know how it is.

    ``address`` is where it listens; with ``alive_within_s`` it ends a service that it
    has not heard of for so long.
    """

    address: str | None = None
    alive_within_s: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Supervisor:
        """Return the one that the environment tells of; it may be nobody."""
        within_us = environment.get("WATCHDOG_USEC", "")
        return cls(
            address=environment.get("NOTIFY_SOCKET") or None,
            alive_within_s=int(within_us) / 1e6 if within_us.isdecimal() else None,
        )

    def tell(self, state: str) -> None:
        """Tell it; whether it hears that, is its own affair."""
        if self.address is None or sys.platform == "win32":
            return
        address = self.address
        if address.startswith("@"):  # it stands in no folder (unix(7), abstract)
            address = f"\0{address[1:]}"
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to,
        ):
            to.setblocking(False)
            to.sendto(state.encode(), address)

    async def reassure(self) -> None:
        """Say again and again that the event loop turns, until cancelled."""
        if self.alive_within_s is None:
            return
        while True:
            self.tell(ALIVE)
            await asyncio.sleep(self.alive_within_s / 2)
