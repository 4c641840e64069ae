"""The figures of papers/cclp section VI: accuracy, share of labels, with and without CCLP, threshold.

Each is measured on two splits: 7:3 at random as in the paper, and the last three tenths of each device's
time, which is what a model meets after its training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgeprint.cclp.batches import learnable
from edgeprint.cclp.evaluate import NON_IOT, decide, truth
from edgeprint.cclp.network import predict
from edgeprint.cclp.train import train
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.params import Cclp
from edgeprint.progress import track
from edgeprint.scores import Scores
from edgeprint.study import (
    Cell,
    Findings,
    Material,
    Point,
    Study,
    Table,
    by_name,
    draw_confusion,
    draw_curves,
    drawn,
    later,
)

TEST_SHARE = 0.3  # section VI
FRACTIONS = (0.01, 0.02, 0.03, 0.05, 0.08, 0.10)
QUICK_FRACTIONS = (0.03, 0.08)
THRESHOLDS = (0.3, 0.5, 0.7, 0.9)
SPLITS = ("at random", "by time")


@dataclass(frozen=True)
class Judged:
    """One training, judged on the held-out windows: labels and probabilities [n, C + 1] of windows [n]."""

    labels: list[str]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def scores(self, threshold: float) -> Scores:
        return Scores.count([*self.labels, NON_IOT], self.truth, decide(self.probabilities, threshold))


def divided(material: Material, split: str, seed: int) -> tuple[FeatureTable, FeatureTable]:
    """Training and held-out windows. Raises NotEnoughData where no device would be left on either side."""
    table = material.table("cclp").in_stream_order()
    chosen = (
        later(table, TEST_SHARE)
        if split == "by time"
        else drawn(table, TEST_SHARE, np.random.default_rng(seed))
    )
    if not chosen.any():
        raise NotEnoughData(f"{len(table)} windows are too few to hold three tenths of each device's out")
    return table.select(~chosen), table.select(chosen)


def judged(material: Material, split: str, seed: int, **changed: float) -> Judged:
    """Train with some numbers of params.cclp.train changed, and judge."""
    training, held_out = divided(material, split, seed)
    numbers = dict(changed)
    if material.quick:
        numbers["iterations"] = 50
    params: Cclp = material.params.cclp
    params = params.model_copy(update={"train": params.train.model_copy(update=numbers)})
    nothing = held_out.select(np.zeros(len(held_out), bool))
    model = train(training, nothing, material.inventory, params, seed=seed)
    label = truth(held_out, model.devices, material.inventory)
    known = label >= 0
    if not known.any():
        raise NotEnoughData("no held-out window is of a device that was learned")
    return Judged(model.devices, label[known], predict(model, held_out.values[known]))


def accuracy(material: Material) -> Findings:
    """Figure 5: the confusion matrix at params' label fraction and threshold."""
    threshold, figure = material.params.cclp.threshold, Figure(figsize=(11, 5.2), layout="constrained")
    rows: list[list[Cell]] = []
    for axes, split in zip(figure.subplots(1, 2), SPLITS, strict=True):
        scores = judged(material, split, material.params.seed).scores(threshold)
        worst = min(scores.f1, key=lambda name: recall(scores)[name])
        rows.append([split, scores.samples, scores.accuracy, scores.macro_f1, recall(scores)[worst], worst])
        draw_confusion(axes, scores, f"{split}: accuracy {scores.accuracy:.3f}")
    columns = ["split", "held-out windows", "accuracy", "macro F1", "lowest recall", "of"]
    return Findings(Table("accuracy", columns, rows), figure, notes(material))


def labels(material: Material) -> Findings:
    """Figure 6: accuracy by share of labels, and its spread over the repeats."""
    return _by_fraction(material, {"CCLP": {}}, "accuracy")


def ablation(material: Material) -> Findings:
    """Figure 7: error rate with the CCLP loss and without it, all else equal."""
    return _by_fraction(material, {"with CCLP": {}, "without CCLP": {"weight": 0.0}}, "error rate")


def _by_fraction(material: Material, variants: dict[str, dict[str, float]], measure: str) -> Findings:
    fractions = QUICK_FRACTIONS if material.quick else FRACTIONS
    seeds = [material.params.seed + i for i in range(material.repeats)]
    cases = [(s, f, v) for s in SPLITS for f in fractions for v in variants]
    rows: list[list[Cell]] = []
    curves: dict[str, list[Point]] = {}
    for split, fraction, variant in track(cases, f"cclp, {measure}"):
        changed = {"label_fraction": fraction, **variants[variant]}
        trained = [judged(material, split, seed, **changed) for seed in seeds]
        scores = [each.scores(material.params.cclp.threshold) for each in trained]
        values = [s.accuracy if measure == "accuracy" else 1 - s.accuracy for s in scores]
        mean, spread = float(np.mean(values)), float(np.std(values))
        f1 = float(np.mean([s.macro_f1 for s in scores]))
        rows.append([split, f"{100 * fraction:g} %", variant, mean, spread, f1, len(values)])
        curves.setdefault(f"{variant}, {split}", []).append((100 * fraction, mean, spread))
    columns = ["split", "labelled", "variant", measure, "± over repeats", "macro F1", "repeats"]
    figure = draw_curves(curves, "labelled windows (%)", measure)
    return Findings(Table(measure, columns, rows), figure, notes(material))


def threshold(material: Material) -> Findings:
    """Figure 8: error rate by the threshold on P(IoT) at 3, 5 and 8 % of labels."""
    if all(device.iot for device in material.inventory.devices.values()):
        raise NotEnoughData(f"{material.name} has only IoT devices: no threshold on P(IoT) can be judged")
    fractions = QUICK_FRACTIONS if material.quick else (0.03, 0.05, 0.08)
    rows: list[list[Cell]] = []
    curves: dict[str, list[Point]] = {}
    for split, fraction in track([(s, f) for s in SPLITS for f in fractions], "cclp, threshold"):
        case = judged(material, split, material.params.seed, label_fraction=fraction)
        for value in THRESHOLDS:
            scores = case.scores(value)
            rows.append([split, f"{100 * fraction:g} %", f"{value:g}", 1 - scores.accuracy, scores.macro_f1])
            point = (value, 1 - scores.accuracy, 0.0)
            curves.setdefault(f"{100 * fraction:g} % labels, {split}", []).append(point)
    columns = ["split", "labelled", "threshold", "error rate", "macro F1"]
    figure = draw_curves(curves, "threshold on P(IoT)", "error rate")
    return Findings(Table("error rate by threshold", columns, rows), figure, notes(material))


def recall(scores: Scores) -> dict[str, float]:
    """Share of each label's samples that were named right: the paper calls it the accuracy of a class."""
    support = scores.confusion.sum(1)
    return {n: scores.confusion[i, i] / support[i] for i, n in enumerate(scores.labels) if support[i]}


def notes(material: Material) -> list[str]:
    """The devices that could not be learned."""
    _, left_out = learnable(material.table("cclp"), material.inventory)
    return [f"left out for too few windows: {', '.join(left_out)}"] if left_out else []


STUDIES = by_name(
    [
        Study(
            "cclp-accuracy",
            "CCLP: who is who, with few labels",
            "Section VI, figure 5: average accuracy 99.81 %, the lowest of a class 98.7 %, on 24 devices of "
            "20 days, 8 % labels, threshold 0.7, split 7:3.",
            accuracy,
        ),
        Study(
            "cclp-labels",
            "CCLP: accuracy by share of labels",
            "Section VI, figure 6: 97.20 % at 1 % labels, above 99 % from 5 % on, 99.81 % at 8 %.",
            labels,
        ),
        Study(
            "cclp-ablation",
            "CCLP: with and without the CCLP loss",
            "Section VI, figure 7: the error rate is lower with CCLP at each share of labels, by 3.93 points "
            "at 1 %.",
            ablation,
        ),
        Study(
            "cclp-threshold",
            "CCLP: error rate by threshold",
            "Section VI, figure 8: a higher threshold helps to lower the error rate (0.3 to 0.9).",
            threshold,
        ),
    ]
)
