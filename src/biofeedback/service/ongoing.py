"""What whoever shows a session needs of it, wherever it is run."""

from __future__ import annotations

import asyncio
from typing import Protocol

from biofeedback.model import SessionInfo
from biofeedback.session.clock import Clock
from biofeedback.session.hub import Hub


class Ongoing(Protocol):
    """A session that goes on, or that ended a short while ago.

    Of this node it is a :class:`~biofeedback.session.runner.LiveSession`; of another
    one a :class:`~biofeedback.service.elsewhere.mirror.Mirror`.
    """

    @property
    def info(self) -> SessionInfo:
        """What a screen must know of it."""
        ...

    @property
    def hub(self) -> Hub:
        """Its messages, and everyone here who watches it."""
        ...

    @property
    def clock(self) -> Clock:
        """Its time."""
        ...

    @property
    def ended(self) -> asyncio.Event:
        """Set when nothing more will come."""
        ...
