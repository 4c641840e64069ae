"""Quarter by quarter: F1 of every model on every interval, and how far the data moved.

matrix = score_matrix(trainer, runs)
drift = drift_by_interval(trainer, workspace.reports / "drift")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeprint.drift import report
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.registry import figures, tracking
from edgeprint.scores import Scores
from edgeprint.stages.methods import device_of
from edgeprint.stages.train import Trainer

DRAWN = 3  # columns with a plot of their own on Evidently's page: each costs a second and a megabyte


def score_cell(trainer: Trainer, entries: dict[str, dict], evaluated_on: int) -> Scores | None:
    """One row's models together on the held-out part of one interval; None where there is too little."""
    models = {
        name: trainer.method.load(trainer.workspace.root / entry["folder"]) for name, entry in entries.items()
    }
    try:
        return trainer.method.evaluate(models, trainer.data.testing(evaluated_on), trainer.context)
    except NotEnoughData:
        return None


def judged_on(trainer: Trainer, entries: dict[str, dict]) -> str:
    """What the models of a row are judged on: devices never seen where the method can hold some out."""
    entry = next(iter(entries.values()))
    model = trainer.method.load(trainer.workspace.root / entry["folder"])
    return getattr(model, "split", "seen devices, later time")


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
        values = [_f1(scores, device_of(name)) for scores in row]
        title = f"{name} trained through {names[index]}"
        _log_by_interval(tracking.reopen(entry["run_id"]), values, names, index, title)


def log_family(trainer: Trainer, index: int, row: list[Scores | None]) -> None:
    """A run of the whole family trained through one interval, comparable with the other families' runs."""
    own = row[index]
    if own is None:
        return
    names, family = trainer.data.names, trainer.method.family
    tags = {"stage": "evaluate", "model": family, "trained_on": names[index], **trainer.origin()}
    numbers = getattr(trainer.context.params, trainer.key).model_dump()
    title = f"all of {family} through {names[index]}"
    with tracking.training_run(family, title, numbers, tags) as run:
        run.scores(own)
        run.figure("confusion", figures.confusion(own, title))
        values = [None if scores is None else scores.macro_f1 for scores in row]
        _log_by_interval(run, values, names, index, title)


def _log_by_interval(
    run: tracking.TrainingRun, values: list[float | None], names: list[str], index: int, title: str
) -> None:
    for step, value in enumerate(values):
        if value is not None:
            run.metrics({"f1_by_interval": value}, step)
    run.figure("f1-by-interval", figures.f1_by_interval({names[index]: values}, names, title))


def _f1(scores: Scores | None, device: str) -> float | None:
    """Macro F1, or one device's where the model is of one device."""
    if scores is None:
        return None
    return scores.f1.get(device) if device else scores.macro_f1


def drift_of(trainer: Trainer, index: int, reference: int, folder: Path) -> dict[str, Any] | None:
    """How far one interval's rows moved from another's, with an Evidently page; None where rows lack."""
    data, limits = trainer.data, trainer.context.params.drift
    then, now = _rows(trainer, reference), _rows(trainer, index)
    found = report.compare(then, now, limits)
    if found.share is None:
        return None
    html, _ = report.evidently_report(then, now, found.worst(DRAWN), limits)
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
