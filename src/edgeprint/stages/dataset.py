"""A method's feature rows cut into intervals, each with a held-out last part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint import feature_table, intervals
from edgeprint.feature_table import FeatureTable
from edgeprint.stages.workspace import Workspace


@dataclass(frozen=True)
class Dataset:
    """All rows of one feature set [n], their interval's index [n] and whether they are held out [n]."""

    table: FeatureTable
    interval: NDArray[np.int64]
    names: list[str]
    held_out: NDArray[np.bool_]

    def training(self, index: int, *, since: int | None = None) -> FeatureTable:
        """Rows to train on: from interval `since` (default: the first) to `index`, without held-out ones."""
        inside = (self.interval >= (since or 0)) & (self.interval <= index)
        return self.table.select(inside & ~self.held_out)

    def testing(self, index: int) -> FeatureTable:
        """The held-out rows of one interval."""
        return self.table.select((self.interval == index) & self.held_out)

    def halves(self, index: int) -> tuple[FeatureTable, FeatureTable]:
        """The held-out rows of one interval, cut by time: to choose between models by, and to judge by."""
        rows = self.testing(index)
        later = intervals.held_out(rows, np.zeros(len(rows), "i8"), 0.5)
        return rows.select(~later), rows.select(later)

    def tested(self, index: int) -> list[FeatureTable]:
        """The held-out rows of each interval up to one."""
        return [self.testing(i) for i in range(index + 1)]


def load(workspace: Workspace, key: str) -> Dataset:
    """Read data/features/<key> and cut it as params.yaml says."""
    params = workspace.params().intervals
    table = feature_table.read(workspace.features / key).in_stream_order()
    days = sorted(path.stem for path in workspace.features.glob("*/*.parquet"))
    edges = np.array([days[0], days[-1]], "M8[ns]").astype("i8")
    interval, names = intervals.assign(table, params.by, params.count, (int(edges[0]), int(edges[1])))
    test = intervals.held_out(table, interval, params.test_fraction, workspace.held_out_from())
    return Dataset(table, interval, names, test)
