"""One picture of an evaluation: F1 by interval, its decay, and how far each view of the data moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgeprint.drift.decay import ByDistance, Decay

Matrix = Sequence[Sequence[float | None]]
Shares = Mapping[str, Mapping[str, float]]  # by interval, then device: share of the columns that drifted


def summary(
    title: str,
    intervals: Sequence[str],
    f1: Matrix,
    decay: Decay,
    views: Mapping[str, Shares],
    limit: float,
) -> Figure:
    """`views` gives each panel's title and, by interval and device, shares; `limit` is the policy's."""
    devices = sorted({d for shares in views.values() for by in shares.values() for d in by})
    width, height = 8.5 + 3.2 * len(views), max(4.2, 1.8 + 0.32 * len(devices))
    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    axes = figure.subplots(1, 2 + len(views), squeeze=False)[0]
    _heat(axes[0], list(intervals), list(intervals), f1, "RdYlGn")
    axes[0].set(title="macro F1", xlabel="evaluated on", ylabel="trained through")
    _decay(axes[1], decay)
    for axis, (name, shares) in zip(axes[2:], views.items(), strict=True):
        rows = [[by.get(device) for by in shares.values()] for device in devices]
        _heat(axis, devices, list(shares), rows, "RdYlGn_r")
        axis.set(title=name, xlabel=f"limit {limit:.0%}")
    figure.suptitle(title, fontsize=11)
    return figure


def _decay(axis: Axes, decay: Decay) -> None:
    """A thin line a device, a thick one for all."""
    for name, values in decay.devices.items():
        axis.plot(_numbers(values), color="silver", linewidth=0.8, marker=".", label=f"_{name}")
    axis.plot(_numbers(decay.macro_f1), color="#1f5f8b", linewidth=2.2, marker="o", label="all")
    slope = decay.an_interval
    change = "" if slope is None else f", {slope:+.3f} an interval"
    axis.set(title=f"F1 by distance{change}", xlabel="intervals after training", ylim=(-0.02, 1.02))
    axis.set_xticks(range(len(decay.macro_f1)))
    axis.grid(alpha=0.3)


def _numbers(values: ByDistance) -> Any:
    return np.array([np.nan if value is None else value for value in values], float)


def _heat(axis: Axes, down: Sequence[str], across: Sequence[str], rows: Matrix, colours: str) -> None:
    shape = len(down), len(across)
    values = np.array([_numbers(list(row)) for row in rows], float).reshape(shape)
    axis.imshow(values, vmin=0, vmax=1, cmap=colours, aspect="auto")
    for i, j in np.argwhere(~np.isnan(values)):
        colour = "black" if 0.15 < values[i, j] < 0.85 else "white"
        axis.text(j, i, f"{values[i, j]:.2f}", ha="center", va="center", fontsize=8, color=colour)
    axis.set_xticks(range(len(across)), across, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(down)), down, fontsize=8)
