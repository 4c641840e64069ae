"""The lag search out of the columns themselves, for designs whose normal equations lose too many digits.

A QR decomposition (Householder) of the centred columns does not square their condition, as a Gram matrix
does; it costs n * lags^2 instead of n * lags. One series in thirty of a quiet week's captures comes here.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from edgeprint.cclp.lag_search import LOST, centre, dot, least_aic, subtract

ROUNDING = 1e-15
RELIABLE = 1e-6  # error of the residual; the statistic's own is far smaller
PERFECT = 1e-14  # a residual this small is mostly rounding
TINY = 1e-40  # instead of no pivot or residual at all: its error is beyond any use


@njit
def search_by_qr(x: NDArray[np.float64], highest: int) -> tuple[float, int, bool]:
    """As lag_search.search: t statistic of the level, lag order, whether both are certain."""
    if highest < 0 or len(x) < 2 * highest + 4:
        return 0.0, 0, False
    _, residual, error = _decompose(x, highest, 0)
    order, certain = least_aic(residual, error, len(x) - 1 - highest)
    if not certain:
        return 0.0, 0, False
    along, residual, error = _decompose(x, order, order)
    if error[order] > RELIABLE or residual[order] < PERFECT:
        return 0.0, 0, False
    return along[order] * math.sqrt((len(x) - 3 - 2 * order) / residual[order]), order, True


@njit
def _decompose(x, p, level_at):
    """The regression of order p, its level among the regressors at 0 or p: along, residual, error [p+1].

    `along` is the regressand's part along each regressor without those before it, as a share of its norm;
    `residual` and `error` are those of `lag_search`, but that here the condition is not squared.
    """
    columns, raw = _columns(x, p, level_at)
    diagonal = _triangle(columns)
    last, largest, weakest = columns[p + 1], float(columns.shape[1]), 1.0
    for j in range(p + 2):
        largest = max(largest, raw[j])
    along, residual, error = np.empty(p + 1), np.empty(p + 1), np.empty(p + 1)
    left = diagonal[p + 1] ** 2
    for j in range(p, -1, -1):
        residual[j] = left / raw[p + 1]
        left += last[j] ** 2
    for j in range(p + 1):
        kept = diagonal[j] ** 2 > LOST * largest
        weakest = min(weakest, diagonal[j] ** 2 / raw[j] if kept else 0.0)
        error[j] = ROUNDING / math.sqrt(max(weakest * residual[j], TINY))
        along[j] = math.copysign(1.0, diagonal[j]) * last[j] / math.sqrt(raw[p + 1])
    return along, residual, error


@njit
def _columns(x, p, level_at):
    """Centred columns, one a row [p+2, n-1-p], the regressand last, and their squared norms before [p+2]."""
    rows = len(x) - 1 - p
    columns, raw = np.empty((p + 2, rows)), np.empty(p + 2)
    lag = 1
    for j in range(p + 2):
        if j == level_at:
            for i in range(rows):
                columns[j, i] = x[p + i]
        else:
            of = 0 if j == p + 1 else lag
            for i in range(rows):
                columns[j, i] = x[p + 1 - of + i] - x[p - of + i]
            lag += 1
        raw[j] = dot(columns[j], columns[j])
        if raw[j] == 0.0:
            raw[j] = 1.0
        centre(columns[j])
    return columns, raw


@njit
def _triangle(columns):
    """Householder's decomposition in place: R[j, i] in columns[i, j] for j < i; returns R's diagonal."""
    count, rows = columns.shape
    diagonal = np.zeros(count)
    for j in range(min(count, rows)):
        mirror = columns[j, j:]
        norm = math.sqrt(dot(mirror, mirror))
        if norm == 0.0:
            continue
        diagonal[j] = -math.copysign(norm, mirror[0])
        mirror[0] -= diagonal[j]
        half = dot(mirror, mirror) / 2
        for i in range(j + 1, count):
            subtract(columns[i, j:], dot(mirror, columns[i, j:]) / half, mirror)
    return diagonal
