"""What is compared between two intervals: the features, the energies of spectrograms, and what models say.

for name, (then, now) in pairs(trainer, entries, reference, index).items(): report.compare(then, now, limits)

A view is a table of its own columns, so that all are compared and drawn alike.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.drift.energies import energies
from edgeprint.feature_table import FeatureTable
from edgeprint.litert import Runner
from edgeprint.lstm_cnn import features as segments
from edgeprint.registry.identify import Member
from edgeprint.schema import Column, FeatureSchema
from edgeprint.stages.train import Trainer

Pair = tuple[FeatureTable, FeatureTable]
FEATURES, ENERGIES, PREDICTIONS = "features", "energies", "predictions"
MOST_WINDOWS = 200  # of a device and interval that its own model is asked about


def pairs(trainer: Trainer, entries: dict[str, dict], reference: int, index: int) -> dict[str, Pair]:
    """Each view of a method's rows then and now; `entries` are the models of the reference in runs.json."""
    data = trainer.data
    rows = [data.table.select(data.interval == i) for i in (reference, index)]
    found = {FEATURES: (rows[0], rows[1])}
    if trainer.key == "binary":
        found[ENERGIES] = (energies(rows[0]), energies(rows[1]))
    models = [artifact.read(trainer.workspace.root / e["folder"] / "artifact") for e in entries.values()]
    told = [predictions(models, table) for table in rows]
    if told[0] is not None and told[1] is not None:
        found[PREDICTIONS] = (told[0], told[1])
    return found


def predictions(models: list[Artifact], table: FeatureTable) -> FeatureTable | None:
    """What the exported models say of the rows, a column an output; None where nothing can be asked.

    A device's own model is asked about windows of that device alone: whether it still is itself.
    """
    parts = [part for model in models for part in _of_family(model, table) if len(part)]
    return FeatureTable.concatenate(parts) if parts else None


def _of_family(model: Artifact, table: FeatureTable) -> Iterator[FeatureTable]:
    if model.card.family == "binary":
        mine = table.select(table.device == model.card.labels[0])
        member = Member.of(model)
        if len(mine) >= member.width:
            starts = member.starts(len(mine), MOST_WINDOWS)
            said = member.confidences(mine.values, MOST_WINDOWS)[:, None]
            yield _table(["confidence"], mine.device[starts], mine.start_ns[starts], said)
    elif model.card.family == "lstm-cnn":
        window = int(model.card.preprocessing["window"])
        device, start_ns, x = segments.windows(table, window, window // 2)
        yield _table(model.card.labels, device, start_ns, Runner(model.tflite)(x))
    else:
        said = Runner(model.tflite)(table.values)
        yield _table(model.card.labels, table.device, table.start_ns, said)


def _table(labels: list[str], device: np.ndarray, start_ns: np.ndarray, said: np.ndarray) -> FeatureTable:
    columns = tuple(Column(label, "1", "both", "what the model says") for label in labels)
    capture = np.full(len(device), "", object)
    return FeatureTable(FeatureSchema(PREDICTIONS, columns), device, capture, start_ns, said)
