"""A repository of models that no runtime reads: signing does not care."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from tuf.api.metadata import Metadata

from edgeprint import artifact
from edgeprint.schema import FeatureSchema

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
SCHEMA = FeatureSchema("binary", ())


def model(folder: Path, name: str, tflite: bytes = b"weights") -> Path:
    card = artifact.ModelCard("binary", name, [name], [1], SCHEMA.hash)
    golden = np.zeros((1, 1), "f4"), np.zeros((1, 1), "f4")
    return artifact.write(folder, tflite=tflite, card=card, schema=SCHEMA, golden=golden).folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def seen_by_pis(folder: Path) -> int:
    """Version of the targets that timestamp.json leads to."""
    metadata = folder / "metadata"
    timestamp = Metadata.from_file(str(metadata / "timestamp.json")).signed
    snapshot = Metadata.from_file(str(metadata / f"{timestamp.snapshot_meta.version}.snapshot.json")).signed
    return snapshot.meta["targets.json"].version
