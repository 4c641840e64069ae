"""Section 4.5 of papers/binary-edge: F1 by distance in time, without and with retraining; and beyond it.

Beyond the paper: how far the confidences can be relied on, F1 of each device with its interval over repeats,
and whether a device that no model was trained on, or against, is seen to be unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgeprint.binary.effort import affordable, asked_devices
from edgeprint.binary.effort import repeats as enough_repeats
from edgeprint.binary.home import HELD_OUT, WHERE, Home, Judged, Question, rounds, train_all
from edgeprint.binary.study_sizes import (
    NAN,
    PAPER_BY_DISTANCE,
    SCENARIOS,
    Measure,
    at,
    enough,
    forest,
    highest,
)
from edgeprint.errors import NotEnoughData
from edgeprint.reliability import auroc, fpr_at_tpr, mean_with_interval
from edgeprint.study import Cell, Findings, Material, Table, each

FOLDS = 4  # of devices, each left out once to be unknown
ALL, FIRST = "each interval in turn", "the first interval only"
Repeats = Sequence[list[Judged]]


def stability(material: Material) -> Findings:
    """F1 by distance between the interval trained last and the one evaluated, and with retraining between."""
    home = Home.of(material)
    devices, notes = asked_devices(material, [home])
    count = len(home.names)
    if count < 2:
        raise NotEnoughData(f"{material.name} is one interval: nothing lies at a distance from it")
    folds = min(FOLDS, len(devices))
    repeats = enough_repeats(material, count + 1, devices)
    changed, effort = affordable(
        material,
        home,
        devices,
        trainings=repeats * count + folds,
        askings=repeats * count * (count + 1),
    )
    processes = 1 if material.quick else -1
    cases = [(changed, devices, seed) for seed in material.seeds[:repeats]]
    found = each(rounds, cases, "binary, interval after interval", processes=processes)
    left_out = [devices[i::folds] for i in range(folds)]
    unknown_cases = [(changed, devices, unknown, material.params.seed) for unknown in left_out]
    unknown = each(unknown_device_scores, unknown_cases, "binary, unknown devices", processes=processes)
    details = [
        _matrix(found, home.names, HELD_OUT),
        _by_device(found, devices),
        _unknown(dict(pair for fold in unknown for pair in fold.items())),
    ]
    notes += [
        effort,
        SCENARIOS,
        f"Samples are normalised by {changed.params.binary.train.normalisation}.",
        f"{repeats} repeats; ± is half of the 95 % interval of the mean over repeats (Student's t). "
        "`foreign`: the share of the other devices' samples that a model accepts. `ECE`: calibration error "
        "of the highest confidence. Models of a larger distance have seen fewer intervals: the rows of the "
        "first interval compare models of equal training.",
    ]
    return Findings(_by_distance(found, count), _figure(found, home.names), notes, details)


def _mean(found: Repeats, where: str, distance: int, measure: Measure, last: int) -> tuple[float, float]:
    """Over repeats, of the means over pairs so far apart whose trained interval is at most `last`."""
    chosen = [[j for j in judged if j.trained <= last] for judged in found]
    return mean_with_interval([at(judged, where, distance, measure) for judged in chosen])


def _by_distance(found: Repeats, count: int) -> Table:
    paper = PAPER_BY_DISTANCE[75, 60]
    rows: list[list[Cell]] = []
    for where in WHERE:
        for trained, last in ((ALL, count), (FIRST, 0)):
            for d in range(count):
                cells: list[Cell] = [where, trained, f"{d}"]
                for measure in (highest, enough, forest):
                    cells += _mean(found, where, d, measure, last)
                cells += [_mean(found, where, d, measure, last)[0] for measure in (_foreign, _calibration)]
                rows.append([*cells, *paper.get(d, (NAN, NAN))])
    columns = ["evaluated on", "trained on", "distance", "F1 hc", "±", "F1 ce", "± ce"]
    columns += ["forest F1", "± forest", "foreign", "ECE", "paper hc", "paper ce"]
    return Table("F1 by distance in intervals", columns, rows)


def _foreign(judged: Judged) -> float:
    return judged.scores.extra.get("ce_foreign", NAN)


def _calibration(judged: Judged) -> float:
    return judged.calibration


def _cell(found: Repeats, trained: int, asked: int, where: str, measure: Measure) -> tuple[float, float]:
    chosen = [
        measure(j)
        for judged in found
        for j in judged
        if (j.trained, j.asked, j.where) == (trained, asked, where)
    ]
    return mean_with_interval(chosen)


def _matrix(found: Repeats, names: list[str], where: str) -> Table:
    """F1 of every pair: the models' last interval down, the interval evaluated across."""
    n = len(names)
    rows: list[list[Cell]] = [
        [f"up to {names[i]}", *(_cell(found, i, j, where, highest)[0] if j >= i else NAN for j in range(n))]
        for i in range(n)
    ]
    return Table(f"F1, highest confidence, {where}, by interval", ["trained", *names], rows)


def _by_device(found: Repeats, devices: list[str]) -> Table:
    distances = sorted({j.asked - j.trained for j in found[0]})
    rows: list[list[Cell]] = []
    for name in devices:
        cells: list[Cell] = [name]
        for d in distances:
            cells += mean_with_interval(
                [at(judged, HELD_OUT, d, lambda j, name=name: j.scores.f1[name]) for judged in found]  # type: ignore[misc]
            )
        rows.append(cells)
    columns = [text for d in distances for text in (f"distance {d}", f"± {d}")]
    return Table(f"F1 of each device, highest confidence, {HELD_OUT}", ["device", *columns], rows)


def unknown_device_scores(
    material: Material, devices: list[str], unknown: list[str], seed: int
) -> dict[str, tuple[float, float]]:
    """AUROC, and FPR at 95 % TPR, of the highest confidence for each device that training never saw.

    Trained on the first interval; known are the held-out samples of the devices with a model.
    """
    home = Home.of(material)
    known = [name for name in devices if name not in unknown]
    models = train_all(home, known, home.training(0, without=unknown), seed=seed, initial={})
    question = Question.of(home, [*known, *unknown], 0, HELD_OUT, seed)
    highest_confidence = question.confidence(models).max(axis=1)
    own = highest_confidence[question.truth < len(known)]
    scores: dict[str, tuple[float, float]] = {}
    for number, name in enumerate(unknown, len(known)):
        stranger: NDArray[np.float32] = highest_confidence[question.truth == number]
        scores[name] = auroc(own, stranger), fpr_at_tpr(own, stranger)
    return scores


def _unknown(scores: dict[str, tuple[float, float]]) -> Table:
    rows: list[list[Cell]] = [[name, *pair] for name, pair in sorted(scores.items())]
    means = np.mean(list(scores.values()), axis=0)
    rows.append(["mean", *means.tolist()])
    title = f"Devices that training never saw, by the highest confidence, {HELD_OUT} of the first interval"
    return Table(title, ["unknown device", "AUROC", "FPR at 95 % TPR"], rows)


def _figure(found: Repeats, names: list[str]) -> Figure:
    """Left: by distance, ours and the paper's. Right: interval by interval, without and with retraining."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    n = len(names)
    lines: list[tuple[str, str, str, Measure]] = [
        ("highest confidence", "C0", HELD_OUT, highest),
        ("confident enough", "C1", HELD_OUT, enough),
        ("random forest", "C2", HELD_OUT, forest),
    ]
    for label, colour, where, measure in lines:
        mean, spread = zip(*(_mean(found, where, d, measure, n) for d in range(n)), strict=True)
        left.errorbar(range(n), mean, np.nan_to_num(spread), fmt="o-", color=colour, capsize=3, label=label)
    paper = PAPER_BY_DISTANCE[75, 60]
    shown = [d for d in range(n) if d in paper]
    for place, colour in enumerate(("C0", "C1")):
        label = ("highest confidence", "confident enough")[place] + ", the paper's"
        left.plot(shown, [paper[d][place] for d in shown], "x--", color=colour, alpha=0.6, label=label)
    left.set(
        xlabel="intervals since the last training", ylabel=f"F1, {HELD_OUT}", ylim=(0, 1.02), xticks=range(n)
    )
    for label, style, start, pairs in (
        ("never retrained", "s-", 0, [(0, j) for j in range(n)]),
        ("retrained up to the interval before", "^-", 1, [(j - 1, j) for j in range(1, n)]),
        ("retrained on the interval itself", "o-", 0, [(j, j) for j in range(n)]),
    ):
        mean, spread = zip(*(_cell(found, i, j, HELD_OUT, highest) for i, j in pairs), strict=True)
        right.errorbar(range(start, n), mean, np.nan_to_num(spread), fmt=style, capsize=3, label=label)
    right.set(xlabel="interval evaluated")
    right.set_xticks(range(n), names)
    right.set_title("highest confidence, interval by interval", fontsize=10)
    left.set_title("by distance", fontsize=10)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="lower left")
    return figure
