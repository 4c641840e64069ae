"""Quarter by quarter: F1 of every model on every interval, and how far the data moved.

row = [score_cell(trainer, entries, j) for j in range(len(trainer.data.names))]
moved = drift_of(trainer, index, reference, folder)
part = conclude(trainer, cells, {**summary(cells, names), "drift": [moved, ...]}, folder)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprint.drift import picture, report
from edgeprint.drift.decay import decay
from edgeprint.errors import NotEnoughData
from edgeprint.registry import figures, tracking
from edgeprint.scores import Scores
from edgeprint.stages import field as agents
from edgeprint.stages import views
from edgeprint.stages.methods import device_of
from edgeprint.stages.train import Trainer, read_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def scores(part: dict[str, Any]) -> dict[str, float]:
    """The few numbers of a method's part that `dvc exp show` and `dvc metrics diff` put side by side.

    F1 by distance in intervals from the last training, and the newest interval's share of columns that moved.
    """
    f1 = {f"f1_after_{n}": value for n, value in enumerate(part["decay"]["macro_f1"]) if value is not None}
    moved = {"drift_share": part["drift"][-1]["share"]} if part["drift"] else {}
    return f1 | moved


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
    """How far one interval's rows moved from another's; None where rows lack.

    Of the features, with `views` of the energies and of what the models trained by then say. Of each an
    Evidently page and its JSON are written to `folder`.
    """
    entries = read_runs(trainer.workspace, trainer.key)["models"].get(str(reference), {})
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        name: each
        for name, pair in views.pairs(trainer, entries, reference, index).items()
        if (each := _view(trainer, name, pair, index, folder))
    }
    features = found.pop(views.FEATURES, None)
    if features is None:
        return None
    names = trainer.data.names
    return {**features, "reference": names[reference], "interval": names[index], "views": found}


def _view(trainer: Trainer, name: str, pair: views.Pair, index: int, folder: Path) -> dict[str, Any] | None:
    """One view's distances, and the names of its page and JSON; None where nothing could be compared."""
    limits = trainer.context.params.drift
    found = report.compare(*pair, limits)
    if found.share is None:
        return None
    if not found.distances:
        return {**found.to_dict(), "page": None}
    drawn = DRAWN if name == views.FEATURES else 1
    html, text = report.evidently_report(*pair, found.worst(drawn), limits)
    stem = f"{trainer.key}-{trainer.data.names[index].replace('/', '-of-')}"
    page = folder / (f"{stem}.html" if name == views.FEATURES else f"{stem}-{name}.html")
    report.write_page(html, page)
    page.with_suffix(".json").write_text(text)
    return {**found.to_dict(), "page": page.name}


def conclude(
    trainer: Trainer, cells: dict[tuple[int, int], Scores | None], part: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """A method's part of reports/evaluate.json with the decay of its F1 and what agents saw in the field.

    One picture of it all is written to `folder` and, with every page and JSON, logged as a run of MLflow.
    """
    fallen = decay(cells, len(trainer.data.names))
    seen = agents.by_interval(trainer)
    field = {name: {d: s.to_dict() for d, s in by.items()} for name, by in seen.items() if by}
    whole = {**part, "decay": fallen.to_dict(), "field": field}
    title = f"{trainer.method.family} on {trainer.workspace.source()['kind']}"
    drawn = picture.summary(
        title,
        trainer.data.names,
        part["matrices"].get("macro_f1", []),
        fallen,
        _panels(part["drift"], field),
        trainer.context.params.policy.max_drift_share,
    )
    drawn.savefig(folder / f"{trainer.key}-summary.png")
    _log_evaluation(trainer, whole, drawn, folder)
    return whole


def _panels(drift: list[dict], field: dict[str, dict]) -> dict[str, picture.Shares]:
    """Each panel's shares by interval and device."""
    panels: dict[str, dict[str, dict[str, float]]] = {}
    for each in drift:
        panels.setdefault("share of features that moved", {})[each["interval"]] = each["devices"]
        for name, view in each["views"].items():
            panels.setdefault(f"share of {name} that moved", {})[each["interval"]] = view["devices"]
    for interval, devices in field.items():
        shares = {device: s["deviating_share"] for device, s in devices.items() if s["ticks"]}
        panels.setdefault("ticks that deviated, by agents", {})[interval] = shares
    return dict(panels)


def _log_evaluation(trainer: Trainer, whole: dict[str, Any], drawn: Figure, folder: Path) -> None:
    """One run: the picture, Evidently's pages and JSON, the figures as metrics by distance and interval."""
    family, tags = trainer.method.family, {"stage": "evaluation", **trainer.origin()}
    numbers = {"drift": trainer.context.params.drift.model_dump()}
    with tracking.training_run(family, f"evaluation of {family}", numbers, tags) as run:
        run.figure("evaluation", drawn)
        run.text("evaluation.json", json.dumps(whole, indent=1))
        for distance, f1 in enumerate(whole["decay"]["macro_f1"]):
            run.metrics({"f1_by_distance": f1} if f1 is not None else {}, distance)
        for step, each in enumerate(whole["drift"], 1):
            pages = [each["page"], *(view["page"] for view in each["views"].values())]
            shares = {name: view["share"] for name, view in each["views"].items()}
            run.metrics({f"drift.{n}": s for n, s in {"features": each["share"], **shares}.items()}, step)
            for page in filter(None, pages):
                json_of = (folder / page).with_suffix(".json")
                run.text(f"drift/{page}", report.read_page(folder / page))
                run.text(f"drift/{json_of.name}", json_of.read_text())
