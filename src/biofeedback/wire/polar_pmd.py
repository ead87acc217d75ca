"""Polar's measurement service (PMD): ECG, acceleration, pulse intervals.

Commands are written to a control point, which answers by indications; samples come as
frames on a data characteristic. The parts: :mod:`.polar_pmd_settings` (vocabulary and
settings), :mod:`.polar_pmd_control` (commands and responses), :mod:`.polar_pmd_frames`
(samples), :mod:`.polar_pmd_delta` (samples packed as differences).

Parsing never raises and is bounded by the bytes; writing is its inverse.
"""

from biofeedback.wire.polar_pmd_control import (
    Command,
    Control,
    Features,
    Op,
    Response,
    Status,
    Stopped,
    UnknownControl,
    control_from_bytes,
    get_settings,
    start,
    stop,
)
from biofeedback.wire.polar_pmd_frames import (
    EPOCH_UNIX_NS,
    UNSET_CLOCK_NS,
    AccFrame,
    EcgFrame,
    Frame,
    Ppi,
    PpiFrame,
    UnknownFrame,
    Unreadable,
    frame_from_bytes,
    to_unix_ns,
)
from biofeedback.wire.polar_pmd_settings import (
    MEASUREMENTS,
    SIGNALS,
    Measurement,
    PmdAnomaly,
    Setting,
    Settings,
)

__all__ = [
    "EPOCH_UNIX_NS",
    "MEASUREMENTS",
    "SIGNALS",
    "UNSET_CLOCK_NS",
    "AccFrame",
    "Command",
    "Control",
    "EcgFrame",
    "Features",
    "Frame",
    "Measurement",
    "Op",
    "PmdAnomaly",
    "Ppi",
    "PpiFrame",
    "Response",
    "Setting",
    "Settings",
    "Status",
    "Stopped",
    "UnknownControl",
    "UnknownFrame",
    "Unreadable",
    "control_from_bytes",
    "frame_from_bytes",
    "get_settings",
    "start",
    "stop",
    "to_unix_ns",
]
