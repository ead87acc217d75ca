"""RR intervals as Elite HRV exports them: no header, no time, one a line, in ms.

The time of such a file is in its name, ``YYYY-MM-DD HH-MM-SS.txt``; here UTC.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from biofeedback.recording.exporters.kubios import write_intervals
from biofeedback.recording.exporters.options import Exported, ExportOptions, iso_utc

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NAME = "elite-hrv"
TITLE = "Elite HRV (RR intervals as text)"
FOLDER = True


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write the folder ``out`` with all intervals, the normal ones, and their origin.

    Parameters
    ----------
    tables, options
        The recording, and what may be told of it.
    out
        A folder that is not there yet, or empty.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    """
    stamp = iso_utc(options.started_utc_ns(tables), digits=0)
    stamp = stamp.replace("T", " ").replace(":", "-").removesuffix("Z")
    files = {
        "rr": f"{stamp}.txt",
        "nn": f"{stamp} NN.txt",
        "rr_decimals": f"{stamp} 3 decimals.txt",
        "nn_decimals": f"{stamp} NN 3 decimals.txt",
    }
    return write_intervals(tables, out, options, name=NAME, files=files)
