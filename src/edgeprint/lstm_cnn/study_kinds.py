"""Each model of a camera, hub or switch left out of training in turn: is its kind named all the same?

findings = kinds(material)
"""

from __future__ import annotations

import numpy as np

from edgeprint.lstm_cnn.evaluate import Samples
from edgeprint.lstm_cnn.peers import FOREST, NETWORKS, predictions
from edgeprint.lstm_cnn.splits import Division, at_most, categories, chosen, windows_of
from edgeprint.lstm_cnn.study_cases import notes, sized
from edgeprint.lstm_cnn.study_figures import draw_left_out
from edgeprint.params import LstmCnnTrain
from edgeprint.reliability import mean_with_interval
from edgeprint.study import Cell, Findings, Material, Table, each

KINDS = ("camera", "hub", "switch", "switch-trigger")
MOST = 50  # windows of a device: there are as many trainings as devices, each on nearly all windows


def kinds(material: Material) -> Findings:
    """Each device of camera, hub and switch left out in turn: the network, its halves and a forest."""
    material = sized(material)
    numbers, table = material.params.lstm_cnn.train, material.table("lstm_cnn")
    groups = categories(table, material.inventory, numbers, KINDS)
    whole = windows_of(table, groups, material.inventory, numbers)
    names = [name for found in groups.values() for name in found]
    methods, seed = [FOREST, *NETWORKS], material.params.seed
    drawn = at_most(whole, MOST, np.random.default_rng(seed))
    cases = [
        (method, without(name, list(groups), drawn), numbers, seed) for method in methods for name in names
    ]
    found = np.array(each(shares_named, cases, "lstm-cnn, kinds"))
    shares = found.reshape(len(methods), len(names), len(groups))
    truth = np.array([i for i, found in enumerate(groups.values()) for _ in found])
    right = shares[:, np.arange(len(names)), truth]  # [methods, devices]
    rows: list[list[Cell]] = []
    for method, mine, named in zip(methods, right, shares.argmax(2), strict=True):
        each_kind = [float(mine[truth == i].mean()) for i in range(len(groups))]
        by_kind, majority = float(np.mean(each_kind)), float((named == truth).mean())
        rows.append([method, *mean_with_interval(mine.tolist()), by_kind, *each_kind, majority])
    details: list[list[Cell]] = [
        [method, name, list(groups)[truth[j]], float(right[i, j])]
        for i, method in enumerate(methods)
        for j, name in enumerate(names)
    ]
    columns = ["method", "right by device", "±", "right by kind", *groups, "majority right"]
    figure = draw_left_out(methods, names, right, truth, list(groups))
    said = [
        f"Each of {len(names)} devices left out of training in turn. Right by device: the mean over the "
        "devices of the share of windows named right; right by kind: the mean of the kinds' means; majority "
        "right: devices most of whose windows are named right.",
        f"± is half of the 95 % interval over the devices, one training each; at most {MOST} "
        "windows of a device.",
        *notes(material, groups),
    ]
    detail = Table("share of windows named right, by device", ["method", "device", "kind", "right"], details)
    return Findings(Table("kinds of models left out", columns, rows), figure, said, [detail])


def without(name: str, labels: list[str], samples: Samples) -> Division:
    """All other devices to train on, and this one to judge by."""
    mine = samples[0] == name
    return Division(labels, chosen(samples, ~mine), chosen(samples, mine))


def shares_named(method: str, division: Division, numbers: LstmCnnTrain, seed: int) -> list[float]:
    """Shares of the judging windows by category named [k]."""
    predicted = predictions(method, division, numbers, seed)
    return (np.bincount(predicted, minlength=len(division.labels)) / len(predicted)).tolist()
