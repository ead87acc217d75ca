"""LSL outlets: the one place that knows ``pylsl``."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from biofeedback.errors import NotSoError, PackageError, SettingsError
from biofeedback.session.lsl.streams import About, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

BUFFER_S = 360
"""What liblsl keeps for an inlet that does not keep up; older samples are dropped."""

CONFIG_VARIABLE = "LSLAPICFG"
_CONFIG_FILES = ("lsl_api.cfg", "~/lsl_api/lsl_api.cfg", "/etc/lsl_api/lsl_api.cfg")
_TURN_S = 0.1
_QUIET = "[log]\nlevel = -2\n"
"""Errors only: liblsl greets everybody on stderr (levels as in loguru)."""

STAMPS = (
    "Stamps are LSL's local clock at the sample's own time, not at its sending: the "
    "offset to the session's clock is fixed when sending begins."
)
STAMPS_OF_REPLAY = (
    " This is a replay: its stamps are those of the virtual clock, so distances are "
    "the recorded ones divided by the speed."
)


def load() -> ModuleType:
    """Return the module ``pylsl``; takes some 0.2 s the first time.

    Raises
    ------
    SettingsError
        When it, or the library it needs, is not installed.
    """
    try:
        import pylsl
    except ImportError as error:
        raise PackageError("Sending by LSL", "pylsl", "lsl") from error
    except (OSError, RuntimeError) as error:
        raise SettingsError(
            "The package pylsl finds no library liblsl for this computer.",
            "Install liblsl, or name its file in PYLSL_LIB.",
        ) from error
    if not _configured():
        # Counts only before the first other call of the library; from 1.17.7 on.
        with contextlib.suppress(NotImplementedError):
            pylsl.set_config_content(_QUIET)
    module: ModuleType = pylsl
    return module


def _configured() -> bool:
    # Whoever has a file of liblsl's own means it: nothing may be put in its place.
    return CONFIG_VARIABLE in os.environ or any(
        Path(name).expanduser().is_file() for name in _CONFIG_FILES
    )


class Outlet:
    """One stream that others can receive. Pushing takes microseconds."""

    def __init__(self, lsl: ModuleType, about: About, stream: Stream) -> None:
        self.stream = stream
        info = _described(lsl, about, stream)
        try:
            self._outlet: Any = lsl.StreamOutlet(info, max_buffered=BUFFER_S)
        except RuntimeError as error:
            raise NotSoError(
                f"The LSL stream {stream.kind} could not be opened.",
                "Close other programs that send by LSL, or look at the ports in "
                "lsl_api.cfg.",
            ) from error

    def push(self, values: Sequence[float | str], stamp_s: float) -> None:
        """Send one sample."""
        self._outlet.push_sample(values, stamp_s)

    def push_many(self, values: NDArray[np.generic], stamps_s: Sequence[float]) -> None:
        """Send samples, each with its stamp; ``values`` has shape (n, channels)."""
        self._outlet.push_chunk(values, stamps_s)

    def received(self) -> bool:
        """Say whether anybody receives it now."""
        return bool(self._outlet.have_consumers())

    def wait_for_inlet(self, seconds: float) -> bool:
        """Wait until somebody receives it; say whether anybody does. Blocks."""
        return bool(self._outlet.wait_for_consumers(seconds))

    def close(self) -> None:
        """Take the stream off the network; takes some 30 ms."""
        self._outlet = None


class Outlets:
    """The outlets of one session.

    Parameters
    ----------
    about
        Whose they are.
    streams
        Those to open now; others follow by :meth:`add`.

    Raises
    ------
    SettingsError
        When ``pylsl`` cannot be used.
    NotSoError
        When a stream cannot be opened.
    """

    def __init__(self, about: About, streams: Iterable[Stream]) -> None:
        self.about = about
        self._lsl = load()
        self._outlets: dict[str, Outlet] = {}
        for stream in streams:
            self.add(stream)

    @property
    def local_clock(self) -> Callable[[], float]:
        """LSL's clock on this machine, in seconds."""
        clock: Callable[[], float] = self._lsl.local_clock
        return clock

    def of(self, stream: Stream) -> Outlet | None:
        """Return the outlet of a stream, if it is open."""
        return self._outlets.get(stream.kind)

    def add(self, stream: Stream) -> Outlet:
        """Open one more stream: about a millisecond."""
        outlet = self._outlets[stream.kind] = Outlet(self._lsl, self.about, stream)
        return outlet

    async def wait_for_inlets(self, seconds: float) -> bool:
        """Wait until somebody receives each of them; say whether anybody does."""
        end_s = self.local_clock() + seconds
        for outlet in list(self._outlets.values()):
            while not outlet.received():
                if self.local_clock() >= end_s:
                    return False
                # In short turns: a thread that waits cannot be interrupted.
                await asyncio.to_thread(outlet.wait_for_inlet, _TURN_S)
        return True

    @property
    def received(self) -> bool:
        """Whether anybody receives one of them now."""
        return any(outlet.received() for outlet in self._outlets.values())

    async def close(self) -> None:
        """Take all streams off the network."""
        outlets = list(self._outlets.values())
        self._outlets.clear()
        await asyncio.gather(*(asyncio.to_thread(outlet.close) for outlet in outlets))


def _described(lsl: ModuleType, about: About, stream: Stream) -> object:
    # The layout of the description is XDF's convention for metadata.
    info = lsl.StreamInfo(
        name=about.name_of(stream),
        type=stream.type,
        channel_count=len(stream.channels),
        # What arrives in a second of LSL's clock: a replay is faster than its heart.
        nominal_srate=stream.rate_hz * about.speed,
        channel_format=stream.format,
        source_id=about.source_id_of(stream),
    )
    desc = info.desc()
    channels = desc.append_child("channels")
    for channel in stream.channels:
        child = channels.append_child("channel")
        child.append_child_value("label", channel.label)
        child.append_child_value("unit", channel.unit)
        child.append_child_value("type", stream.type)
    desc.append_child("acquisition").append_child_value("model", about.device)
    ours = desc.append_child("biofeedback")
    values = {
        "session": about.session,
        "simulated": "true" if about.simulated else "false",
        "replay": "true" if about.replay else "false",
        "speed": f"{about.speed:g}",
        "software": about.software,
        "algorithm": about.algorithm,
        "rate_of_session_hz": f"{stream.rate_hz:g}",
        "note": stream.note,
        "stamps": STAMPS + (STAMPS_OF_REPLAY if about.replay else ""),
    }
    if about.replay_of is not None:
        values["replay_of"] = about.replay_of
    for key, value in values.items():
        ours.append_child_value(key, value)
    return info
