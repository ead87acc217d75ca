"""The only file that imports NeuroKit2. (First version.)"""

from __future__ import annotations

import math
import warnings
from typing import Any

from biofeedback.model import RefereeValues


def referee(rr_ms: tuple[float, ...], t_s: tuple[float, ...]) -> RefereeValues:
    """Return NeuroKit2's values for NN intervals on the beat clock."""
    import neurokit2 as nk
    import numpy as np

    info = {"RRI": np.array(rr_ms), "RRI_Time": np.array(t_s)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        time = nk.hrv_time(info).iloc[0]
        frequency = nk.hrv_frequency(
            info, normalize=False, interpolation_rate=4
        ).iloc[0]

    def known(value: Any) -> float | None:
        return float(value) if math.isfinite(value) else None

    return RefereeValues(
        hr_bpm=known(60_000 / time["HRV_MeanNN"]),
        rmssd_ms=known(time["HRV_RMSSD"]),
        sdnn_ms=known(time["HRV_SDNN"]),
        pnn50_pct=known(time["HRV_pNN50"]),
        lf_ms2=known(frequency["HRV_LF"]),
        hf_ms2=known(frequency["HRV_HF"]),
    )
