"""The augmented Dickey-Fuller test of papers/cclp section IV.A: statsmodels' answer, a hundred times sooner.

    statistic, pvalue, at_1, at_5, at_10 = adf(intervals)

The regression has a constant; its lag order is the one of least AIC among 0 .. 12 (n / 100)^(1/4), as in
statsmodels' adfuller(x). Three ways lead to it, each for what the one before cannot tell for certain:

1. the normal equations of all orders at once (lag_search): nine series in ten of a quiet week's captures;
2. a QR of the columns themselves, which does not square their condition: one in thirty;
3. statsmodels, where designs are rank-deficient or the fit is perfect: rounding names the order there, so
   only the same arithmetic gives the same answer. One in twenty, half of them remembered.
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeprint.cclp.lag_search import LOST, least_aic, search

LARGEST = 1e38  # statistic that a feature file, float32, holds; NaN and infinity are no statistic either
SHORTEST = 4  # points: fewer leave no degree of freedom
QR_ROUNDING = 1e-15
QR_RELIABLE = 1e-6  # error of the residual; the statistic's own is far smaller
PERFECT = 1e-14  # a residual this small is mostly rounding
TINY = 1e-40  # instead of no pivot or residual at all: its error is beyond any use
REMEMBERED = 500  # points: longer series do not come twice

# MacKinnon 1994, table 3, constant without trend, one series: the p-value is the normal distribution of a
# polynomial in the statistic, one up to TAU_STAR and one above it; 0 and 1 outside of TAU_RANGE.
TAU_RANGE, TAU_STAR = (-18.83, 2.74), -1.61
SMALL_P = (2.1659, 1.4412, 0.038269)
LARGE_P = (1.7339, 0.93202, -0.12745, -0.010368)
# MacKinnon 2010, table 2: critical values at 1, 5 and 10 % as polynomials in 1 / observations.
CRITICAL = (
    (-3.43035, -6.5393, -16.786, -79.433),
    (-2.86154, -2.8903, -4.234, -40.04),
    (-2.56677, -1.5384, -2.809),
)


class Adf(NamedTuple):
    """Statistic, p-value of a unit root, and critical values at 1, 5 and 10 %."""

    statistic: float
    pvalue: float
    critical_1: float
    critical_5: float
    critical_10: float


def adf(x: NDArray[np.float64]) -> Adf:
    """Test a series [n] for a unit root; equal to statsmodels' adfuller(x) wherever that gives numbers.

    A constant series, one of fewer than 4 points and one that its own past explains without any residual
    have nothing to test: statistic 0, p-value 1 and the critical values of an infinite series.
    """
    x = np.array(x, "f8")  # writable and contiguous: one compiled version serves all
    if len(x) < SHORTEST or x.max() == x.min():
        return NOTHING_TO_TEST
    statistic, order = regress(x)
    if not abs(statistic) < LARGEST:
        return NOTHING_TO_TEST
    return Adf(statistic, pvalue(statistic), *critical_values(len(x) - 1 - order))


def regress(x: NDArray[np.float64]) -> tuple[float, int]:
    """t statistic of the level of a series [n >= 4] that is not constant, and the lag order used."""
    highest = min(len(x) // 2 - 2, math.ceil(12 * (len(x) / 100) ** 0.25))
    statistic, order, certain = search(x, highest)
    if not certain:
        statistic, order, certain = _by_qr(x, highest)
    if certain:
        return statistic, order
    return _remembered(x.tobytes()) if len(x) <= REMEMBERED else _by_statsmodels(x)


def pvalue(statistic: float) -> float:
    """MacKinnon's approximate p-value of the null hypothesis of a unit root."""
    if not TAU_RANGE[0] <= statistic <= TAU_RANGE[1]:
        return float(statistic > TAU_RANGE[1])
    z = _polynomial(SMALL_P if statistic <= TAU_STAR else LARGE_P, statistic)
    return 0.5 * math.erfc(-z / math.sqrt(2))


def critical_values(observations: float) -> tuple[float, float, float]:
    """MacKinnon's critical values at 1, 5 and 10 % for a regression on so many rows."""
    at_1, at_5, at_10 = (_polynomial(c, 1 / observations) for c in CRITICAL)
    return at_1, at_5, at_10


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    return functools.reduce(lambda total, c: total * x + c, reversed(coefficients))


NOTHING_TO_TEST = Adf(0.0, 1.0, *critical_values(math.inf))


def _by_qr(x: NDArray[np.float64], highest: int) -> tuple[float, int, bool]:
    """As `search`, from the columns instead of their products."""
    _, residual, error = _decompose(x, highest, level_at=0)
    order, certain = least_aic(residual, error, len(x) - 1 - highest)
    if not certain:
        return 0.0, 0, False
    along, residual, error = _decompose(x, order, level_at=order)
    if error[order] > QR_RELIABLE or residual[order] < PERFECT:
        return 0.0, 0, False
    return along[order] * math.sqrt((len(x) - 3 - 2 * order) / residual[order]), order, True


def _decompose(x: NDArray[np.float64], p: int, level_at: int) -> tuple[NDArray, NDArray, NDArray]:
    """The regression of order p, its level among the regressors at 0 or p: along, residual, error [p+1].

    `along` is the regressand's part along each regressor without those before it, as a share of its norm;
    `residual` and `error` are those of `lag_search`, but that here the condition is not squared.
    """
    d = np.diff(x)
    lags = np.lib.stride_tricks.sliding_window_view(d, p + 1)[:, ::-1]  # [rows, p+1], lag 0 first
    columns = np.column_stack([np.insert(lags[:, 1:], level_at, x[p:-1], axis=1), lags[:, 0]])
    raw = (columns**2).sum(axis=0)
    raw[raw == 0] = 1
    columns -= columns.mean(axis=0)
    r = np.asarray(np.linalg.qr(columns, mode="r"))
    diagonal, last = np.diag(r)[:-1], r[:, -1]
    kept = diagonal**2 > LOST * max(raw.max(), len(columns))
    weakest = np.minimum.accumulate(np.where(kept, diagonal**2 / raw[:-1], 0))
    residual = np.cumsum(last[::-1] ** 2)[::-1][1:] / raw[-1]
    error = QR_ROUNDING / np.sqrt(np.maximum(weakest * residual, TINY))
    return np.sign(diagonal) * last[:-1] / math.sqrt(raw[-1]), residual, error


def _by_statsmodels(x: NDArray[np.float64]) -> tuple[float, int]:
    from statsmodels.tsa.stattools import adfuller

    with warnings.catch_warnings(), np.errstate(all="ignore"), _blas().limit(limits=1, user_api="blas"):
        warnings.simplefilter("ignore")
        result = adfuller(x, result_object=True)
    return result.statistic, result.lags


@functools.lru_cache(1024)
def _remembered(series: bytes) -> tuple[float, int]:
    """Quiet devices repeat themselves: half of the series that come this far have been here before."""
    return _by_statsmodels(np.frombuffer(series))


@functools.cache
def _blas() -> Any:
    """One BLAS thread is several times faster than two on matrices this narrow."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
