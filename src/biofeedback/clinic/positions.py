"""How far a hub has read the log: remembered only once what it read is on its disk."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from biofeedback.recording import durable

_LOGGER = logging.getLogger(__name__)

NAME = "positions.json"


class Positions:
    """The positions of one hub, by partition of the log, in one small file.

    A file that is lost or damaged costs time, and nothing else: what is read again is
    known already.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._kept: dict[int, int] = {}

    def open(self) -> None:
        """Read what was remembered. Blocks.

        Raises
        ------
        OSError
            When the disk refuses.
        """
        try:
            self._kept = msgspec.json.decode(
                self._path.read_bytes(), type=dict[int, int]
            )
        except FileNotFoundError:
            self._kept = {}
        except (msgspec.MsgspecError, UnicodeDecodeError):
            _LOGGER.warning("%s is damaged; the log is read from its beginning", NAME)
            self._kept = {}

    def of(self, partition: int) -> int:
        """Return up to where a partition was read; 0 where nothing was."""
        return self._kept.get(partition, 0)

    def keep(self, reached: Mapping[int, int]) -> None:
        """Remember how far these partitions have been read. Blocks.

        Raises
        ------
        OSError
            When it cannot be written: what was remembered before still is.
        """
        kept = {**self._kept, **reached}
        if kept != self._kept:
            durable.replace(self._path, msgspec.json.encode(kept))
            self._kept = kept
