"""What trainings of a study come to: cells of its table, F1 by device, confusion matrices, sentences.

row(found["by time", 0.01, "CCLP"])      # accuracy, macro F1 and ECE: means over the repeats
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from edgeprint.cclp.batches import learnable
from edgeprint.cclp.evaluate import NON_IOT
from edgeprint.cclp.peers import BASELINES
from edgeprint.cclp.trials import SPLITS, Answers
from edgeprint.reliability import mean_with_interval
from edgeprint.scores import Scores
from edgeprint.study import Cell, Material, Point, Table, draw_confusion

MEASURES = ("accuracy", "accuracy ±", "macro F1", "macro F1 ±", "ECE")
READABLE = 15  # labels up to which confusion matrices stand side by side
NOT_GIVEN = math.nan  # by the paper, or for this row
Repeats = Sequence[Answers]
Trials = Mapping[tuple[str, float, str], Repeats]  # by split, share of labels, method


def row(repeats: Repeats) -> list[Cell]:
    """Cells of MEASURES: means over the repeats, with half of their 95 % interval."""
    scores = [one.scores for one in repeats]
    accuracy = mean_with_interval([s.accuracy for s in scores])
    macro_f1 = mean_with_interval([s.macro_f1 for s in scores])
    return [*accuracy, *macro_f1, float(np.mean([one.ece for one in repeats]))]


def errors(repeats: Repeats) -> list[Cell]:
    """As `row`, with the error rate in place of the accuracy."""
    value, half = mean_with_interval([1 - one.scores.accuracy for one in repeats])
    return [value, half, *row(repeats)[2:]]


def point(x: float, cells: Sequence[Cell]) -> Point:
    """A point of a curve at the first two of the cells: mean and interval."""
    return x, float(cells[0]), float(cells[1])


def pooled(repeats: Repeats) -> Scores:
    """The answers of all repeats in one confusion matrix of the labels that occur."""
    labels = sorted({name for one in repeats for name in one.labels[:-1]}) + [NON_IOT]
    place = {name: index for index, name in enumerate(labels)}
    total = np.zeros((len(labels), len(labels)), "i8")
    for one in repeats:
        at = [place[name] for name in one.labels]
        total[np.ix_(at, at)] += one.scores.confusion
    occurs = np.flatnonzero(total.any(0) | total.any(1))
    return Scores([labels[i] for i in occurs], total[np.ix_(occurs, occurs)])


def recall(scores: Scores) -> dict[str, float]:
    """Share of each label's samples that were named right: the paper calls it the accuracy of a class."""
    support = scores.confusion.sum(1)
    return {n: float(scores.confusion[i, i] / support[i]) for i, n in enumerate(scores.labels) if support[i]}


def by_device(title: str, words: Sequence[str], found: Iterable[tuple[tuple[str, ...], Repeats]]) -> Table:
    """F1 of each device over the repeats; `found` has them under the cells for `words`."""
    rows: list[list[Cell]] = []
    for key, repeats in found:
        scores = [one.scores for one in repeats]
        support = pooled(repeats).confusion.sum(1)
        for name, windows in zip(pooled(repeats).labels, support, strict=True):
            f1 = [s.f1[name] for s in scores if name in s.f1]
            if f1:
                rows.append([*key, name, *mean_with_interval(f1), round(windows / len(f1)), len(f1)])
    return Table(title, [*words, "device", "F1", "F1 ±", "held-out windows", "repeats"], rows)


def percent(fraction: float) -> str:
    return f"{100 * fraction:g} %"


def at_fewest_labels(found: Trials, methods: Sequence[str]) -> Table:
    """F1 by device where it differs most."""
    fewest = min(fraction for _, fraction, _ in found)
    chosen = {(split, method): found[split, fewest, method] for split in SPLITS for method in methods}
    return by_device(f"F1 by device with {percent(fewest)} labels", ["split", "method"], chosen.items())


def confusions(found: Mapping[str, Repeats]) -> Figure:
    """A confusion matrix a split, side by side where there are few labels."""
    matrices = {split: pooled(repeats) for split, repeats in found.items()}
    labels = max(len(scores.labels) for scores in matrices.values())
    side = max(5.2, 2.2 + 0.24 * labels)
    beside = labels <= READABLE
    size = (2 * side + 0.6, side) if beside else (side + 0.6, 2 * side)
    figure = Figure(figsize=size, layout="constrained")
    places = figure.subplots(1, 2) if beside else figure.subplots(2, 1)
    for axes, (split, scores) in zip(places, matrices.items(), strict=True):
        draw_confusion(axes, scores, f"{split}: accuracy {scores.accuracy:.3f}")
    return figure


def notes(material: Material) -> list[str]:
    """What ± means, and the devices that could not be learned."""
    _, left_out = learnable(material.table("cclp"), material.inventory)
    found = [
        "At random: three tenths of each device's windows, drawn anew in each repeat. By time: the last "
        "three tenths of each device's windows, the same in each repeat. ± is half of the 95 % interval of "
        "the mean over the repeats; ECE is of the confidence in the answer that was given. CCLP's confidence "
        f"is calibrated by the labels of the last {material.params.cclp.unknown.calibration:.0%} of the "
        "training windows, on top of the labelled share, which changes no answer; the others' is not."
    ]
    return found + ([f"left out for too few windows: {', '.join(left_out)}"] if left_out else [])


def against_forests(found: Trials) -> Table:
    """Points of accuracy by which CCLP is above forests with the same share of labels, seed by seed."""
    rows: list[list[Cell]] = []
    for (split, fraction, method), repeats in found.items():
        if method in BASELINES:
            pairs = zip(found[split, fraction, "CCLP"], repeats, strict=True)
            ahead = [100 * (ours.scores.accuracy - other.scores.accuracy) for ours, other in pairs]
            rows.append([split, percent(fraction), method, *mean_with_interval(ahead), len(repeats)])
    columns = ["split", "labelled", "beside", "points", "points ±", "repeats"]
    return Table("points of accuracy by which CCLP is above a plain forest", columns, rows)
