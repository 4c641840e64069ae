"""Trainings behind a study of papers/cclp: each method on the same split, with the same labels, judged alike.

found = trials(material, [0.01, 0.08], ["CCLP", *BASELINES], seeds, "cclp-labels")
found["by time", 0.01, "CCLP"]           # Answers of every seed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeprint.cclp.batches import choose_labelled, learnable
from edgeprint.cclp.evaluate import NON_IOT, decide, truth
from edgeprint.cclp.network import Model, predict
from edgeprint.cclp.peers import PEERS
from edgeprint.cclp.train import train
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Cclp
from edgeprint.reliability import expected_calibration_error
from edgeprint.scores import Scores
from edgeprint.study import Material, drawn, each, later

T = TypeVar("T")
TEST_SHARE = 0.3  # section VI
SPLITS = ("at random", "by time")
OURS: Mapping[str, Mapping[str, float]] = {"CCLP": {}, "without CCLP": {"weight": 0.0}}  # of cclp.train
QUICK_ITERATIONS = 30
MANY_DEVICES = 12  # from here on a grid of trainings has fewer repeats
FEW_REPEATS = 3


@dataclass(frozen=True)
class Answers:
    """What a method made of the held-out windows [n]: true and given places in `labels`, and how surely."""

    labels: list[str]  # the devices, then non-IoT
    truth: NDArray[np.int64]
    given: NDArray[np.int64]
    confidence: NDArray[np.float64]

    @property
    def scores(self) -> Scores:
        return Scores.count(self.labels, self.truth, self.given)

    @property
    def ece(self) -> float:
        return expected_calibration_error(self.confidence, self.truth == self.given)


@dataclass(frozen=True)
class Judged:
    """One CCLP training: labels and probabilities [n, C + 1] of the held-out windows [n]."""

    devices: list[str]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def at(self, threshold: float) -> Answers:
        """As section V decides. The confidence is that of the answer: P(IoT) times the device's softmax."""
        given, iot = decide(self.probabilities, threshold), self.probabilities[:, -1].astype("f8")
        device = iot * self.probabilities[:, :-1].max(1)
        sure = np.where(given < len(self.devices), device, 1 - iot)
        return Answers([*self.devices, NON_IOT], self.truth, given, sure)


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


def model_of(material: Material, training: FeatureTable, seed: int, **changed: float) -> Model:
    """A CCLP model of the windows, with some numbers of params.cclp.train changed."""
    quick = {"iterations": QUICK_ITERATIONS} if material.quick else {}
    params: Cclp = material.changed("cclp", "train", **quick | changed).params.cclp
    nothing = training.select(np.zeros(len(training), bool))
    return train(training, nothing, material.inventory, params, seed=seed)


def judged(material: Material, split: str, seed: int, **changed: float) -> Judged:
    """Train on the split's training windows and judge on those held out, of the devices that were learned."""
    training, held_out = divided(material, split, seed)
    model = model_of(material, training, seed, **changed)
    known, label = _judgeable(held_out, model.devices, material.inventory)
    return Judged(model.devices, label, predict(model, known.values))


def shown_labels(
    training: FeatureTable, devices: list[str], inventory: Inventory, fraction: float, seed: int
) -> NDArray[np.int64]:
    """Labels of training windows [n] as `train` draws them with this seed: -1 where one is not shown.

    `train` draws from the windows that are left when some are held back for calibration. A peer calibrates
    nothing and is shown its share of all of them: up to a tenth more at the project's parameters.
    """
    label = truth(training, devices, inventory)
    chosen = choose_labelled(label, fraction, np.random.default_rng(seed))
    rows = np.concatenate(list(chosen.values()))
    shown = np.full(len(label), -1)
    shown[rows] = label[rows]
    return shown


def answers(material: Material, split: str, fraction: float, method: str, seed: int) -> Answers:
    """One method, of OURS or of PEERS, trained with `fraction` of the labels. Raises NotEnoughData."""
    if method in OURS:
        numbers = {"label_fraction": fraction, **OURS[method]}
        return judged(material, split, seed, **numbers).at(material.params.cclp.threshold)
    training, held_out = divided(material, split, seed)
    devices, _ = learnable(training, material.inventory)
    training, _ = _judgeable(training, devices, material.inventory)
    asked, label = _judgeable(held_out, devices, material.inventory)
    shown = shown_labels(training, devices, material.inventory, fraction, seed)
    given, confidence = PEERS[method].answer(training, shown, asked, seed=seed)
    return Answers([*devices, NON_IOT], label, given, confidence)


def _judgeable(
    table: FeatureTable, devices: list[str], inventory: Inventory
) -> tuple[FeatureTable, NDArray[np.int64]]:
    """Windows of the devices and of non-IoT, with their labels. Raises NotEnoughData where there are none."""
    label = truth(table, devices, inventory)
    if not (label >= 0).any():
        raise NotEnoughData(f"none of {len(table)} windows is of a device that was learned")
    return table.select(label >= 0), label[label >= 0]


def trials(
    material: Material,
    fractions: Sequence[float],
    methods: Sequence[str],
    seeds: Sequence[int],
    what: str,
) -> dict[tuple[str, float, str], list[Answers]]:
    """Answers of every seed by split, share of labels and method, side by side."""
    keys = [(s, f, m) for s in SPLITS for f in fractions for m in methods]
    done = side_by_side(material, answers, [(*key, seed) for key in keys for seed in seeds], what)
    return {key: done[i * len(seeds) : (i + 1) * len(seeds)] for i, key in enumerate(keys)}


def side_by_side(
    material: Material, work: Callable[..., T], cases: Sequence[tuple[Any, ...]], what: str
) -> list[T]:
    """work(material, *case) of every case; a quick try is over before further processes would have begun."""
    material.table("cclp")  # extracted here, if at all: not once in each process
    processes = 1 if material.quick else -1
    return each(work, [(material, *case) for case in cases], what, processes=processes)


def grid_seeds(material: Material) -> list[int]:
    """Seeds of a study of many trainings: fewer repeats where there are many devices."""
    many = len(material.inventory.devices) > MANY_DEVICES
    return material.seeds[:FEW_REPEATS] if many else material.seeds
