"""What the studies of the room share: a training to make and judge, its repeats, and their summary.

cases = {("never-seen devices", "kNN"): [Case(material, "kNN", UNSEEN, seed) for seed in material.seeds]}
scores = measured(cases, "lstm-cnn, peers")          # a list of Scores for each key
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprint.lstm_cnn.network import UNSEEN
from edgeprint.lstm_cnn.peers import predictions
from edgeprint.lstm_cnn.splits import MOST, Division, Source
from edgeprint.params import LstmCnnTrain
from edgeprint.reliability import mean_with_interval
from edgeprint.scores import Scores
from edgeprint.study import Cell, Material, Point, Table, each

QUICK_EPOCHS = 3
FEW_REPEATS = 3  # of a curve: there are as many trainings as points, splits and repeats
Key = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """One training to make: at the numbers of `material`, by which method, and how the windows are split."""

    material: Material
    method: str
    split: str
    seed: int
    share: float = 0.5
    wanted: tuple[str, ...] | None = None

    @property
    def numbers(self) -> LstmCnnTrain:
        return self.material.params.lstm_cnn.train

    def source(self) -> Source:
        """The windows to divide. Raises NotEnoughData."""
        return Source(self.material.table("lstm_cnn"), self.material.inventory, self.numbers, self.wanted)


def judged(method: str, division: Division, numbers: LstmCnnTrain, seed: int) -> Scores:
    """Train on one side of the division and judge by the other."""
    predicted = predictions(method, division, numbers, seed)
    return Scores.count(division.labels, division.testing[2], predicted)


def sized(material: Material) -> Material:
    """The same, with few epochs for a quick try."""
    return material.changed("lstm_cnn", "train", epochs=QUICK_EPOCHS) if material.quick else material


SUMMARY = ["accuracy", "±", "best", "macro F1", "± F1"]


def summary(scores: Sequence[Scores]) -> list[Cell]:
    """Mean accuracy with its 95 % interval, the best of the repeats, macro F1 with its interval."""
    accuracy, f1 = [s.accuracy for s in scores], [s.macro_f1 for s in scores]
    return [*mean_with_interval(accuracy), max(accuracy), *mean_with_interval(f1)]


def measured(cases: Mapping[Key, Sequence[Case]], what: str) -> dict[Key, list[Scores]]:
    """The scores of every repeat under its key. Raises NotEnoughData before anything is trained."""
    sources: dict[tuple, Source] = {}
    divisions: dict[tuple, Division] = {}  # shared by the methods

    def shared(case: Case) -> Division:
        windows = id(case.material), case.wanted
        of_any = windows, case.split, case.seed, case.share
        if windows not in sources:
            sources[windows] = case.source()
        if of_any not in divisions:
            divisions[of_any] = sources[windows].divided(case.split, seed=case.seed, share=case.share)
        return divisions[of_any]

    work = [
        (case.method, shared(case), case.numbers, case.seed) for repeats in cases.values() for case in repeats
    ]
    found = iter(each(judged, work, what))
    return {key: [next(found) for _ in repeats] for key, repeats in cases.items()}


def by_category(scores: Mapping[Key, Sequence[Scores]], columns: Sequence[str]) -> Table:
    """Mean F1 of each category, with its 95 % interval."""
    rows: list[list[Cell]] = []
    for key, repeats in scores.items():
        for label in repeats[0].labels:
            f1 = [s.f1[label] for s in repeats if label in s.f1]
            rows.append([*key, label, *mean_with_interval(f1)])
    return Table("F1 by category", [*columns, "category", "F1", "±"], rows)


def curves(scores: Mapping[Key, Sequence[Scores]], at: Mapping[str, float]) -> dict[str, list[Point]]:
    """A curve a split: place, mean accuracy and its interval."""
    found = defaultdict(list)
    for (split, name), repeats in scores.items():
        mean, half = mean_with_interval([s.accuracy for s in repeats])
        found[split].append((at[name], mean, 0.0 if np.isnan(half) else half))
    return dict(found)


def notes(material: Material, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The devices behind the figures, those left out, and how they are taken."""
    taken = "; ".join(f"{name}: {', '.join(devices)}" for name, devices in groups.items())
    mine = {name for devices in groups.values() for name in devices}
    inventory = material.inventory
    others = [f"{name} ({inventory[name].category})" for name in inventory.iot if name not in mine]
    said = [f"Devices by category: {taken}."]
    if others:
        said.append(
            f"Left out, of another category or with too few windows, or alone in theirs: {', '.join(others)}."
        )
    return said


def repeated(repeats: int) -> str:
    """What the intervals stand on."""
    return (
        f"± is half of the 95 % interval over {repeats} repeats of other seeds; each repeat of "
        f"{UNSEEN} draws other devices. At most {MOST} windows of a device on either side of a split."
    )
