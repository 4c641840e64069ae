"""What papers/cclp section IV says of a series, for every window at once: statistics, entropy, ADF tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprint.cclp import lag_search, lag_search_qr, stationarity, statistics
from edgeprint.cclp.stationarity import attempt, near_singular_adf
from edgeprint.cclp.statistics import binned_entropy, extent, nine
from edgeprint.compiled import compiled

ENTROPY = slice(9, 10)
ADF = 10  # first of five values of the series; those of its first and second difference follow


def describe(
    values: NDArray[np.float64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Columns [k, 25] of the series values[begin[i] : end[i]]: nine statistics, ENTROPY, three ADF tests."""
    found, certain = _describe(values, begin, end)
    for row, difference in np.argwhere(~certain).tolist():
        x = np.diff(values[begin[row] : end[row]], n=difference)
        found[row, ADF + 5 * difference : ADF + 5 + 5 * difference] = near_singular_adf(x)
    return found


@compiled(lag_search, lag_search_qr, stationarity, statistics)
def _describe(values, begin, end):
    found, certain = np.empty((len(begin), 25)), np.ones((len(begin), 3), np.bool_)
    for row in range(len(begin)):
        x = values[begin[row] : end[row]].copy()
        ordered = np.sort(x)
        found[row, :9] = nine(ordered)
        found[row, 9] = binned_entropy(ordered)
        for difference in range(3):
            if difference > 0:
                x = x[1:] - x[:-1]
            found[row, ADF + 5 * difference : ADF + 5 + 5 * difference], certain[row, difference] = attempt(x)
    return found, certain


@compiled(statistics)
def extents(
    values: NDArray[np.float64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Minimum, maximum and mean [k, 3] of the series values[begin[i] : end[i]]; zeros where one is empty."""
    found = np.empty((len(begin), 3))
    for row in range(len(begin)):
        found[row] = extent(values[begin[row] : end[row]])
    return found
