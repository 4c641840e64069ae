"""The folder of a model: the same one is the MLflow artifact, the TUF target and what a Pi self-tests.

model.tflite   the network, batch size 1
schema.json    the feature schema and its hash
card.json      family, name, labels, thresholds, preprocessing, what it was trained on
golden.npz     inputs [g, ...] with the outputs [g, k] that they must give

write(folder, tflite=..., card=..., schema=..., golden=(inputs, outputs))
artifact = read(folder)
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadArtifact
from edgeprint.schema import FeatureSchema

FILES = ("model.tflite", "schema.json", "card.json", "golden.npz")
# What json, numpy and zipfile raise of a file that a disk has changed, were it in one bit of its directory.
DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class ModelCard:
    """What a model is and where it comes from; JSON values only.

    `preprocessing` is what an agent needs to make inputs (binary: height, width, bin_seconds, normalisation).
    `data`: version (DVC hash), simulated (bool), source, trained_on (interval names). `export`: which kind of
    TFLite this is (float32, dynamic-range, int8) and what was measured of each kind.
    """

    family: str  # cclp, lstm-cnn or binary
    name: str  # registered name: cclp, lstm-cnn, binary.<device>
    labels: list[str]  # what each output is
    input_shape: list[int]  # without the batch axis
    schema_hash: str
    thresholds: dict[str, float] = field(default_factory=dict)
    preprocessing: dict[str, float | int | str] = field(default_factory=dict)
    data: dict[str, object] = field(default_factory=dict)
    git_revision: str = ""
    export: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    folder: Path
    card: ModelCard
    schema: FeatureSchema
    golden_inputs: NDArray[np.float32]
    golden_outputs: NDArray[np.float32]

    @property
    def tflite(self) -> bytes:
        return (self.folder / "model.tflite").read_bytes()


def write(
    folder: Path,
    *,
    tflite: bytes,
    card: ModelCard,
    schema: FeatureSchema,
    golden: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> Artifact:
    """Write the four files and read them back. Raises BadArtifact when the card names another schema."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(tflite)
    (folder / "schema.json").write_text(json.dumps(schema.to_dict(), indent=1))
    (folder / "card.json").write_text(json.dumps(asdict(card), indent=1))
    np.savez(folder / "golden.npz", inputs=golden[0].astype("f4"), outputs=golden[1].astype("f4"))
    return read(folder)


def read(folder: Path) -> Artifact:
    """Read and check a model's folder. Raises BadArtifact with what is missing or contradicts itself."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise BadArtifact(f"{folder} lacks {', '.join(missing)}")
    try:
        card = ModelCard(**json.loads((folder / "card.json").read_text()))
        stored = json.loads((folder / "schema.json").read_text())
        schema = FeatureSchema.from_dict(stored)
        with np.load(folder / "golden.npz", allow_pickle=False) as golden:
            inputs, outputs = golden["inputs"], golden["outputs"]
    except DAMAGED as error:
        raise BadArtifact(f"{folder} cannot be read: {error}") from error
    if not schema.hash == stored["hash"] == card.schema_hash:
        raise BadArtifact(
            f"{folder}: the card names schema {card.schema_hash[:12]}, the folder holds {schema.hash[:12]}"
        )
    return Artifact(folder, card, schema, inputs, outputs)


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the four files."""
    total = hashlib.sha256()
    for name in FILES:
        total.update(name.encode() + hashlib.sha256((folder / name).read_bytes()).digest())
    return total.hexdigest()
