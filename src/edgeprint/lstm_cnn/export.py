"""An LSTM-CNN model on disk, and as a Keras graph for TFLite.

save(model, folder); model = load(folder)
to_keras(model)              # raw windows [1, t, d] -> [1, k]: softmax over the categories
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from edgeprint.errors import BadArtifact
from edgeprint.keras_twin import dense, standardise, weighted
from edgeprint.lstm_cnn.network import LstmCnnNetwork, Model
from edgeprint.schema import FeatureSchema

if TYPE_CHECKING:
    import keras

FACTS = ("labels", "held_out", "split", "left_out")


def save(model: Model, folder: Path) -> None:
    """Write weights.pt and model.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.network.state_dict(), folder / "weights.pt")
    facts = {name: getattr(model, name) for name in FACTS}
    facts |= {"window": model.network.window, "schema": model.schema.to_dict()}
    (folder / "model.json").write_text(json.dumps(facts, indent=1))


def load(folder: Path) -> Model:
    """Read what `save` wrote; equal weights, so equal predictions. Raises BadArtifact."""
    try:
        facts = json.loads((folder / "model.json").read_text())
        weights = torch.load(folder / "weights.pt", weights_only=True)
        schema = FeatureSchema.from_dict(facts["schema"])
        units = weights["lstm.weight_hh_l0"].shape[1]
        network = LstmCnnNetwork(len(schema.columns), facts["window"], len(facts["labels"]), units=units)
        network.load_state_dict(weights)
        return Model(network.eval(), schema=schema, **{name: facts[name] for name in FACTS})
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise BadArtifact(f"{folder} holds no LSTM-CNN model: {error}") from error


def to_keras(model: Model) -> keras.Model:
    """The same network with the same weights in Keras, batch size 1, its LSTM unrolled for TFLite."""
    import keras
    from keras import layers

    network = model.network
    raw = keras.Input((network.window, len(model.schema.columns)), batch_size=1, name="segments")
    x = standardise(network.standardise, raw)
    for layer in range(2):
        twin = layers.LSTM(network.lstm.hidden_size, return_sequences=True, unroll=True)
        x = weighted(twin, x, *_lstm_weights(network.lstm, layer))
    image = layers.Reshape((-1, network.window, 1))(layers.Permute((2, 1))(x))  # [1, units, t, 1]
    filters = layers.Conv2D(network.convolution.out_channels, 2, activation="relu")
    maps = weighted(filters, image, network.convolution.weight.permute(2, 3, 1, 0), network.convolution.bias)
    flat = layers.Flatten()(layers.MaxPooling2D(2, padding="same")(maps))
    hidden = dense(network.hidden, flat, "relu")
    return keras.Model(raw, dense(network.output, hidden, "softmax"), name="lstm_cnn")


def _lstm_weights(lstm: nn.LSTM, layer: int) -> list[torch.Tensor]:
    """Kernel [in, 4u], recurrent kernel [u, 4u], bias [4u]; gates in both are input, forget, cell, output."""
    parts = {
        name: getattr(lstm, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    return [parts["weight_ih"].T, parts["weight_hh"].T, parts["bias_ih"] + parts["bias_hh"]]
