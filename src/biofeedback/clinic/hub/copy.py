"""The copy of one session as a running hub knows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from biofeedback.clinic.copy_writer import CopyWriter
from biofeedback.clinic.fates import TOO_LATE, Fate
from biofeedback.clinic.messages import Kept
from biofeedback.recording.compaction import PART_SUFFIX

JOURNAL, ANEW = f".mcap{PART_SUFFIX}", f".anew.mcap{PART_SUFFIX}"

ASK_AGAIN_AFTER_S = (30.0, 3600.0)
"""A home is asked for the same session no sooner; each time twice as long."""


@dataclass(eq=False)
class Copy:
    """One copy: its journal while it comes in, its fate once it has ended.

    Who changes it has its ``turn``. ``is_anew``: a whole new copy comes in beside one
    that is not what the home recorded. ``looked``: what the disk has of it is known.
    """

    home: str
    session: str
    folder: Path
    writer: CopyWriter | None = None
    fate: Fate | None = None
    is_anew: bool = False
    looked: bool = False
    blocked_until_ns: int = 0
    touched_ns: int = 0
    asked_ns: int | None = None
    wait_s: float = ASK_AGAIN_AFTER_S[0]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def journal(self) -> Path:
        """What comes in of it."""
        return self.folder / f"{self.session}{JOURNAL}"

    @property
    def anew(self) -> Path:
        """What comes in of it the second time."""
        return self.folder / f"{self.session}{ANEW}"

    @property
    def is_to_finish(self) -> bool:
        """Whether it has ended, and is not a finished recording yet."""
        return self.fate is not None and not self.fate.done

    @property
    def kept(self) -> Kept | None:
        """What may be told of it: only what is on the disk."""
        if (fate := self.fate) is not None:
            if fate.silent:
                return Kept(last=fate.last, state="refused", why=TOO_LATE)
            return Kept(last=fate.last, state="complete" if fate.done else "open")
        return None if self.writer is None else Kept(last=self.writer.safe)
