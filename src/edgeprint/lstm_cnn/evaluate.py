"""How well an LSTM-CNN model names the category of devices, never-seen ones where there are some."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn.features import windows
from edgeprint.lstm_cnn.network import UNSEEN, Model, predict
from edgeprint.packets.inventory import Inventory
from edgeprint.params import LstmCnn, LstmCnnTrain
from edgeprint.reliability import expected_calibration_error
from edgeprint.scores import Scores

Samples = tuple[NDArray[np.object_], NDArray[np.float32], NDArray[np.int64]]
Predict = Callable[[Model, NDArray[np.float32]], NDArray[np.float32]]


def labelled_windows(
    table: FeatureTable, labels: list[str], inventory: Inventory, numbers: LstmCnnTrain
) -> Samples:
    """Device [m], windows [m, t, d] and category index [m] of the IoT devices of the categories `labels`.

    Windows without any packet are left out: silence is no evidence of a category.
    """
    place = {name: index for index, name in enumerate(labels)}
    mine = {name for name in inventory.iot if inventory[name].category in place}
    wanted = np.array([name in mine for name in table.device], bool)
    device, _, x = windows(table.select(wanted), numbers.window, numbers.overlap)
    spoken = x.any(axis=(1, 2))
    device, x = device[spoken], x[spoken]
    return device, x, np.array([place[inventory[name].category] for name in device], "i8")


def evaluate(
    model: Model, table: FeatureTable, inventory: Inventory, params: LstmCnn, *, predict: Predict = predict
) -> Scores:
    """Scores over the categories, on the model's held-out devices if it has some, else on those it learned.

    The extra figure `seen_accuracy` is of the devices that it was trained on, `ece` of those that judge it.
    `predict` may be the model's export to TFLite. Raises NotEnoughData.
    """
    device, x, label = labelled_windows(table, model.labels, inventory, params.train)
    judging = may_judge(model, device)
    if not judging.any():
        whom = f"held-out devices ({', '.join(model.held_out)})" if model.split == UNSEEN else "devices"
        raise NotEnoughData(
            f"{len(table)} segments hold no {params.train.window} consecutive ones of the LSTM-CNN's {whom}"
        )
    probabilities = predict(model, x)
    predicted = probabilities.argmax(1)
    seen = ~of(device, [*model.held_out, *model.left_out])
    right, sure = predicted == label, probabilities.max(1)
    extra = {"ece": expected_calibration_error(sure[judging], right[judging])}
    if seen.any():
        extra["seen_accuracy"] = float(right[seen].mean())
    return Scores.count(model.labels, label[judging], predicted[judging], **extra)


def may_judge(model: Model, device: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Rows [m] that may judge the model: of held-out devices, or of those it learned if none is held out."""
    return of(device, model.held_out) if model.split == UNSEEN else ~of(device, model.left_out)


def of(device: NDArray[np.object_], names: Collection[str]) -> NDArray[np.bool_]:
    """Which rows [m] belong to one of the devices."""
    return np.array([name in names for name in device], bool)
