"""Pictures of the room's studies: bars by method, and by device left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeprint.lstm_cnn.peers import PAPER
from edgeprint.reliability import mean_with_interval
from edgeprint.scores import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_bars(scores: Mapping[tuple[str, str], Sequence[Scores]]) -> Figure:
    """Accuracy of each method by split, with its interval; a diamond where the paper's table has it."""
    from matplotlib.figure import Figure

    splits, methods = list(dict.fromkeys(s for s, _ in scores)), list(PAPER)
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    axes = figure.add_subplot()
    place, thick = np.arange(len(methods)), 0.8 / len(splits)
    for i, split in enumerate(splits):
        found = [mean_with_interval([s.accuracy for s in scores[split, method]]) for method in methods]
        mean, half = np.nan_to_num(np.array(found)).T
        axes.barh(place + (i - 1) * thick, mean, thick * 0.9, xerr=half, capsize=2, label=split)
    axes.plot([PAPER[m] for m in methods], place - thick, "kD", markersize=5, label="the paper, never-seen")
    axes.set_yticks(place, methods)
    axes.invert_yaxis()
    axes.set(xlabel="accuracy", xlim=(0, 1))
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    return figure


def draw_left_out(
    methods: Sequence[str], names: Sequence[str], right: NDArray, truth: NDArray, kinds: Sequence[str]
) -> Figure:
    """Share of windows named right [methods, devices], a column a method, a row a device, by kind."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1.6 + 0.26 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(right.T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (j, i), share in np.ndenumerate(right):
        colour = "white" if share > 0.5 else "black"
        axes.text(j, i, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(methods)), methods, fontsize=9)
    axes.set_yticks(
        range(len(names)), [f"{n} ({kinds[k]})" for n, k in zip(names, truth, strict=True)], fontsize=8
    )
    for edge in np.flatnonzero(np.diff(truth)):
        axes.axhline(edge + 0.5, color="black", linewidth=1)
    axes.set_title("windows of the left-out device named right (%)", fontsize=10)
    return figure
