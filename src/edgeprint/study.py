"""A table and a figure of a paper, made anew on any data set, with the paper's own figures beside them.

    findings = STUDIES["cclp-labels"].run(material)       # a room's studies.py
    findings.table.markdown(), findings.table.csv(), findings.figure

A study that the data cannot answer raises NotEnoughData with the reason.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Params
from edgeprint.progress import track
from edgeprint.scores import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

T = TypeVar("T")
Cell = str | float | int
Point = tuple[float, float, float]  # x, mean, spread
Bar = tuple[float, float]  # mean, spread
MOST_SHARES = 15  # labels of a confusion matrix that has room for every share; beyond, of mistakes only


@dataclass(frozen=True)
class Material:
    """What a study works on: feature rows, who is who, every number; `quick` for a small try.

    `kind` says what the traffic is, as in "real captures" or "simulated traffic"; `read(method, params)`
    gives a method's feature rows at the settings of the params. `held_out_from`: of a resampled home, when
    (ns) the held-out part of each quarter begins.
    """

    name: str
    kind: str
    read: Callable[[str, Params], FeatureTable]
    inventory: Inventory
    params: Params
    quick: bool = False
    held_out_from: Mapping[str, int] = field(default_factory=dict)

    @property
    def repeats(self) -> int:
        """Trainings behind each mean, of different seeds."""
        return 1 if self.quick else 5

    @property
    def seeds(self) -> list[int]:
        return [self.params.seed + i for i in range(self.repeats)]

    def table(self, method: str, **settings: object) -> FeatureTable:
        """A method's feature rows; `settings` replace numbers of params.<method>.features."""
        return self.read(method, self.changed(method, "features", **settings).params)

    def changed(self, method: str, section: str, **numbers: object) -> Material:
        """The same with some numbers of params.<method>.<section> replaced. Raises BadParams."""
        return replace(self, params=self.params.changed(method, section, **numbers))


@dataclass(frozen=True)
class Table:
    """Rows under columns; a cell is a word or a number."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

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
                if isinstance(cell, float) and not math.isnan(cell):
                    found["/".join([column, *words])] = cell
        return found


@dataclass(frozen=True)
class Findings:
    """The table of a study, its figure, sentences that must be read with both, and further tables."""

    table: Table
    figure: Figure
    notes: Sequence[str] = field(default_factory=tuple)  # splits, devices left out, caveats
    details: Sequence[Table] = field(default_factory=tuple)  # such as F1 by device


@dataclass(frozen=True)
class Study:
    """`paper`: what the paper's table or figure says, in a sentence or two, with its section.

    `made_by` names the function that makes the findings, as "module:function" of its room: to list
    the studies, nothing is imported that trains.
    """

    name: str
    title: str
    paper: str
    made_by: str

    def run(self, material: Material) -> Findings:
        """Raises NotEnoughData where the data cannot answer."""
        return resolve_name(self.made_by)(material)


def each(
    work: Callable[..., T], cases: Sequence[tuple[Any, ...]], what: str, *, processes: int = -1
) -> list[T]:
    """work(*case) of every case, in order; in so many processes of one thread each, -1: one a core."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config("loky", inner_max_num_threads=1):
        done = Parallel(n_jobs=processes, return_as="generator")(delayed(work)(*case) for case in cases)
        return list(track(done, what, len(cases)))


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


def draw_curves(
    curves: Mapping[str, Sequence[Point]],
    x: str,
    y: str,
    *,
    marks: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Figure:
    """A line a name over its points, with bars of their spread; `marks` are points that others published."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for name, points in curves.items():
        at, mean, spread = zip(*points, strict=True)
        axes.errorbar(at, mean, spread, marker="o", capsize=3, label=name)
    for name, published in (marks or {}).items():
        axes.plot(*zip(*published, strict=True), "k*", markersize=10, label=name)
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def draw_bars(
    bars: Mapping[str, Mapping[str, Bar]], x: str, *, marks: Mapping[str, Mapping[str, float]] | None = None
) -> Figure:
    """A row a name, with a bar of each series in it; `marks` are values that others published."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for series in bars.values() for name in series))
    place = {name: row for row, name in enumerate(names)}
    height = 0.8 / len(bars)
    inches = 0.16 if len(names) <= MOST_SHARES else 0.09  # a bar
    figure = Figure(figsize=(8, 1.2 + inches * len(names) * (1 + len(bars))), layout="constrained")
    axes = figure.add_subplot()
    for number, (label, series) in enumerate(bars.items()):
        at = np.array([place[name] for name in series]) + height * (number + 0.5) - 0.4
        mean, spread = zip(*series.values(), strict=True)
        axes.barh(at, mean, height, xerr=spread, error_kw={"capsize": 2, "lw": 0.8}, label=label)
    for label, published in (marks or {}).items():
        axes.plot(list(published.values()), [place[name] for name in published], "k*", ls="", label=label)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set(xlabel=x, xlim=(0, None), ylim=(len(names) - 0.4, -0.6))
    axes.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def draw_confusion(axes: Axes, scores: Scores, title: str) -> None:
    """Shares of each true label (row), by predicted label."""
    share = scores.confusion / np.maximum(1, scores.confusion.sum(1, keepdims=True))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    few = len(share) <= MOST_SHARES
    worth_a_number = share > 0.005 if few else (share >= 0.05) & ~np.eye(len(share), dtype=bool)
    for i, j in np.argwhere(worth_a_number):
        colour = "white" if share[i, j] > 0.5 else "black"
        axes.text(j, i, f"{100 * share[i, j]:.0f}", ha="center", va="center", color=colour, fontsize=7)
    axes.set_xticks(range(len(scores.labels)), scores.labels, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(scores.labels)), scores.labels, fontsize=8)
    axes.set(xlabel="predicted", ylabel="true (shares in %)" if few else "true (mistakes from 5 % on)")
    axes.set_title(title, fontsize=10)


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return "–" if math.isnan(cell) else f"{cell:.3f}"
    return str(cell)
