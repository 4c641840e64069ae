"""What the gate is told of a model: everything measured on its exported network, as a Pi would run it.

report = compare(trainer, challenger, champion, index)
report.passed, report.table()
"""

from __future__ import annotations

from typing import Any

from edgeprint import artifact
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.litert import Runner
from edgeprint.registry import footprint, gate, tflite
from edgeprint.stages.train import Trained, Trainer


def compare(trainer: Trainer, challenger: Trained, champion: Trained | None, index: int) -> gate.GateReport:
    """Both on the later half of an interval's held-out rows; on all of them where half is too little.

    The earlier half may have chosen the challenger. Raises NotEnoughData.
    """
    limits = trainer.context.params.gate
    halves, whole = trainer.data.halves(index), trainer.data.testing(index)
    try:
        exams = [measure(trainer, each, halves[1]) for each in (challenger, champion) if each]
    except NotEnoughData:
        exams = [measure(trainer, each, whole) for each in (challenger, champion) if each]
    return gate.examine(exams[0], exams[1] if champion else None, limits)


def measure(trainer: Trainer, trained: Trained, testing: FeatureTable) -> gate.Exam:
    """The exam of a model's artifact; its source says which rows may judge it.

    Raises NotEnoughData where the rows cannot judge it.
    """
    stored = artifact.read(trained.artifact)
    runner = Runner(stored.tflite)
    scores = trainer.method.evaluate_one(trained.name, trained.model, testing, trainer.context, run=runner)
    kind = str(stored.card.export.get("kind", tflite.FLOAT32))
    figures: Any = stored.card.export.get(kind, {})
    return gate.Exam(
        macro_f1=scores.macro_f1,
        device_f1=scores.f1,
        schema_hash=stored.schema.hash,
        data_schema_hash=testing.schema.hash,
        export=kind,
        parity=figures.get("parity", trained.parity),  # a card of before there were several kinds
        ece=scores.extra.get("ece"),
        auroc=scores.extra.get("unknown_auroc", scores.extra.get("foreign_auroc")),
        latency_ms=tflite.latency_ms(runner, stored.golden_inputs),
        rss_bytes=footprint.rss_bytes(stored.tflite),
        size_bytes=len(stored.tflite),
    )
