"""Devices that a CCLP model never learned: by one window's confidence, and by that of a run of windows.

figures = judge(model, known, strangers, inventory, params.cclp)     # tables of learned and of other devices
figures.auroc, figures.strangers_abstained

Beyond the paper, whose section VII leaves unknown devices to later work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.cclp.calibrate import confidence
from edgeprint.cclp.evaluate import truth
from edgeprint.cclp.network import Model, predict, uncalibrated
from edgeprint.errors import NotEnoughData, UnknownDevice
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Cclp, CclpUnknown
from edgeprint.reliability import auroc, expected_calibration_error, fpr_at_tpr

SHORTEST = 3  # windows of a run: two say too little


@dataclass(frozen=True)
class UnknownFigures:
    """Shares of windows (abstained) and of runs of windows (rejected by the Kolmogorov-Smirnov test)."""

    auroc: float
    fpr_at_95_tpr: float
    ece_before: float  # of the known, at temperature 1
    ece: float
    known_abstained: float  # false alarms
    strangers_abstained: float  # detected
    known_rejected: float
    strangers_rejected: float


def judge(
    model: Model, known: FeatureTable, strangers: FeatureTable, inventory: Inventory, params: Cclp
) -> UnknownFigures:
    """How well windows of learned devices are told from windows of others; both in any order.

    Raises NotEnoughData where either is empty, UnknownDevice where a device stands on the wrong side.
    """
    if not len(known) or not len(strangers):
        raise NotEnoughData(f"{len(known)} known and {len(strangers)} strangers' windows cannot be compared")
    if mixed := (set(known.devices) - set(model.devices)) | (set(strangers.devices) & set(model.devices)):
        raise UnknownDevice(f"{', '.join(sorted(mixed))} stands on the wrong side of known and strangers")
    known, strangers = known.in_stream_order(), strangers.in_stream_order()
    label = truth(known, model.devices, inventory)
    before, after = (predict(m, known.values)[:, :-1] for m in (uncalibrated(model), model))
    own, other = confidence(after), confidence(predict(model, strangers.values)[:, :-1])
    level, numbers = model.calibration.level, params.unknown
    rejected = [
        ks_rejected(scores, table, model.calibration.known, numbers)
        for scores, table in ((own, known), (other, strangers))
    ]
    return UnknownFigures(
        auroc=auroc(own, other),
        fpr_at_95_tpr=fpr_at_tpr(own, other),
        ece_before=expected_calibration_error(confidence(before), before.argmax(1) == label),
        ece=expected_calibration_error(own, after.argmax(1) == label),
        known_abstained=float((own < level).mean()),
        strangers_abstained=float((other < level).mean()),
        known_rejected=float(rejected[0].mean()) if len(rejected[0]) else float("nan"),
        strangers_rejected=float(rejected[1].mean()) if len(rejected[1]) else float("nan"),
    )


def ks_rejected(
    scores: NDArray[np.float64], table: FeatureTable, known: NDArray[np.float64], numbers: CclpUnknown
) -> NDArray[np.bool_]:
    """For each run [r] of a device's consecutive windows: are their confidences below the known ones [m]?

    `scores` [n] and `table` are in stream order. A stream shorter than `windows` is one run, if it has
    SHORTEST; runs do not overlap. Two-sample Kolmogorov-Smirnov test whose alternative is lower confidence:
    a device that the model is surer of than of the average is no stranger, and two-sided it would be one.
    """
    from scipy.stats import ks_2samp

    if not len(known):
        return np.empty(0, bool)
    runs = _runs(table, numbers.windows)
    chance = [ks_2samp(scores[run], known, alternative="greater").pvalue for run in runs]
    return np.array(chance) < numbers.alpha


def _runs(table: FeatureTable, windows: int) -> list[NDArray[np.int64]]:
    """Rows of each run: `windows` at a time of a device and capture, a rest of SHORTEST or more too."""
    streams = np.char.add(np.char.add(table.device.astype(str), "\n"), table.capture.astype(str))
    starts = np.flatnonzero(streams[1:] != streams[:-1]) + 1
    pieces = [
        stream[at : at + windows]
        for stream in np.split(np.arange(len(table)), starts)
        for at in range(0, len(stream), windows)
    ]
    return [piece for piece in pieces if len(piece) >= SHORTEST]
