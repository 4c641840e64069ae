"""A device's model on disk, and as a Keras network for TFLite.

save(model, folder); model = load(folder)
to_keras(model)              # normalised spectrogram [1, h, w, 1] -> confidence [1, 1]
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from edgeprint.binary.network import Model, build, weight_shapes
from edgeprint.errors import BadArtifact
from edgeprint.schema import FeatureSchema

if TYPE_CHECKING:
    import keras


def save(model: Model, folder: Path) -> None:
    """Write weights.npz and model.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "weights.npz", *model.weights)
    facts = {
        "device": model.device,
        "width": model.width,
        "normalisation": model.normalisation,
        "threshold": model.threshold,
        "schema": model.schema.to_dict(),
    }
    (folder / "model.json").write_text(json.dumps(facts, indent=1))


def load(folder: Path) -> Model:
    """Read what `save` wrote; equal weights, so equal predictions. Raises BadArtifact."""
    try:
        facts = json.loads((folder / "model.json").read_text())
        facts["schema"] = FeatureSchema.from_dict(facts["schema"])
        with np.load(folder / "weights.npz", allow_pickle=False) as stored:
            weights = [stored[name] for name in stored.files]
        model = Model(weights=weights, **facts)
        if [array.shape for array in weights] != weight_shapes(model.height, model.width):
            raise ValueError(f"its weights are not of a network of {model.height}×{model.width}")
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise BadArtifact(f"{folder} holds no binary model: {error}") from error
    return model


def to_keras(model: Model) -> keras.Model:
    """The network with the model's weights, batch size 1."""
    network = build(model.height, model.width, seed=0, batch_size=1)
    network.set_weights(model.weights)
    return network
