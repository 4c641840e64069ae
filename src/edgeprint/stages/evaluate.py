"""Quarter by quarter: F1 of every model on every interval (trained on x evaluated on), and how far the data moved.

matrix = score_matrix(trainer, runs)
drift = drift_by_interval(trainer, workspace.reports / "drift")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeprint.drift import report
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.registry import tracking
from edgeprint.scores import Scores
from edgeprint.stages.train import Trainer


def score_cell(trainer: Trainer, entries: dict[str, dict], evaluated_on: int) -> Scores | None:
    """All models of one row of the matrix on the held-out part of one interval; None where there is too little."""
    models = {
        name: trainer.method.load(trainer.workspace.root / entry["folder"]) for name, entry in entries.items()
    }
    try:
        return trainer.method.evaluate(models, trainer.data.testing(evaluated_on), trainer.context)
    except NotEnoughData:
        return None


def matrix(
    cells: dict[tuple[int, int], Scores | None], names: list[str], metric: str
) -> list[list[float | None]]:
    """One metric [trained on, evaluated on]; None where a row or column had no data."""

    def value(scores: Scores | None) -> float | None:
        return None if scores is None else scores.metrics().get(metric)

    return [[value(cells.get((i, j))) for j in range(len(names))] for i in range(len(names))]


def summary(cells: dict[tuple[int, int], Scores | None], names: list[str]) -> dict[str, Any]:
    """What reports/evaluate.json says of a method."""
    metrics = {"macro_f1", "accuracy"} | {m for s in cells.values() if s for m in s.extra if "." not in m}
    return {
        "intervals": names,
        "matrices": {metric: matrix(cells, names, metric) for metric in sorted(metrics)},
        "cells": [
            {"trained_on": names[i], "evaluated_on": names[j], **scores.to_dict()}
            for (i, j), scores in sorted(cells.items())
            if scores
        ],
    }


def log_row(trainer: Trainer, index: int, entries: dict[str, dict], row: list[Scores | None]) -> None:
    """Add the F1 on every interval to the runs of a row's models, as a metric by step and as a picture."""
    names = trainer.data.names
    for name, entry in entries.items():
        device = name.partition(".")[2]
        values = [_f1(scores, device) for scores in row]
        with tracking.reopened(entry["run_id"]) as run:
            for step, value in enumerate(values):
                if value is not None:
                    run.metric("f1_by_interval", value, step=step)
            run.figure(
                "f1-by-interval", tracking.f1_by_interval_figure(name, names, values, trained_on=index)
            )


def _f1(scores: Scores | None, device: str) -> float | None:
    """Macro F1, or one device's where the model is of one device."""
    if scores is None:
        return None
    return scores.f1.get(device) if device else scores.macro_f1


def drift_of(trainer: Trainer, index: int, reference: int, folder: Path) -> dict[str, Any] | None:
    """How far one interval's rows moved from the reference's, with an Evidently page; None where rows lack."""
    data, limits = trainer.data, trainer.context.params.drift
    then, now = _rows(trainer, reference), _rows(trainer, index)
    if min(len(then), len(now)) < limits.minimum_rows:
        return None
    found = report.compare(then, now, limits)
    html, _ = report.evidently_report(then, now, found, limits)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{trainer.key}-{data.names[index].replace('/', '-of-')}.html"
    page.write_text(html)
    return {
        **found.to_dict(),
        "page": page.name,
        "reference": data.names[reference],
        "interval": data.names[index],
    }


def _rows(trainer: Trainer, index: int) -> FeatureTable:
    return trainer.data.table.select(trainer.data.interval == index)
