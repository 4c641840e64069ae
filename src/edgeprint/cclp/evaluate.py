"""How well a CCLP model names devices; a window is non-IoT where P(IoT) stays below the threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprint.cclp.network import Model, predict
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Cclp
from edgeprint.scores import Scores

NON_IOT = "non-IoT"


def decide(probabilities: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Label indices [n] from probabilities [n, C + 1]: the likeliest device, or C (non-IoT); section V."""
    device = probabilities[:, :-1].argmax(1)
    return np.where(probabilities[:, -1] >= threshold, device, probabilities.shape[1] - 1)


def truth(table: FeatureTable, devices: list[str], inventory: Inventory) -> NDArray[np.int64]:
    """Label indices [n]: place in `devices`, C for non-IoT, -1 for an IoT device that is not among them."""
    place = {name: index for index, name in enumerate(devices)}
    names, row = np.unique(table.device.astype(str), return_inverse=True)
    label = [place.get(name, -1) if inventory[name].iot else len(devices) for name in names.tolist()]
    return np.array(label, "i8")[row]


def evaluate(model: Model, table: FeatureTable, inventory: Inventory, params: Cclp) -> Scores:
    """Scores over the model's devices and non-IoT; raises NotEnoughData where no row is of either.

    Windows of IoT devices that the model never learned are left out and counted as `unknown_samples`.
    """
    label = truth(table, model.devices, inventory)
    known = label >= 0
    if not known.any():
        raise NotEnoughData(f"none of {len(table)} windows is of a device that the CCLP model knows")
    predicted = decide(predict(model, table.values[known]), params.threshold)
    unknown = float((~known).sum())
    return Scores.count([*model.devices, NON_IOT], label[known], predicted, unknown_samples=unknown)
