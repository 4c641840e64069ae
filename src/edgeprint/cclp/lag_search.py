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
EXACT = 2e-11  # error of the residual up to which the normal equations keep 10 digits of the statistic
REFINABLE = 2e-6  # and up to which they do with one step of refinement
LOST = 1e-11  # a pivot this small beside the largest column loses digits in statsmodels' SVD as well


@njit(fastmath=REORDER)
def dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of two series [n]."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(fastmath=REORDER)
def subtract(a: NDArray[np.float64], factor: float, b: NDArray[np.float64]) -> None:
    """Take `factor` times a series [n] from another, in place."""
    for i in range(len(a)):
        a[i] -= factor * b[i]


@njit(fastmath=REORDER)
def centre(a: NDArray[np.float64]) -> float:
    """Take its mean from a series [n], in place; returns the mean."""
    total = 0.0
    for i in range(len(a)):
        total += a[i]
    mean = total / len(a)
    for i in range(len(a)):
        a[i] -= mean
    return mean


@njit
def _shared_sums(level, d, m):
    """Over the rows that all columns of order m share: d d by distance, level d by lag, each [m+1]."""
    n = len(level)
    by_distance, by_lag = np.empty(m + 1), np.empty(m + 1)
    for k in range(m + 1):
        by_distance[k] = dot(d[m : n - 1 - m + k], d[m - k : n - 1 - m])
        by_lag[k] = dot(level[m : n - 1], d[m - k : n - 1 - k])
    return by_distance, by_lag


@njit
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


@njit
def _gram(level, mean, d, sums, m, p, level_at):
    """Gram matrix [p+2, p+2] of the centred columns, lower triangle, and their squared norms before it [p+2].

    Regressors come in the order of their lags with the level at 0 or p; the regressand is last.
    """
    by_distance, by_lag = sums
    rows = len(d) - p
    products = _differences(d, by_distance, m, p)
    gram, raw = np.zeros((p + 2, p + 2)), np.zeros(p + 2)
    own, total = level[p:-1], 0.0
    for i in range(rows):
        total += own[i]
    squared = dot(own, own)
    gram[level_at, level_at] = squared - total * total / rows
    raw[level_at] = max(squared, gram[level_at, level_at] + rows * (mean + total / rows) ** 2)
    for i in range(p + 1):
        a = _place(i, p, level_at)
        raw[a] = products[i, i]
        sum_i = level[-1 - i] - level[p - i]
        for j in range(i, p + 1):
            b = _place(j, p, level_at)
            sum_j = level[-1 - j] - level[p - j]
            gram[max(a, b), min(a, b)] = products[i, j] - sum_i * sum_j / rows
        cross = by_lag[i] + dot(level[p:m], d[p - i : m - i])
        gram[max(a, level_at), min(a, level_at)] = cross - total * sum_i / rows
    return gram, raw


@njit
def _place(lag, p, level_at):
    """Where a lag stands among the columns: the regressand, lag 0, last; the others around the level."""
    if lag == 0:
        return p + 1
    return lag - 1 if level_at > 0 else lag


@njit
def _factor(gram, raw, rows):
    """Cholesky in place of the Gram matrix scaled to a unit diagonal: norm [p+2], residual, error [p+1].

    `residual` [j]: what the columns 0..j leave of the regressand's squared norm (before centring), as a
    share. `error` [j]: bound of its relative error; infinite from a dependent column on.
    """
    size = len(gram)
    norm, left = np.empty(size), np.ones(size)
    residual, error = np.zeros(size - 1), np.full(size - 1, np.inf)
    largest, weakest = float(rows), 1.0
    for i in range(size):
        if not gram[i, i] > 0.0:
            return norm, residual, error
        largest = max(largest, raw[i])
        norm[i] = math.sqrt(gram[i, i])
    left[size - 1] = norm[size - 1] ** 2 / raw[size - 1]
    norm[size - 1] = math.sqrt(raw[size - 1])
    for j in range(size - 1):
        pivot = left[j] * norm[j] ** 2
        if not pivot > LOST * largest:
            return norm, residual, error
        weakest = min(weakest, pivot / raw[j])
        gram[j, j] = math.sqrt(left[j])
        for i in range(j + 1, size):
            rest = gram[i, j] / (norm[i] * norm[j]) - dot(gram[i, :j], gram[j, :j])
            gram[i, j] = rest / gram[j, j]
            left[i] -= gram[i, j] ** 2
        residual[j] = left[size - 1]
        if not residual[j] > 0.0:
            return norm, residual, error
        error[j] = ROUNDING / (weakest * residual[j])
    return norm, residual, error


@njit
def least_aic(residual: NDArray, error: NDArray, rows: int) -> tuple[int, bool]:
    """The order with the least AIC [p+1], and whether errors of that relative size could name another."""
    best, best_aic, rival = 0, math.inf, math.inf
    for order in range(len(residual)):
        if not error[order] < 0.1:
            return 0, False
        aic = rows * math.log(residual[order]) + 2 * order
        if aic < best_aic:
            best, best_aic = order, aic
    for order in range(len(residual)):
        aic = rows * math.log(residual[order]) + 2 * order
        if order != best:
            rival = min(rival, aic - 2 * rows * error[order])
    return best, best_aic + 2 * rows * error[best] < rival


@njit
def _left_over(target, d, p, factor, norm):
    """What the centred differences at lags 1..p leave of `target` [rows]; a second pass refines the first."""
    rows = len(target)
    left, b = target.copy(), np.empty(p)
    centre(left)
    for _ in range(2):
        for j in range(p):
            along = dot(left, d[p - 1 - j : p - 1 - j + rows]) / norm[j]
            b[j] = (along - dot(factor[j, :j], b[:j])) / factor[j, j]
        for j in range(p - 1, -1, -1):
            for i in range(j + 1, p):
                b[j] -= factor[i, j] * b[i]
            b[j] /= factor[j, j]
            subtract(left, b[j] / norm[j], d[p - 1 - j : p - 1 - j + rows])
        centre(left)
    return left


@njit
def _refined(level, d, p, factor, norm):
    """t statistic of the level without squaring the condition (Frisch-Waugh-Lovell theorem)."""
    x = _left_over(level[p:-1], d, p, factor, norm)
    y = _left_over(d[p:], d, p, factor, norm)
    squared = dot(x, x)
    slope = dot(x, y) / squared
    subtract(y, slope, x)
    return slope * math.sqrt(squared * (len(d) - 2 * p - 2) / dot(y, y))


@njit
def search(x: NDArray[np.float64], highest: int) -> tuple[float, int, bool]:
    """t statistic of the level, the order of least AIC among 0..highest, and whether both are certain.

    Not certain: near-singular designs, fits that leave almost no residual, orders whose AIC nearly tie, and
    series x [n] too short for the highest order, n < 2 * highest + 4 (which also keeps every index in range).
    """
    if highest < 0 or len(x) < 2 * highest + 4:
        return 0.0, 0, False
    level, d = x.copy(), np.empty(len(x) - 1)
    mean = centre(level)
    for i in range(len(d)):
        d[i] = x[i + 1] - x[i]
    sums = _shared_sums(level, d, highest)
    rows = len(d) - highest
    gram, raw = _gram(level, mean, d, sums, highest, highest, 0)
    _, residual, error = _factor(gram, raw, rows)
    order, certain = least_aic(residual, error, rows)
    if not certain:
        return 0.0, 0, False
    gram, raw = _gram(level, mean, d, sums, highest, order, order)
    norm, residual, error = _factor(gram, raw, len(d) - order)
    if error[order] > REFINABLE:
        return 0.0, 0, False
    if error[order] > EXACT:
        return _refined(level, d, order, gram, norm), order, True
    return gram[order + 1, order] * math.sqrt((len(d) - 2 * order - 2) / residual[order]), order, True
