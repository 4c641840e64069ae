"""The pictures that every training run carries, drawn without a screen and without pyplot's global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from edgeprint.scores import Scores


def confusion(scores: Scores, title: str) -> Figure:
    """Confusion matrix: colour is the share of the row's truth, text is the count."""
    k = len(scores.labels)
    side = max(4.5, 2.6 + 0.5 * k)
    figure = Figure(figsize=(side + 0.6, side), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    share = scores.confusion / np.maximum(1, scores.confusion.sum(1, keepdims=True))
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.argwhere(scores.confusion > 0):
        colour = "white" if share[i, j] > 0.5 else "black"
        axes.text(j, i, f"{scores.confusion[i, j]}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(k), scores.labels, rotation=45, ha="right")
    axes.set_yticks(range(k), scores.labels)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title(f"{title}\nmacro-F1 {scores.macro_f1:.3f}, {scores.samples} samples", fontsize=10)
    figure.colorbar(image, label="share of the true label", shrink=0.8)
    return figure


def f1_by_interval(
    f1: Mapping[str, Sequence[float | None]], intervals: Sequence[str], title: str, floor: float | None = None
) -> Figure:
    """A line for each interval (or device) trained on over the intervals evaluated on; None leaves a gap."""
    figure = Figure(figsize=(2.6 + 1.1 * max(4, len(intervals)), 4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for name, values in f1.items():
        points = np.array([np.nan if v is None else v for v in values], float)
        axes.plot(range(len(intervals)), points, marker="o", label=name)
    if floor is not None:
        axes.axhline(floor, color="grey", linestyle=":", label=f"asked: {floor:g}")
    axes.set_xticks(range(len(intervals)), intervals)
    axes.set(xlabel="evaluated on", ylabel="macro-F1", ylim=(-0.02, 1.02), xlim=(-0.3, len(intervals) - 0.7))
    axes.grid(alpha=0.3)
    axes.set_title(title, fontsize=10)
    figure.legend(title="trained on", loc="outside right upper", fontsize=8)
    return figure
