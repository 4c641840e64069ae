"""Where time is cut: the intervals that models are trained on, evaluated on and compared by.

    interval, names = assign(table, by="auto", count=4)
    test = held_out(table, interval, test_fraction=0.2)
    training = table.select((interval == 0) & ~test)

Of a resampled home, `held_out` takes the border that the home gives for each quarter, and not a fraction.

Two ways: calendar quarters of each row's start, or equal shares of each device's own rows in time order
(papers/binary-edge section 4.2). Rows of one time stamp always stay together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        names = [_name(quarter) for quarter in range(quarters[0], quarters[1] + 1)]
        return quarter_of(table.start_ns) - quarters[0], names
    interval = np.zeros(len(table), "i8")
    for rows in _devices(table):
        earlier, _, n = _ranks(table.start_ns[rows])
        interval[rows] = earlier * count // n
    return interval, [f"share {i}/{count}" for i in range(1, count + 1)]


def held_out(
    table: FeatureTable,
    interval: NDArray[np.int64],
    test_fraction: float,
    borders: Mapping[str, int] | None = None,
) -> NDArray[np.bool_]:
    """True [n] for the last `test_fraction` by time of each device's rows in each interval.

    A split by time. Windows and segments do not overlap, so none is on both sides; of spectrogram columns,
    which overlap by half, the first held-out one shares half of its bins with the last training one.
    A device with a single time stamp in an interval has it held out.

    `borders`: of a home resampled from real captures, the time (ns) from which each calendar quarter
    ("2025Q1") is held out; no packet is on both sides, whatever the fraction. Raises NotEnoughData for rows
    of a quarter that has none.
    """
    if borders:
        return table.start_ns >= _border_of(table.start_ns, borders)
    test = np.zeros(len(table), bool)
    for mine in _devices(table):
        for i in np.unique(interval[mine]):
            rows = mine[interval[mine] == i]
            _, later, n = _ranks(table.start_ns[rows])
            test[rows] = later < test_fraction * n
    return test


def _border_of(start_ns: NDArray[np.int64], borders: Mapping[str, int]) -> NDArray[np.int64]:
    """The border of the quarter of each time [n]."""
    quarters, which = np.unique(quarter_of(start_ns), return_inverse=True)
    names = [_name(quarter) for quarter in quarters.tolist()]
    if missing := [name for name in names if name not in borders]:
        raise NotEnoughData(
            f"rows of {', '.join(missing)} have no border in held_out_from of source.json, which gives those "
            f"of {', '.join(borders)}"
        )
    return np.array([borders[name] for name in names], "i8")[which]


def _name(quarter: int) -> str:
    return f"{quarter // 4}Q{quarter % 4 + 1}"


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
