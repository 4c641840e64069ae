"""The pictures of the page: each function returns a PNG as bytes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERDICT_COLOURS = {
    "recognised": "#2a9d58",
    "deviates": "#d1495b",
    "unknown": "#8d6fb8",
    "not enough traffic yet": "#c9c9c9",
}


def _png(figure: Any) -> bytes:
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()


def _subplots(*shape: int, **options: Any) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(*shape, **options)


def spectrograms(columns: dict[str, NDArray[np.float32]], bin_seconds: float) -> bytes:
    """The newest columns [k, h] of each device, side by side: time to the right, frequency up, in dB."""
    across = 4
    down = -(-len(columns) // across)
    figure, axes = _subplots(down, across, figsize=(12, 2.2 * down), squeeze=False, layout="constrained")
    for axis in axes.flat[len(columns) :]:
        axis.axis("off")
    for axis, (device, values) in zip(axes.flat, columns.items(), strict=False):
        height = values.shape[1]
        image = 20 * np.log10(values.T + 1)
        axis.imshow(
            image, origin="lower", aspect="auto", cmap="magma", extent=(0, len(values), 0, 0.5 / bin_seconds)
        )
        axis.set_title(f"{device}", fontsize=9)
        axis.tick_params(labelsize=7)
    figure.supxlabel(f"columns of {height * bin_seconds:g} s with traffic", fontsize=9)
    figure.supylabel("Hz", fontsize=9)
    return _png(figure)


def matrices(titled: dict[str, tuple[list[str], list[list[float | None]]]]) -> bytes:
    """Trained on (rows) x evaluated on (columns), one square a method; empty where there was no data."""
    figure, axes = _subplots(
        1, len(titled), figsize=(4.1 * len(titled), 3.9), squeeze=False, layout="constrained"
    )
    for axis, (title, (names, rows)) in zip(axes.flat, titled.items(), strict=True):
        _heat(axis, title, names, names, rows, "RdYlGn")
        axis.set_xlabel("evaluated on", fontsize=9)
        axis.set_ylabel("trained through", fontsize=9)
    return _png(figure)


def drift(titled: dict[str, dict[str, dict[str, float]]]) -> bytes:
    """The share of each device's columns that drifted, by device and interval: one square a method."""
    devices = sorted(
        {d for by_interval in titled.values() for shares in by_interval.values() for d in shares}
    )
    size = (4.1 * len(titled), 1.2 + 0.3 * len(devices))
    figure, axes = _subplots(1, len(titled), figsize=size, squeeze=False, layout="constrained")
    for axis, (title, by_interval) in zip(axes.flat, titled.items(), strict=True):
        rows = [[shares.get(device) for shares in by_interval.values()] for device in devices]
        _heat(axis, title, devices, list(by_interval), rows, "RdYlGn_r")
    return _png(figure)


def _heat(
    axis: Any, title: str, down: list[str], across: list[str], rows: list[list[float | None]], colours: str
) -> None:
    values = np.array([[np.nan if v is None else v for v in row] for row in rows], float)
    axis.imshow(values, vmin=0, vmax=1, cmap=colours, aspect="auto")
    for i, j in np.argwhere(~np.isnan(values)):
        colour = "black" if 0.15 < values[i, j] < 0.85 else "white"
        axis.text(j, i, f"{values[i, j]:.2f}", ha="center", va="center", fontsize=8, color=colour)
    axis.set_xticks(range(len(across)), across, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(down)), down, fontsize=8)
    axis.set_title(title, fontsize=10)


def verdicts(lines: list[dict]) -> bytes:
    """What the agent said of each device over time, one row a device."""
    devices = sorted({line["device"] for line in lines})
    begin = min(line["time_ns"] for line in lines)
    figure, axis = _subplots(figsize=(11, 0.45 * len(devices) + 1.2), layout="constrained")
    for verdict, colour in VERDICT_COLOURS.items():
        some = [line for line in lines if line["verdict"] == verdict]
        minutes = [(line["time_ns"] - begin) / 60e9 for line in some]
        rows = [devices.index(line["device"]) for line in some]
        axis.scatter(minutes, rows, s=14, marker="s", color=colour, label=verdict)
    axis.set_yticks(range(len(devices)), devices, fontsize=8)
    axis.set_xlabel("minutes into the replay", fontsize=9)
    axis.legend(fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return _png(figure)
