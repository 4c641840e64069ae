"""Tables 2 and 3 of papers/binary-edge: F1 by normalisation and by input size.

A home's models of one size are trained in one process, several sizes side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from matplotlib.figure import Figure

from edgeprint.binary.effort import PAPER_AREA, affordable, asked_devices
from edgeprint.binary.features import NORMALISATIONS
from edgeprint.binary.home import HELD_OUT, WHERE, Home, Judged, rounds
from edgeprint.study import Cell, Findings, Material, Table, each

Size = tuple[int, int]  # height, width
SIZES: tuple[Size, ...] = ((75, 60), (75, 120), (150, 60), (150, 120))
PAPER_F1: dict[str, dict[Size, float]] = {  # table 2
    "log+max+centre": {(75, 60): 0.17, (75, 120): 0.26, (150, 60): 0.18, (150, 120): 0.18},
    "max+centre": {(75, 60): 0.15, (75, 120): 0.20, (150, 60): 0.15, (150, 120): 0.16},
    "log+max": {(75, 60): 0.55, (75, 120): 0.46, (150, 60): 0.60, (150, 120): 0.55},
    "max": {(75, 60): 0.87, (75, 120): 0.86, (150, 60): 0.87, (150, 120): 0.76},
}
PAPER_BY_DISTANCE: dict[Size, dict[int, tuple[float, float]]] = {  # table 3: hc, ce; distance 3: section 4.5
    (75, 60): {0: (0.90, 0.94), 1: (0.72, 0.78), 2: (0.47, 0.55), 3: (0.42, 0.54)},
    (75, 120): {0: (0.91, 0.95), 1: (0.75, 0.80), 2: (0.50, 0.56)},
    (150, 60): {0: (0.91, 0.94), 1: (0.74, 0.78), 2: (0.50, 0.56)},
    (150, 120): {0: (0.93, 0.95), 1: (0.76, 0.80), 2: (0.54, 0.59)},
}
SCENARIOS = (  # of section 4.3, as evaluate.score counts them
    "F1 hc, highest confidence: a sample goes to the device whose model is surest. F1 ce, confident enough: "
    "a sample is shown to its own device's model alone; one that is turned away counts as a miss and as a "
    "false alarm, so that F1 is the share of a device's samples that its own model accepts. Both are means "
    "over the devices."
)
NAN = float("nan")
Measure = Callable[[Judged], float]


def highest(judged: Judged) -> float:
    """Macro F1 of the highest confidence."""
    return judged.scores.macro_f1


def enough(judged: Judged) -> float:
    """Macro F1 of confident enough."""
    return judged.scores.extra["ce_macro_f1"]


def forest(judged: Judged) -> float:
    return judged.forest.macro_f1


def at(judged: Iterable[Judged], where: str, distance: int, measure: Measure) -> float:
    """Mean over all pairs of intervals that lie so far apart; NaN where there is none."""
    found = [measure(j) for j in judged if j.where == where and j.asked - j.trained == distance]
    return float(np.mean(found)) if found else NAN


def sizes_of(material: Material) -> tuple[Size, ...]:
    """The paper's; a quick try takes that of the params and its double width."""
    if not material.quick:
        return SIZES
    height, width = material.params.binary.features.height, material.params.binary.train.width
    return (height, width), (height, 2 * width)


def sized(material: Material, size: Size) -> Material:
    height, width = size
    return material.changed("binary", "features", height=height).changed("binary", "train", width=width)


def shown(size: Size) -> str:
    return f"{size[0]}×{size[1]}"


def normalisation(material: Material) -> Findings:
    """Table 2: four normalisations by four sizes, trained on the first interval."""
    sizes = sizes_of(material)
    names = ("max", "log+max") if material.quick else NORMALISATIONS
    cases = [(size, how) for size in sizes for how in names]
    found, notes = _judged(material, sizes, cases, most=1)
    rows: list[list[Cell]] = [
        [
            shown(size),
            "yes" if "log" in how else "no",
            "yes" if "centre" in how else "no",
            where,
            *(at(found[size, how], where, 0, measure) for measure in (highest, enough, forest)),
            PAPER_F1[how].get(size, NAN),
        ]
        for size, how in cases
        for where in WHERE
    ]
    columns = ["input", "logarithm", "centre", "evaluated on", "F1 hc", "F1 ce", "forest F1", "paper F1"]
    notes.append(
        "Every normalisation divides each sample by its maximum. Trained on the first interval only."
    )
    return Findings(Table("F1 by normalisation", columns, rows), _bars(found, sizes, names), notes)


def sizes(material: Material) -> Findings:
    """Table 3: four sizes, evaluated 0 to 3 intervals after the one trained last, in both scenarios."""
    chosen, how = sizes_of(material), material.params.binary.train.normalisation
    found, notes = _judged(material, chosen, [(size, how) for size in chosen], most=None)
    distances = sorted({j.asked - j.trained for j in found[chosen[0], how]})[:4]
    rows: list[list[Cell]] = []
    for size in chosen:
        for where in WHERE:
            for d in distances:
                mean = [at(found[size, how], where, d, m) for m in (highest, enough, forest)]
                rows.append(
                    [shown(size), where, f"{d}", *mean, *PAPER_BY_DISTANCE.get(size, {}).get(d, (NAN, NAN))]
                )
    columns = ["input", "evaluated on", "prediction window", "F1 hc", "F1 ce", "forest F1"]
    columns += ["paper hc", "paper ce"]
    judged = {size: found[size, how] for size in chosen}
    notes.append(f"Samples are normalised by {how}.")
    return Findings(Table("F1 by input size and distance", columns, rows), _lines(judged, distances), notes)


def _judged(
    material: Material, sizes: tuple[Size, ...], cases: list[tuple[Size, str]], *, most: int | None
) -> tuple[dict[tuple[Size, str], list[Judged]], list[str]]:
    """`rounds` of each case, size and normalisation, and the notes."""
    homes = [Home.of(sized(material, size)) for size in sizes]
    devices, notes = asked_devices(material, homes)
    area = sum(height * width / PAPER_AREA for (height, width), _ in cases)
    count = most or len(homes[0].names)
    material, effort = affordable(
        material, homes[0], devices, trainings=area * count, askings=area * count * (count + 1)
    )
    largest_first = sorted(cases, key=lambda case: -case[0][0] * case[0][1])
    work = [
        (sized(material, size).changed("binary", "train", normalisation=how), devices, material.params.seed)
        for size, how in largest_first
    ]
    done = each(rounds, [(*w, most) for w in work], "binary models", processes=1 if material.quick else -1)
    notes += [effort, SCENARIOS, "One training of each case."]
    return dict(zip(largest_first, done, strict=True)), notes


def _bars(
    found: dict[tuple[Size, str], list[Judged]], sizes: tuple[Size, ...], names: tuple[str, ...]
) -> Figure:
    """A group of bars a normalisation, one a size, with the paper's F1 as a line across each."""
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / len(sizes)
    for number, size in enumerate(sizes):
        x = np.arange(len(names)) + (number - (len(sizes) - 1) / 2) * width
        height = [at(found[size, how], HELD_OUT, 0, highest) for how in names]
        axes.bar(x, height, 0.9 * width, label=shown(size))
        paper = [PAPER_F1[how].get(size, NAN) for how in names]
        label = "the paper's" if number == 0 else None
        axes.plot(x, paper, "k_", markersize=14, markeredgewidth=2, linestyle="none", label=label)
    axes.set_xticks(range(len(names)), names)
    axes.set(xlabel="normalisation of a sample", ylabel=f"F1, highest confidence, {HELD_OUT}", ylim=(0, 1.02))
    axes.grid(alpha=0.3, axis="y")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def _lines(judged: dict[Size, list[Judged]], distances: list[int]) -> Figure:
    """A panel a scenario; a colour a size, ours solid and the paper's dashed."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    scenarios: list[tuple[str, Measure]] = [("highest confidence", highest), ("confident enough", enough)]
    for place, (axes, (title, measure)) in enumerate(zip(panels, scenarios, strict=True)):
        for number, (size, found) in enumerate(judged.items()):
            colour, ours = f"C{number}", [at(found, HELD_OUT, d, measure) for d in distances]
            axes.plot(distances, ours, "o-", color=colour, label=shown(size) if not place else None)
            paper = [PAPER_BY_DISTANCE.get(size, {}).get(d, (NAN, NAN))[place] for d in distances]
            label = f"{shown(size)}, the paper's" if not place else None
            axes.plot(distances, paper, "x--", color=colour, alpha=0.6, label=label)
        axes.set(xlabel="intervals since the last training", ylim=(0, 1.02), xticks=distances)
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"F1, {HELD_OUT}")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure
