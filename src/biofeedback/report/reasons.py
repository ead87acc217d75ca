"""Why something is not known, in a sentence each."""

from __future__ import annotations

USUAL_DAYS = 28
LEAST_USUAL = 3
"""Below three practices nobody knows what is usual."""

NO_RECORDING = "The recording is gone or cannot be read."
NO_PRACTICE = "No practice was marked in this session."
NO_PACE = "No pace was on screen."
NOT_FOLLOWED = "Too little clean signal to measure the breath."
NO_BREATHS = "Fewer than three clean breaths with the pacer."
NOT_ASKED = "Not answered."
SHORT = "Fewer than 30 s of clean beats."
FEW_USUAL = (
    f"Fewer than {LEAST_USUAL} practices with a known amplitude in the {USUAL_DAYS} "
    "days before."
)
NOT_ALIKE = "No practice was marked, so this is not compared with the usual."
KEPT_BACK = "Left out: this report is de-identified."
