"""A model's folder (edgeprint.artifact) as something that predicts.

model = load(folder)
model.predict(rows), model.artifact.card
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint import artifact
from edgeprint.litert import Runner


@dataclass(frozen=True)
class TfliteModel:
    artifact: artifact.Artifact
    runner: Runner

    def predict(self, data: Any, params: dict | None = None) -> NDArray[np.float32]:
        """Outputs [n, k] for rows [n, ...] of the card's input shape: an array or a DataFrame."""
        return self.runner(np.asarray(data, "f4"))


def load(folder: Path) -> TfliteModel:
    """Raises BadArtifact where the folder is incomplete."""
    stored = artifact.read(folder)
    return TfliteModel(stored, Runner(stored.tflite))
