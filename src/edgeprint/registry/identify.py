"""Which device is this? All models of a family of devices as one: a ranking of what they say.

    model = load(folder)                          # a folder with an artifact folder for each device
    model.predict(columns)                        # [{"device": ..., "confidence": ..., ...}, ...] best first
    rank(columns, model.members)

`columns` [k, h] are consecutive spectrogram columns of one device, the oldest first. MLflow serves it:

    mlflow models serve -m models:/identify@champion -p 5001 --env-manager local
    POST /invocations {"inputs": [[...h numbers...], ...]}
    -> {"predictions": [{"device": "camera-a", "confidence": 0.97, "category": "camera", "iot": true}, ...]}

`iot` says whether the device's own model recognises the columns: true of a stranger's for none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.binary import features
from edgeprint.errors import BadArtifact, NotEnoughData
from edgeprint.litert import Runner

MOST_SAMPLES = 32  # windows of a device's columns that each model is asked about
INDEX = "identify.txt"  # marks a folder of models, one name a line


@dataclass(frozen=True)
class Candidate:
    """What one device's model says: its mean confidence, and whether that reaches its threshold."""

    device: str
    confidence: float
    category: str
    iot: bool


@dataclass(frozen=True)
class Member:
    """One device's model."""

    artifact: Artifact
    runner: Runner

    @classmethod
    def of(cls, stored: Artifact) -> Member:
        return cls(stored, Runner(stored.tflite))

    @property
    def device(self) -> str:
        return self.artifact.card.labels[0]

    @property
    def width(self) -> int:
        return int(self.artifact.card.preprocessing["width"])

    def says(self, columns: NDArray[np.float32]) -> Candidate:
        """Of columns [k, h]. Raises NotEnoughData, and BadArtifact for columns of another height."""
        confidence = float(self.confidences(columns).mean())
        categories: Any = self.artifact.card.data.get("categories", {})
        threshold = self.artifact.card.thresholds.get("recognised", 0.5)
        category = str(categories.get(self.device, "unknown"))
        return Candidate(self.device, confidence, category, confidence >= threshold)

    def starts(self, columns: int, most: int = MOST_SAMPLES) -> NDArray[np.int64]:
        """Where at most so many windows [n] of so many columns begin, evenly spaced."""
        last = columns - self.width
        return np.linspace(0, last, min(most, last + 1)).astype("i8")

    def confidences(self, columns: NDArray[np.float32], most: int = MOST_SAMPLES) -> NDArray[np.float32]:
        """Of at most so many windows [n], evenly spaced over the columns [k, h]."""
        height = len(self.artifact.schema.columns)
        if columns.ndim != 2 or columns.shape[1] != height:
            raise BadArtifact(f"columns of shape {columns.shape} given, the models take rows of {height}")
        if len(columns) < self.width:
            raise NotEnoughData(f"{len(columns)} columns are given, a sample takes {self.width}")
        samples = features.samples(columns, self.width, self.starts(len(columns), most))
        how = str(self.artifact.card.preprocessing["normalisation"])
        return self.runner(features.normalise(samples, how)[..., None])[:, 0]


def rank(columns: NDArray[np.float32], members: Mapping[str, Member]) -> list[Candidate]:
    """What every model says of columns [k, h], the most confident first. Raises as Member.says."""
    found = [member.says(columns) for member in members.values()]
    return sorted(found, key=lambda candidate: (-candidate.confidence, candidate.device))


@dataclass(frozen=True)
class Identify:
    members: dict[str, Member]

    def predict(self, data: Any, params: dict | None = None) -> list[dict[str, Any]]:
        """The ranking of columns [k, h], an array or a DataFrame; what MLflow answers a request with."""
        from mlflow.exceptions import MlflowException

        try:
            return [asdict(candidate) for candidate in rank(np.asarray(data, "f4"), self.members)]
        except (NotEnoughData, BadArtifact) as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


def is_stored_in(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def load(folder: Path) -> Identify:
    """The models of a folder that `registry.flavor.save_identify` has written. Raises BadArtifact."""
    names = (folder / INDEX).read_text().split()
    return Identify({name: Member.of(artifact.read(folder / name)) for name in names})
