"""What is known about a champion at a new interval, gathered for the policy."""

from __future__ import annotations

from collections.abc import Mapping

from edgeprint.drift import policy, report
from edgeprint.drift.field import FieldSignals
from edgeprint.errors import NotEnoughData
from edgeprint.stages.methods import device_of
from edgeprint.stages.train import Trained, Trainer


def gather(
    trainer: Trainer, champion: Trained, index: int, field: Mapping[str, FieldSignals]
) -> policy.Evidence:
    """Of one model: of its device's rows alone where it is of one device, else of all."""
    data, context = trainer.data, trainer.context
    then_rows, now_rows = data.training(champion.interval), data.table.select(data.interval == index)
    if device := device_of(champion.name):
        then_rows = then_rows.select(then_rows.device == device)
        now_rows = now_rows.select(now_rows.device == device)
    seen = field.get(device)
    return policy.Evidence(
        champion_f1_then=champion.scores.macro_f1,
        f1_now=_f1(trainer, champion, index),
        drift_share=report.compare(then_rows, now_rows, context.params.drift).share,
        age_intervals=index - champion.interval,
        new_data_ratio=len(now_rows) / len(then_rows) if len(then_rows) else 0.0,
        deviating_share=seen.deviating_share if seen else None,
    )


def _f1(trainer: Trainer, champion: Trained, index: int) -> float | None:
    """None where the interval's held-out rows cannot judge the champion."""
    rows = trainer.data.testing(index)
    try:
        return trainer.method.evaluate_one(champion.name, champion.model, rows, trainer.context).macro_f1
    except NotEnoughData:
        return None
