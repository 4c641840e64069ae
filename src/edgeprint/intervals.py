"""Where time is cut: the intervals that models are trained on, evaluated on and compared by.

    interval, names = assign(table, by="auto", count=4)
    test = held_out(table, interval, test_fraction=0.2)
    training = table.select((interval == 0) & ~test)

Two ways: calendar quarters of each row's start, or equal shares of each device's own rows in time order
(papers/binary-edge section 4.2). Rows of one time stamp always stay together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable

By = Literal["auto", "calendar", "shares"]


def span(tables: Sequence[FeatureTable]) -> tuple[int, int]:
    """First and last row start (ns) over several feature sets: given to `assign`, all get the same names."""
    starts = [edge for t in tables if len(t) for edge in (t.start_ns.min(), t.start_ns.max())]
    if not starts:
        raise NotEnoughData("no feature set has a row: there is nothing to cut into intervals")
    return int(min(starts)), int(max(starts))


def assign(
    table: FeatureTable, by: By, count: int, span_ns: tuple[int, int] | None = None
) -> tuple[NDArray[np.int64], list[str]]:
    """The interval of each row [n] as an index into the names ("2025Q1" or "share 1/4").

    `auto` is calendar where the rows (or `span_ns`, the whole data set) reach over several quarters, else
    shares. Calendar names run without a gap, so a quarter with no row is named and visible.
    Raises NotEnoughData where there is neither a row nor a span.
    """
    quarters = quarter_of(np.array(span_ns or span([table])))
    if by == "calendar" or (by == "auto" and quarters[0] < quarters[1]):
        names = [f"{q // 4}Q{q % 4 + 1}" for q in range(quarters[0], quarters[1] + 1)]
        return quarter_of(table.start_ns) - quarters[0], names
    interval = np.zeros(len(table), "i8")
    for rows in _devices(table):
        earlier, _, n = _ranks(table.start_ns[rows])
        interval[rows] = earlier * count // n
    return interval, [f"share {i}/{count}" for i in range(1, count + 1)]


def held_out(table: FeatureTable, interval: NDArray[np.int64], test_fraction: float) -> NDArray[np.bool_]:
    """True [n] for the last `test_fraction` by time of each device's rows in each interval.

    A split by time. Windows and segments do not overlap, so none is on both sides; of spectrogram columns,
    which overlap by half, the first held-out one shares half of its bins with the last training one.
    A device with a single time stamp in an interval has it held out.
    """
    test = np.zeros(len(table), bool)
    for mine in _devices(table):
        for i in np.unique(interval[mine]):
            rows = mine[interval[mine] == i]
            _, later, n = _ranks(table.start_ns[rows])
            test[rows] = later < test_fraction * n
    return test


def quarter_of(start_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The calendar quarter (UTC) of each time as 4 * year + 0..3."""
    months = start_ns.astype("M8[ns]").astype("M8[M]").astype("i8")
    return 4 * 1970 + months // 3


def _devices(table: FeatureTable) -> Iterator[NDArray[np.int64]]:
    for device in table.devices:
        yield np.flatnonzero(table.device == device)


def _ranks(start_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Of each row: how many rows are strictly earlier [n] and strictly later [n]; and n."""
    ordered, n = np.sort(start_ns), len(start_ns)
    return (
        np.searchsorted(ordered, start_ns, "left"),
        n - np.searchsorted(ordered, start_ns, "right"),
        n,
    )
