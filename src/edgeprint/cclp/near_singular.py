"""The regressions of statsmodels' adfuller(x), operation by operation, for series where rounding decides.

Where a design is rank-deficient, or its own past explains a series without residual, the pseudo-inverse of
noise names the lag order and the statistic: only the same arithmetic gives the same answer. The same calls to
numpy are made here without statsmodels' classes, which take nine tenths of the time of short series and keep
every fit of long ones in memory; a test holds both equal to the last bit.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

REMEMBERED = 500  # points; longer series do not come twice
RANK = float(np.finfo("f8").eps)  # numpy.linalg.matrix_rank's tolerance, times the number of columns
PSEUDO_INVERSE = 1e-15  # statsmodels' cut-off of singular values


def regress_as_statsmodels(x: NDArray[np.float64]) -> tuple[float, int]:
    """t statistic of the level of a series [n >= 4] that is not constant, and the lag order used."""
    return _remembered(x.tobytes()) if len(x) <= REMEMBERED else _with_one_thread(x)


@functools.lru_cache(4096)
def _remembered(series: bytes) -> tuple[float, int]:
    """Quiet devices repeat themselves: half of the series that come this far have been here before."""
    return _with_one_thread(np.frombuffer(series))


def _with_one_thread(x: NDArray[np.float64]) -> tuple[float, int]:
    with np.errstate(all="ignore"), _blas().limit(limits=1, user_api="blas"):
        return repeat(x)


def repeat(x: NDArray[np.float64]) -> tuple[float, int]:
    """As `regress_as_statsmodels`, without statsmodels."""
    d, highest = np.diff(x), min(len(x) // 2 - 2, math.ceil(12 * (len(x) / 100) ** 0.25))
    design, target = _design(x, d, highest, constant_first=True)
    narrowest = design.shape[1] - highest
    _, order = min((_aic(design[:, : narrowest + lag], target), lag) for lag in range(highest + 1))
    design, target = _design(x, d, order, constant_first=False)
    inverse, beta, residual, rank = _least_squares(design, target)
    scale = np.dot(residual, residual) / (len(target) - rank)
    deviation = np.sqrt(np.diag(np.dot(inverse, inverse.T) * scale))
    return float((beta / deviation)[0]), order


def _design(
    x: NDArray[np.float64], d: NDArray[np.float64], lags: int, *, constant_first: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Regressors [rows, lags + 2] and regressand [rows]; without a constant where a column is constant."""
    columns = np.empty((len(d) - lags, lags + 1))
    columns[:, 0] = x[lags:-1]
    for lag in range(1, lags + 1):
        columns[:, lag] = d[lags - lag : len(d) - lag]
    if ((columns == columns[0]).all(axis=0) & (columns[0] != 0)).any():
        return columns, d[lags:]
    ones = np.ones((len(columns), 1))
    parts = (ones, columns) if constant_first else (columns, ones)
    return np.concatenate(parts, axis=1), d[lags:]


def _aic(design: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    _, _, residual, rank = _least_squares(design, target)
    half, rows = len(target) / 2.0, float(len(target))
    likelihood = -half * np.log(2 * np.pi) - half * np.log(np.sum(residual**2) / rows) - half
    return float(-2 * likelihood + 2 * float(rank))


def _least_squares(
    design: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]:
    """Pseudo-inverse, coefficients, residual and rank."""
    u, s, vt = np.linalg.svd(design, full_matrices=False)
    kept = s > PSEUDO_INVERSE * s[0]
    weights = np.divide(1.0, s, out=np.zeros_like(s), where=kept)
    inverse = np.dot(vt.T, weights[:, None] * u.T)
    beta = np.dot(inverse, target)
    rank = int(np.count_nonzero(s > s[0] * len(s) * RANK))
    return inverse, beta, target - np.dot(design, beta), rank


@functools.cache
def _blas() -> Any:
    """One BLAS thread is several times faster than two on matrices this narrow."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
