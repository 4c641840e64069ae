"""A CCLP model on disk, and as a Keras graph for TFLite.

save(model, folder); model = load(folder)
to_keras(model)              # raw features [1, d] -> [1, C + 1]: softmax over the devices, then P(IoT)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from edgeprint.cclp.calibrate import Calibration
from edgeprint.cclp.network import CclpNetwork, Model
from edgeprint.errors import BadArtifact
from edgeprint.keras_twin import dense, standardise, weighted
from edgeprint.schema import FeatureSchema

if TYPE_CHECKING:
    import keras


def save(model: Model, folder: Path) -> None:
    """Write weights.pt and model.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.network.state_dict(), folder / "weights.pt")
    found = model.calibration
    facts = {
        "devices": model.devices,
        "left_out": model.left_out,
        "schema": model.schema.to_dict(),
        "calibration": asdict(found) | {"known": found.known.tolist()},
    }
    (folder / "model.json").write_text(json.dumps(facts, indent=1))


def load(folder: Path) -> Model:
    """Read what `save` wrote; equal weights, so equal predictions. Raises BadArtifact.

    A model saved before there was a calibration has none, and names a device for every window.
    """
    try:
        facts = json.loads((folder / "model.json").read_text())
        weights = torch.load(folder / "weights.pt", weights_only=True)
        schema = FeatureSchema.from_dict(facts["schema"])
        classes, embedding = weights["device.weight"].shape
        network = CclpNetwork(len(schema.columns), classes, embedding=embedding)
        network.load_state_dict(weights)
        calibration = _calibration(**facts.get("calibration", {}))
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise BadArtifact(f"{folder} holds no CCLP model: {error}") from error
    return Model(network.eval(), facts["devices"], schema, facts["left_out"], calibration)


def _calibration(temperature: float = 1.0, level: float = 0.0, known: Sequence[float] = ()) -> Calibration:
    return Calibration(temperature, level, np.array(known, "f8"))


def to_keras(model: Model) -> keras.Model:
    """The same network with the same weights in Keras, batch size 1; the device head is calibrated."""
    import keras
    from keras import layers, ops

    network = model.network
    raw = keras.Input((len(model.schema.columns),), batch_size=1, name="features")
    x = layers.Reshape((-1, 1))(standardise(network.standardise, raw))  # [1, d, 1]
    for layer in network.body:
        x = _same(layer, x)
    z = layers.GlobalAveragePooling1D()(x)
    device, iot = (dense(head, z, "softmax") for head in (_calibrated(model), network.iot))
    return keras.Model(raw, ops.concatenate([device, iot[:, 1:]], axis=1), name="cclp")


def _calibrated(model: Model) -> nn.Linear:
    """The device head with its logits divided by the temperature."""
    head = deepcopy(model.network.device)
    with torch.no_grad():
        for number in head.parameters():
            number.div_(model.calibration.temperature)
    return head


def _same(layer: nn.Module, x: Any) -> Any:
    """What a layer of the body does, on a Keras tensor [1, length, channels]."""
    from keras import layers

    if isinstance(layer, nn.Conv2d):
        padded = layers.ZeroPadding1D(1)(x)
        twin = layers.Conv1D(layer.out_channels, 3, strides=layer.stride[1], use_bias=False)
        return weighted(twin, padded, layer.weight[:, :, 0].permute(2, 1, 0))
    if isinstance(layer, nn.BatchNorm2d):
        twin = layers.BatchNormalization(epsilon=layer.eps)
        return weighted(twin, x, layer.weight, layer.bias, layer.running_mean, layer.running_var)
    return layers.MaxPooling1D(2)(x) if isinstance(layer, nn.MaxPool2d) else layers.ELU()(x)
