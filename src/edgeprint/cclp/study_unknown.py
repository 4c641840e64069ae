"""Beyond papers/cclp: is a device that was never learned told from those that were?

Every IoT device is left out of training once, in groups by the order of names, and all its windows are
judged beside the held-out windows of the devices that were learned. The score of a window is its largest
softmax over the devices, not weighted by P(IoT), which answers another question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.cclp.batches import learnable
from edgeprint.cclp.network import Model, predict
from edgeprint.cclp.trials import SPLITS, divided, model_of, side_by_side
from edgeprint.cclp.unknown import judge
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.reliability import auroc, mean_with_interval
from edgeprint.study import Bar, Cell, Findings, Material, Table, draw_bars

GROUPS = 5
QUICK_GROUPS = 2
SMALLEST = 3  # devices: one left out, two to tell apart
FIGURES = {  # column: field of UnknownFigures
    "AUROC": "auroc",
    "FPR at 95 % TPR": "fpr_at_95_tpr",
    "known abstained": "known_abstained",
    "unknown abstained": "strangers_abstained",
    "known rejected": "known_rejected",
    "unknown rejected": "strangers_rejected",
    "ECE before": "ece_before",
    "ECE": "ece",
}


@dataclass(frozen=True)
class Stranger:
    """One device that was left out: its AUROC against all learned ones, and what it was mostly taken for."""

    device: str
    windows: int
    auroc: float
    taken_for: str
    share: float  # of its windows


@dataclass(frozen=True)
class Group:
    """A training without some devices: figures over all of them together, and each alone."""

    figures: Mapping[str, float]
    strangers: Sequence[Stranger]


def unknown(material: Material) -> Findings:
    """AUROC, FPR at 95 % TPR and ECE over the groups, and AUROC of each device that was left out."""
    groups = left_out(material)
    keys = [(split, group) for split in SPLITS for group in range(len(groups))]
    cases = [(split, groups[group], material.params.seed + group) for split, group in keys]
    done = side_by_side(material, without, cases, "cclp-unknown")
    rows: list[list[Cell]] = []
    alone: list[list[Cell]] = []
    bars: dict[str, dict[str, Bar]] = {split: {} for split in SPLITS}
    for split in SPLITS:
        mine = [(group, found) for (of, group), found in zip(keys, done, strict=True) if of == split]
        means = [mean_with_interval([f.figures[name] for _, f in mine]) for name in mine[0][1].figures]
        rows.append([split, *(cell for mean in means for cell in mean), len(mine)])
        for group, found in mine:
            for one in found.strangers:
                taken: list[Cell] = [one.auroc, one.windows, one.taken_for, one.share]
                alone.append([split, one.device, f"group {group + 1}", *taken])
                bars[split][one.device] = one.auroc, float("nan")
    columns = [name for figure in done[0].figures for name in (figure, f"{figure} ±")]
    detail = ["split", "left out", "with", "AUROC", "windows", "mostly taken for", "share"]
    return Findings(
        Table("windows of devices that were left out of training", ["split", *columns, "groups"], rows),
        draw_bars({split: dict(sorted(of.items())) for split, of in bars.items()}, "AUROC"),
        _notes(len(groups), material),
        [Table("each device against all that were learned", detail, alone)],
    )


def left_out(material: Material) -> list[tuple[str, ...]]:
    """IoT devices with windows enough, each in one group. Raises NotEnoughData where they are too few."""
    devices, _ = learnable(material.table("cclp"), material.inventory)
    if len(devices) < SMALLEST:
        raise NotEnoughData(
            f"{material.name} has {len(devices)} IoT devices with windows enough ({', '.join(devices)}): "
            "with one of them left out, too few are left to learn"
        )
    groups = min(QUICK_GROUPS if material.quick else GROUPS, len(devices))
    while len(devices) - -(-len(devices) // groups) < SMALLEST - 1:
        groups += 1
    return [tuple(devices[group::groups]) for group in range(groups)]


def without(material: Material, split: str, devices: Sequence[str], seed: int) -> Group:
    """Learn all but some devices, and judge how well all windows of these are told from held-out windows."""
    training, held_out = divided(material, split, seed)
    model = model_of(material, training.select(~np.isin(training.device, devices)), seed)
    known = held_out.select(np.isin(held_out.device, model.devices))
    table = material.table("cclp").in_stream_order()
    strangers = table.select(np.isin(table.device, devices))
    own, other = softmax(model, known), softmax(model, strangers)
    alone = [
        _stranger(name, own, other[strangers.device == name], model.devices) for name in strangers.devices
    ]
    return Group(figures(material, model, known, strangers), alone)


def figures(
    material: Material, model: Model, known: FeatureTable, strangers: FeatureTable
) -> dict[str, float]:
    """How well windows of learned devices are told from others, under the words of a table's columns."""
    found = judge(model, known, strangers, material.inventory, material.params.cclp)
    return {name: getattr(found, field) for name, field in FIGURES.items()}


def softmax(model: Model, table: FeatureTable) -> NDArray[np.float32]:
    """Probabilities [n, C] over the devices."""
    return predict(model, table.values)[:, :-1]


def _stranger(
    name: str, own: NDArray[np.float32], other: NDArray[np.float32], devices: list[str]
) -> Stranger:
    ((taken_for, times),) = Counter(other.argmax(1).tolist()).most_common(1)
    return Stranger(name, len(other), auroc(own.max(1), other.max(1)), devices[taken_for], times / len(other))


def _notes(groups: int, material: Material) -> list[str]:
    _, few = learnable(material.table("cclp"), material.inventory)
    found = [
        f"Each IoT device was left out once, in {groups} groups, one training a group and split. Known: "
        "held-out windows of the devices that were learned; unknown: all windows of those left out. Non-IoT "
        "windows are in neither. The score is the largest softmax over the devices, not weighted by P(IoT). "
        "Abstained: windows below the model's calibrated level; rejected: runs of up to "
        f"{material.params.cclp.unknown.windows} windows by the Kolmogorov-Smirnov test at alpha "
        f"{material.params.cclp.unknown.alpha:g}. ECE of the known, before and after calibration. "
        "± is half of the 95 % interval of the mean over the groups."
    ]
    return found + ([f"in no group for too few windows: {', '.join(few)}"] if few else [])
