"""The figures of papers/cclp section VI: accuracy, share of labels, with and without CCLP, threshold, peers.

Each is measured on two splits: 7:3 at random as in the paper, and the last three tenths of each device's
time, which is what a model meets after its training. Beside CCLP stand plain random forests that see the
same share of labels. Beyond the paper: devices that were never learned.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeprint.cclp.peers import BASELINES
from edgeprint.cclp.trial_tables import (
    MEASURES,
    NOT_GIVEN,
    Trials,
    against_forests,
    at_fewest_labels,
    by_device,
    confusions,
    errors,
    notes,
    percent,
    point,
    pooled,
    recall,
    row,
)
from edgeprint.cclp.trials import SPLITS, Answers, Judged, grid_seeds, judged, side_by_side, trials
from edgeprint.errors import NotEnoughData
from edgeprint.reliability import mean_with_interval
from edgeprint.study import Cell, Findings, Material, Point, Table, draw_curves

FRACTIONS = (0.01, 0.02, 0.03, 0.05, 0.08, 0.10)
QUICK_FRACTIONS = (0.03, 0.08)
THRESHOLDS = (0.3, 0.5, 0.7, 0.9)
VARIANTS = {"with CCLP": "CCLP", "without CCLP": "without CCLP"}

# What section VI gives in numbers, on its random split; what its figures only draw is left out.
PAPER_ACCURACY = {0.01: 0.9720, 0.08: 0.9981}
PAPER_LOWEST = {0.08: 0.987}  # accuracy of a class
PAPER_FEWER = {0.01: 3.93}  # points by which the error rate is lower with CCLP


def accuracy(material: Material) -> Findings:
    """Figure 5: the confusion matrix at params' label fraction and threshold, beside two plain forests."""
    fraction = material.params.cclp.train.label_fraction
    found = trials(material, [fraction], ["CCLP", *BASELINES], material.seeds, "cclp-accuracy")
    rows: list[list[Cell]] = []
    lowest: list[str] = []
    for (split, _, method), repeats in found.items():
        recalls = recall(pooled(repeats))
        worst = min(recalls, key=lambda name: recalls[name])
        papers = [_papers(numbers, split, fraction, method) for numbers in (PAPER_ACCURACY, PAPER_LOWEST)]
        rows.append([split, method, *row(repeats), recalls[worst], *papers, len(repeats)])
        lowest.append(f"{method} {split}: {worst}")
    columns = ["split", "method", *MEASURES, "lowest recall"]
    columns += ["paper's accuracy", "paper's lowest recall", "repeats"]
    ours = {split: found[split, fraction, "CCLP"] for split in SPLITS}
    detail = by_device("CCLP: F1 by device", ["split"], {(s,): ours[s] for s in SPLITS}.items())
    return Findings(
        Table(f"accuracy with {percent(fraction)} labels", columns, rows),
        confusions(ours),
        [*notes(material), f"The lowest recall is of: {', '.join(lowest)}."],
        [against_forests(found), detail],
    )


def labels(material: Material) -> Findings:
    """Figure 6: accuracy by share of labels, beside two plain forests with the same labels."""
    fractions = QUICK_FRACTIONS if material.quick else FRACTIONS
    found = trials(material, fractions, ["CCLP", *BASELINES], grid_seeds(material), "cclp-labels")
    rows: list[list[Cell]] = []
    curves: dict[str, list[Point]] = {}
    for (split, fraction, method), repeats in found.items():
        papers = _papers(PAPER_ACCURACY, split, fraction, method)
        rows.append([split, percent(fraction), method, *row(repeats), papers, len(repeats)])
        curves.setdefault(f"{method}, {split}", []).append(point(100 * fraction, row(repeats)))
    columns = ["split", "labelled", "method", *MEASURES, "paper's accuracy", "repeats"]
    given = {"the paper's CCLP": [(100 * fraction, value) for fraction, value in PAPER_ACCURACY.items()]}
    return Findings(
        Table("accuracy by share of labels", columns, rows),
        draw_curves(curves, "labelled windows (%)", "accuracy", marks=given),
        notes(material),
        [against_forests(found), at_fewest_labels(found, ["CCLP", *BASELINES])],
    )


def ablation(material: Material) -> Findings:
    """Figure 7: error rate with the CCLP loss and without it; split, labels and first weights the same."""
    fractions = QUICK_FRACTIONS if material.quick else FRACTIONS
    found = trials(material, fractions, list(VARIANTS.values()), grid_seeds(material), "cclp-ablation")
    rows: list[list[Cell]] = []
    curves: dict[str, list[Point]] = {}
    for split, fraction in [(split, fraction) for split in SPLITS for fraction in fractions]:
        for variant, method in VARIANTS.items():
            repeats = found[split, fraction, method]
            papers = _papers(PAPER_FEWER, split, fraction, method)
            fewer = _fewer(found, split, fraction) if method == "CCLP" else [NOT_GIVEN] * 2
            cells = [*errors(repeats), *fewer, papers]
            rows.append([split, percent(fraction), variant, *cells, len(repeats)])
            curves.setdefault(f"{variant}, {split}", []).append(point(100 * fraction, cells))
    columns = ["split", "labelled", "variant", "error rate", "error rate ±", *MEASURES[2:]]
    columns += ["fewer errors (points)", "fewer ±", "paper's fewer", "repeats"]
    paired = (
        "Fewer errors: the difference at the same seed, in points of a percent, as a mean over the seeds. "
        "Without CCLP the loss has no weight; the unlabelled windows still pass through batch normalisation."
    )
    return Findings(
        Table("error rate with and without CCLP", columns, rows),
        draw_curves(curves, "labelled windows (%)", "error rate"),
        [*notes(material), paired],
        [at_fewest_labels(found, list(VARIANTS.values()))],
    )


def _fewer(found: Trials, split: str, fraction: float) -> list[float]:
    """Points by which CCLP lowers the error rate, seed by seed, and half of the 95 % interval."""
    both = zip(found[split, fraction, "CCLP"], found[split, fraction, "without CCLP"], strict=True)
    return [*mean_with_interval([100 * (ours.scores.accuracy - twin.scores.accuracy) for ours, twin in both])]


def _papers(numbers: dict[float, float], split: str, fraction: float, method: str) -> float:
    """The paper's number beside its own method, split and share of labels."""
    same = method == "CCLP" and split == "at random"
    return numbers.get(fraction, NOT_GIVEN) if same else NOT_GIVEN


def threshold(material: Material) -> Findings:
    """Figure 8: error rate by the threshold on P(IoT) at 3, 5 and 8 % of labels."""
    if all(material.inventory[name].iot for name in material.table("cclp").devices):
        raise NotEnoughData(f"{material.name} has only IoT devices: no threshold on P(IoT) can be judged")
    rows: list[list[Cell]] = []
    curves: dict[str, list[Point]] = {}
    for (split, fraction, value), repeats in _at_thresholds(material).items():
        rows.append([split, percent(fraction), f"{value:g}", *errors(repeats), len(repeats)])
        curve = curves.setdefault(f"{percent(fraction)} labels, {split}", [])
        curve.append(point(value, errors(repeats)))
    columns = ["split", "labelled", "threshold", "error rate", "error rate ±", *MEASURES[2:], "repeats"]
    return Findings(
        Table("error rate by threshold", columns, rows),
        draw_curves(curves, "threshold on P(IoT)", "error rate"),
        notes(material),
    )


def _at_thresholds(material: Material) -> dict[tuple[str, float, float], Sequence[Answers]]:
    """Repeats by split, share of labels and threshold: each training is judged at all thresholds."""
    seeds = grid_seeds(material)
    fractions = QUICK_FRACTIONS if material.quick else (0.03, 0.05, 0.08)
    keys = [(split, fraction) for split in SPLITS for fraction in fractions]
    cases = [(*key, seed) for key in keys for seed in seeds]
    trained = dict(zip(cases, side_by_side(material, _judged, cases, "cclp-threshold"), strict=True))
    return {
        (*key, value): [trained[(*key, seed)].at(value) for seed in seeds]
        for key in keys
        for value in THRESHOLDS
    }


def _judged(material: Material, split: str, fraction: float, seed: int) -> Judged:
    return judged(material, split, seed, label_fraction=fraction)
