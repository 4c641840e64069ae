"""All lag orders of the augmented Dickey-Fuller regression out of one Gram matrix, compiled.

With d = diff(x), order p regresses d[t] on 1, x[t], d[t-1] .. d[t-p]. Every order is a leading part of the
largest design, so one Cholesky factor of its Gram matrix holds the residual sum of squares of them all. The
Gram matrix is nearly Toeplitz: entries at one distance share all but a few products of their sums, which
costs n * lags instead of n * lags^2. Sums only grow and nothing is subtracted again, so that an outlier stays
in the entries it belongs to.

Compiled because a quiet window's 18 series are short (a median of 36 points in the captures this was
measured on) and numpy would spend its time on calls, a busy one's long: 5 us for 36 points, 2 ms for 20,000.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

REORDER = {"reassoc", "contract"}  # a sum may be split over vector lanes; nothing else is loosened
ROUNDING = 2e-15  # of the Gram matrix's entries, relative to the norms of their columns
EXACT = 1e-4  # `weakest` pivot times residual from which the normal equations keep 10 digits by themselves
REFINABLE = 1e-9  # and from which they do with one step of refinement
LOST = 1e-11  # a pivot this small beside the largest column is lost to statsmodels' SVD as well


@njit(cache=True, fastmath=REORDER)
def _dot(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(cache=True, fastmath=REORDER)
def _subtract(a, factor, b):
    for i in range(len(a)):
        a[i] -= factor * b[i]


@njit(cache=True)
def _shared_sums(level, d, m):
    """Over the rows that all columns of order m share: d d by distance, level d by lag, each [m+1]."""
    n = len(level)
    by_distance, by_lag = np.empty(m + 1), np.empty(m + 1)
    for k in range(m + 1):
        by_distance[k] = _dot(d[m : n - 1 - m + k], d[m - k : n - 1 - m])
        by_lag[k] = _dot(level[m : n - 1], d[m - k : n - 1 - k])
    return by_distance, by_lag


@njit(cache=True)
def _differences(d, by_distance, m, p):
    """Products [p+1, p+1] of the differences at lags 0..p over the rows of order p <= m; upper triangle.

    Entry (i, i+k) sums d[s] d[s-k] for s from p-i to last-i: the shared middle, then either end.
    """
    last = len(d) - 1
    products = np.zeros((p + 1, p + 1))
    for k in range(p + 1):
        total = by_distance[k]
        for s in range(last - m + k + 1, last - p + k + 1):
            total += d[s] * d[s - k]
        products[p - k, p] = total
        for i in range(p - k - 1, -1, -1):
            total += d[last - i] * d[last - i - k]
            products[i, i + k] = total
        before = 0.0
        for s in range(p, m):
            before += d[s] * d[s - k]
        for i in range(p - k + 1):
            if i > 0:
                before += d[p - i] * d[p - i - k]
            products[i, i + k] += before
    return products


@njit(cache=True)
def _gram(level, mean, d, sums, m, p, level_at):
    """Gram matrix [p+2, p+2] of the centred columns, lower triangle, and their squared norms before it [p+2].

    Regressors come in the order of their lags with the level at 0 or p; the regressand is last.
    """
    by_distance, by_lag = sums
    rows = len(d) - p
    level_sum = level[p:-1].sum()
    products = _differences(d, by_distance, m, p)
    column_sum = np.array([level[-1 - lag] - level[p - lag] for lag in range(p + 1)])
    place = np.arange(p + 1) - (level_at > 0)
    place[0] = p + 1
    gram, raw = np.zeros((p + 2, p + 2)), np.zeros(p + 2)
    squared = _dot(level[p:-1], level[p:-1])
    gram[level_at, level_at] = squared - level_sum * level_sum / rows
    raw[level_at] = max(squared, gram[level_at, level_at] + rows * (mean + level_sum / rows) ** 2)
    for i in range(p + 1):
        a = place[i]
        raw[a] = products[i, i]
        for j in range(i, p + 1):
            b = place[j]
            gram[max(a, b), min(a, b)] = products[i, j] - column_sum[i] * column_sum[j] / rows
        cross = by_lag[i] + _dot(level[p:m], d[p - i : m - i])
        gram[max(a, level_at), min(a, level_at)] = cross - level_sum * column_sum[i] / rows
    return gram, raw


@njit(cache=True)
def _factor(gram, raw, rows):
    """Cholesky in place of the Gram matrix scaled to a unit diagonal: norms, weakest pivots, residuals.

    `weakest` [j]: the smallest share of its squared norm (before centring) that one of the columns 0..j keeps
    once those before it are taken out; 0 from a dependent column on. `residual` [j]: what columns 0..j leave
    of the regressand, as the same share.
    """
    size = len(gram)
    weakest, residual = np.zeros(size - 1), np.zeros(size - 1)
    squared = np.diag(gram).copy()
    norm, left = np.sqrt(squared), np.ones(size)
    smallest = LOST * max(raw.max(), float(rows))
    if not squared.min() > 0.0:
        return norm, weakest, residual
    norm[-1], left[-1] = math.sqrt(raw[-1]), squared[-1] / raw[-1]
    for j in range(size - 1):
        if not left[j] * squared[j] > smallest:
            return norm, weakest, residual
        weakest[j] = left[j] * squared[j] / raw[j]
        if j > 0:
            weakest[j] = min(weakest[j], weakest[j - 1])
        gram[j, j] = math.sqrt(left[j])
        for i in range(j + 1, size):
            rest = gram[i, j] / (norm[i] * norm[j]) - _dot(gram[i, :j], gram[j, :j])
            gram[i, j] = rest / gram[j, j]
            left[i] -= gram[i, j] ** 2
        residual[j] = left[size - 1]
    return norm, weakest, residual


@njit(cache=True)
def least_aic(residual: NDArray, error: NDArray, rows: int) -> tuple[int, bool]:
    """The order with the least AIC [p+1], and whether errors of that relative size could name another."""
    aic = np.empty(len(residual))
    for order in range(len(residual)):
        if not error[order] < 0.1:
            return 0, False
        aic[order] = rows * math.log(residual[order]) + 2 * order
    best = int(aic.argmin())
    rivals = aic - 2 * rows * error
    rivals[best] = math.inf
    return best, aic[best] + 2 * rows * error[best] < rivals.min()


@njit(cache=True)
def _left_over(target, d, p, factor, norm):
    """What the centred differences at lags 1..p leave of `target` [rows]; a second pass refines the first."""
    left = target - target.mean()
    rows = len(left)
    b = np.empty(p)
    for _ in range(2):
        for j in range(p):
            along = _dot(left, d[p - 1 - j : p - 1 - j + rows]) / norm[j]
            b[j] = (along - _dot(factor[j, :j], b[:j])) / factor[j, j]
        for j in range(p - 1, -1, -1):
            for i in range(j + 1, p):
                b[j] -= factor[i, j] * b[i]
            b[j] /= factor[j, j]
            _subtract(left, b[j] / norm[j], d[p - 1 - j : p - 1 - j + rows])
        left -= left.mean()
    return left


@njit(cache=True)
def _refined(level, d, p, factor, norm):
    """t statistic of the level without squaring the condition (Frisch-Waugh-Lovell theorem)."""
    x = _left_over(level[p:-1], d, p, factor, norm)
    y = _left_over(d[p:], d, p, factor, norm)
    squared = _dot(x, x)
    slope = _dot(x, y) / squared
    _subtract(y, slope, x)
    return slope * math.sqrt(squared * (len(d) - 2 * p - 2) / _dot(y, y))


@njit(cache=True)
def search(x: NDArray[np.float64], highest: int) -> tuple[float, int, bool]:
    """t statistic of the level, the order of least AIC among 0..highest, and whether both are certain.

    Not certain: near-singular designs, fits that leave almost no residual, orders whose AIC nearly tie, and
    series x [n] too short for the highest order, n < 2 * highest + 4 (which also keeps every index in range).
    """
    if highest < 0 or len(x) < 2 * highest + 4:
        return 0.0, 0, False
    mean = x.mean()
    level, d = x - mean, x[1:] - x[:-1]
    sums = _shared_sums(level, d, highest)
    rows = len(d) - highest
    gram, raw = _gram(level, mean, d, sums, highest, highest, 0)
    norm, weakest, residual = _factor(gram, raw, rows)
    order, certain = least_aic(residual, ROUNDING / (weakest * residual + 1e-300), rows)
    if not certain:
        return 0.0, 0, False
    gram, raw = _gram(level, mean, d, sums, highest, order, order)
    norm, weakest, residual = _factor(gram, raw, len(d) - order)
    quality = weakest[order] * residual[order]
    if quality < REFINABLE:
        return 0.0, 0, False
    if quality < EXACT:
        return _refined(level, d, order, gram, norm), order, True
    return gram[order + 1, order] * math.sqrt((len(d) - 2 * order - 2) / residual[order]), order, True
