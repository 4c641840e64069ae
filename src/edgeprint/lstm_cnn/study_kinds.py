"""Each model of a camera, hub or switch left out of training in turn: is its kind named all the same?

findings = kinds(material)
"""

from __future__ import annotations

import numpy as np

from edgeprint.lstm_cnn.peers import FOREST, NETWORKS, predictions
from edgeprint.lstm_cnn.splits import MOST, Division, at_most, categories, chosen, windows_of
from edgeprint.lstm_cnn.study_cases import notes, sized
from edgeprint.lstm_cnn.study_figures import draw_left_out
from edgeprint.reliability import mean_with_interval
from edgeprint.study import Cell, Findings, Material, Table, each

KINDS = ("camera", "hub", "switch", "switch-trigger")
REPEATS = 3


def kinds(material: Material) -> Findings:
    """Each device of camera, hub and switch left out in turn: the network, its halves and a forest."""
    material = sized(material)
    numbers, table = material.params.lstm_cnn.train, material.table("lstm_cnn")
    groups = categories(table, material.inventory, numbers, KINDS)
    names = [name for found in groups.values() for name in found]
    methods = [FOREST, *NETWORKS]
    seeds = material.seeds[:REPEATS]
    cases = [(material, groups, method, name, seed) for method in methods for name in names for seed in seeds]
    shares = np.array(each(left_out, cases, "lstm-cnn, kinds")).reshape(
        len(methods), len(names), len(seeds), len(groups)
    )
    truth = np.array([i for i, found in enumerate(groups.values()) for _ in found])
    rows: list[list[Cell]] = []
    details: list[list[Cell]] = []
    by_device = []
    for method, found in zip(methods, shares, strict=True):
        right = found[np.arange(len(names)), :, truth]  # [devices, seeds]
        windows, devices = right.mean(0), (found.argmax(2) == truth[:, None]).mean(0)
        recall = np.array([right[truth == i].mean(0) for i in range(len(groups))]).mean(0)
        rows.append(
            [
                method,
                len(names),
                *mean_with_interval(windows),
                *mean_with_interval(recall),
                float(devices.mean()),
            ]
        )
        by_device.append(right.mean(1))
        details += [
            [method, name, list(groups)[kind], float(share)]
            for name, kind, share in zip(names, truth, right.mean(1), strict=True)
        ]
    columns = ["method", "devices", "right by device", "±", "mean of the kinds", "± kinds", "majority right"]
    figure = draw_left_out(methods, names, np.array(by_device), truth, list(groups))
    said = [
        "Right by device: the mean over the devices of the share of windows named right, each device left "
        "out of training in turn; majority right: devices most of whose windows are named right.",
        f"± is half of the 95 % interval over {len(seeds)} seeds; the devices are the same.",
        *notes(material, groups),
    ]
    detail = Table("share of windows named right, by device", ["method", "device", "kind", "right"], details)
    return Findings(Table("kinds of models left out", columns, rows), figure, said, [detail])


def left_out(
    material: Material, groups: dict[str, list[str]], method: str, name: str, seed: int
) -> list[float]:
    """Shares of a device's windows by category named [k], by a model of all other devices of the groups."""
    numbers = material.params.lstm_cnn.train
    samples = windows_of(material.table("lstm_cnn"), groups, material.inventory, numbers)
    samples = at_most(samples, MOST, np.random.default_rng(seed))
    mine = samples[0] == name
    sides = [chosen(samples, rows) for rows in (~mine, mine)]
    predicted = predictions(method, Division(list(groups), *sides), numbers, seed)
    return (np.bincount(predicted, minlength=len(groups)) / len(predicted)).tolist()
