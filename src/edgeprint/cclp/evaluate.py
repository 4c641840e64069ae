"""How well a CCLP model names devices; a window is non-IoT where P(IoT) stays below the threshold.

decide(probabilities, 0.7)               # as in the paper: a device or non-IoT
decide(probabilities, 0.7, level)        # or unknown: of a device that the model never learned
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeprint.cclp.calibrate import confidence
from edgeprint.cclp.network import Model, predict
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Cclp
from edgeprint.reliability import auroc, expected_calibration_error, fpr_at_tpr
from edgeprint.scores import Scores

NON_IOT = "non-IoT"
Predict = Callable[[Model, NDArray[np.float32]], NDArray[np.float32]]


def decide(probabilities: NDArray[np.float32], threshold: float, level: float = 0.0) -> NDArray[np.int64]:
    """Label indices [n] from probabilities [n, C + 1]: the likeliest device, or C (non-IoT); section V.

    C + 1 (unknown) where the window is of IoT, but its confidence is below `level`: beyond the paper.
    """
    classes = probabilities.shape[1] - 1
    device = probabilities[:, :-1].argmax(1)
    named = np.where(confidence(probabilities[:, :-1]) >= level, device, classes + 1)
    return np.where(probabilities[:, -1] >= threshold, named, classes)


def truth(table: FeatureTable, devices: list[str], inventory: Inventory) -> NDArray[np.int64]:
    """Label indices [n]: place in `devices`, C for non-IoT, -1 for an IoT device that is not among them."""
    place = {name: index for index, name in enumerate(devices)}
    names, row = np.unique(table.device.astype(str), return_inverse=True)
    label = [place.get(name, -1) if inventory[name].iot else len(devices) for name in names.tolist()]
    return np.array(label, "i8")[row]


def evaluate(
    model: Model, table: FeatureTable, inventory: Inventory, params: Cclp, *, predict: Predict = predict
) -> Scores:
    """Scores over the model's devices and non-IoT; raises NotEnoughData where no row is of either.

    Scores are of the paper's decision, a device or non-IoT. Windows of IoT devices that the model never
    learned are left out and counted as `unknown_samples`; `extra` says how well they are told from the known.
    `predict` may be the model's export to TFLite.
    """
    label = truth(table, model.devices, inventory)
    known = label >= 0
    if not known.any():
        raise NotEnoughData(f"none of {len(table)} windows is of a device that the CCLP model knows")
    probabilities = predict(model, table.values)
    predicted = decide(probabilities[known], params.threshold)
    extra = reliability(model, probabilities[:, :-1], label)
    return Scores.count([*model.devices, NON_IOT], label[known], predicted, **extra)


def reliability(model: Model, softmax: NDArray[np.float32], label: NDArray[np.int64]) -> dict[str, float]:
    """Figures of the calibrated softmax [n, C] over the devices, at labels [n] as in `truth`.

    `ece` and `abstained` are of windows of learned devices; the figures of unknown ones come with them only.
    """
    sure, classes = confidence(softmax), softmax.shape[1]
    own, unknown = (label >= 0) & (label < classes), label < 0
    found = {"unknown_samples": float(unknown.sum())}
    if own.any():
        right = softmax[own].argmax(1) == label[own]
        found["ece"] = expected_calibration_error(sure[own], right)
        found["abstained"] = float((sure[own] < model.calibration.level).mean())
    if own.any() and unknown.any():
        found["unknown_auroc"] = auroc(sure[own], sure[unknown])
        found["fpr_at_95_tpr"] = fpr_at_tpr(sure[own], sure[unknown])
        found["unknown_abstained"] = float((sure[unknown] < model.calibration.level).mean())
    return found
