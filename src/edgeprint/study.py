"""A table and a figure of a paper, made anew on any data set, with the paper's own figures beside them.

    findings = STUDIES["cclp-labels"].run(material)       # a room's study.py
    findings.markdown(), findings.csv(), findings.figure

A study that the data cannot answer raises NotEnoughData with the reason.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Params
from edgeprint.scores import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cell = str | float | int
Point = tuple[float, float, float]  # x, mean, spread


@dataclass(frozen=True)
class Material:
    """What a study works on: feature tables by method, who is who, every number; `quick` for a small try."""

    name: str
    simulated: bool
    read: Callable[[str], FeatureTable]
    inventory: Inventory
    params: Params
    quick: bool = False

    @property
    def repeats(self) -> int:
        """Trainings behind each mean, of different seeds."""
        return 1 if self.quick else 3


@dataclass(frozen=True)
class Findings:
    """Rows of a table, its figure, and what must be said about both."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    figure: Figure
    notes: Sequence[str] = field(default_factory=tuple)  # sentences: splits, devices left out, caveats

    def csv(self) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        return text.getvalue()

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *([_shown(c) for c in row] for row in self.rows)]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def metrics(self) -> dict[str, float]:
        """Every number of the table under its column and the row's words: what MLflow keeps."""
        found = {}
        for row in self.rows:
            words = [str(cell) for cell in row if isinstance(cell, str)]
            for column, cell in zip(self.columns, row, strict=True):
                if isinstance(cell, float):
                    found["/".join([column, *words])] = cell
        return found


@dataclass(frozen=True)
class Study:
    """`paper`: what the paper's table or figure says, in a sentence or two, with its section."""

    name: str
    title: str
    paper: str
    run: Callable[[Material], Findings]


def by_name(studies: Iterable[Study]) -> Mapping[str, Study]:
    return {study.name: study for study in studies}


def later(table: FeatureTable, share: float) -> NDArray[np.bool_]:
    """The last `share` of each device's rows [n], in time."""
    chosen = np.zeros(len(table), bool)
    for device in table.devices:
        rows = np.flatnonzero(table.device == device)
        rows = rows[np.argsort(table.start_ns[rows], kind="stable")]
        chosen[rows[len(rows) - round(share * len(rows)) :]] = True
    return chosen


def drawn(table: FeatureTable, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """A random `share` of each device's rows [n]."""
    chosen = np.zeros(len(table), bool)
    for device in table.devices:
        rows = random.permutation(np.flatnonzero(table.device == device))
        chosen[rows[: round(share * len(rows))]] = True
    return chosen


def draw_curves(curves: Mapping[str, Sequence[Point]], x: str, y: str) -> Figure:
    """A line a name over its points, with bars of their spread, named at its end."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for name, points in curves.items():
        at, mean, spread = zip(*points, strict=True)
        axes.errorbar(at, mean, spread, marker="o", capsize=3, label=name)
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def draw_confusion(axes: Axes, scores: Scores, title: str) -> None:
    """Shares of each true label (row), by predicted label."""
    share = scores.confusion / np.maximum(1, scores.confusion.sum(1, keepdims=True))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.argwhere(share > 0.005):
        colour = "white" if share[i, j] > 0.5 else "black"
        axes.text(j, i, f"{100 * share[i, j]:.0f}", ha="center", va="center", color=colour, fontsize=7)
    axes.set_xticks(range(len(scores.labels)), scores.labels, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(scores.labels)), scores.labels, fontsize=8)
    axes.set(xlabel="predicted", ylabel="true (shares in %)")
    axes.set_title(title, fontsize=10)


def _shown(cell: Cell) -> str:
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
