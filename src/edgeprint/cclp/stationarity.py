"""The augmented Dickey-Fuller test of papers/cclp section IV.A: statsmodels' answer, a hundred times sooner.

    statistic, pvalue, at_1, at_5, at_10 = adf(intervals)

The regression has a constant; its lag order is the one of least AIC among 0 .. 12 (n / 100)^(1/4), as in
statsmodels' adfuller(x). Three ways lead to it, each for what the one before cannot tell for certain:

1. the normal equations of all orders at once (lag_search): nine series in ten of a quiet week's captures;
2. a QR of the columns themselves, which does not square their condition (lag_search_qr): one in thirty;
3. statsmodels' own arithmetic (near_singular), where designs are rank-deficient or the fit is perfect:
   rounding names the order there. One in twenty.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from edgeprint.cclp import lag_search, lag_search_qr
from edgeprint.cclp.lag_search import search
from edgeprint.cclp.lag_search_qr import search_by_qr
from edgeprint.cclp.near_singular import regress_as_statsmodels
from edgeprint.compiled import compiled

LARGEST = 1e38  # statistic that a feature file, float32, holds; NaN and infinity are no statistic either
SHORTEST = 4  # points: fewer leave no degree of freedom

# MacKinnon 1994, table 3, constant without trend, one series: the p-value is the normal distribution of a
# polynomial in the statistic, one up to TAU_STAR and one above it; 0 and 1 outside of TAU_RANGE.
TAU_LOWEST, TAU_HIGHEST, TAU_STAR = -18.83, 2.74, -1.61
SMALL_P = (2.1659, 1.4412, 0.038269)
LARGE_P = (1.7339, 0.93202, -0.12745, -0.010368)
# MacKinnon 2010, table 2: critical values at 1, 5 and 10 % as polynomials in 1 / observations.
CRITICAL = (
    (-3.43035, -6.5393, -16.786, -79.433),
    (-2.86154, -2.8903, -4.234, -40.04),
    (-2.56677, -1.5384, -2.809, 0.0),
)


class Adf(NamedTuple):
    """Statistic, p-value of a unit root, and critical values at 1, 5 and 10 %."""

    statistic: float
    pvalue: float
    critical_1: float
    critical_5: float
    critical_10: float


@njit
def highest_order(n: int) -> int:
    """The largest lag order tried on a series of n points (Schwert's rule, as statsmodels has it)."""
    return min(n // 2 - 2, math.ceil(12 * (n / 100) ** 0.25))


@njit
def nothing_to_test(x: NDArray[np.float64]) -> bool:
    """Too short, or constant."""
    return len(x) < SHORTEST or x.min() == x.max()


@compiled(lag_search, lag_search_qr)
def regress(x: NDArray[np.float64]) -> tuple[float, int, bool]:
    """t statistic of the level of a series [n >= 4] that is not constant, lag order, if both are certain."""
    highest = highest_order(len(x))
    statistic, order, certain = search(x, highest)
    return (statistic, order, certain) if certain else search_by_qr(x, highest)


@compiled()
def conclude(statistic: float, observations: float) -> tuple[float, float, float, float, float]:
    """The test's five values from its statistic and number of rows; nothing to test without a statistic."""
    if not abs(statistic) < LARGEST:
        statistic, probability, inverse = 0.0, 1.0, 0.0
    else:
        probability, inverse = pvalue(statistic), 1.0 / observations
    at_1, at_5, at_10 = critical_values(inverse)
    return statistic, probability, at_1, at_5, at_10


@njit
def pvalue(statistic: float) -> float:
    """MacKinnon's approximate p-value of the null hypothesis of a unit root."""
    if statistic > TAU_HIGHEST:
        return 1.0
    if statistic < TAU_LOWEST:
        return 0.0
    if statistic <= TAU_STAR:
        z = SMALL_P[0] + statistic * (SMALL_P[1] + statistic * SMALL_P[2])
    else:
        z = LARGE_P[0] + statistic * (LARGE_P[1] + statistic * (LARGE_P[2] + statistic * LARGE_P[3]))
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@njit
def critical_values(inverse: float) -> tuple[float, float, float]:
    """MacKinnon's critical values at 1, 5 and 10 % for a regression on 1 / inverse rows."""
    at_1, at_5, at_10 = CRITICAL
    return (
        at_1[0] + inverse * (at_1[1] + inverse * (at_1[2] + inverse * at_1[3])),
        at_5[0] + inverse * (at_5[1] + inverse * (at_5[2] + inverse * at_5[3])),
        at_10[0] + inverse * (at_10[1] + inverse * (at_10[2] + inverse * at_10[3])),
    )


@njit
def attempt(x: NDArray[np.float64]) -> tuple[tuple[float, float, float, float, float], bool]:
    """The test's five values, and whether they are certain: if not, near_singular has the answer."""
    if nothing_to_test(x):
        return conclude(math.nan, 1.0), True
    statistic, order, certain = regress(x)
    return conclude(statistic, len(x) - 1.0 - order), certain


def adf(x: NDArray[np.float64]) -> Adf:
    """Test a series [n] for a unit root; statsmodels' adfuller(x), to 1e-8 or closer to the truth.

    A constant series, one of fewer than 4 points and one that its own past explains without any residual
    have nothing to test: statistic 0, p-value 1 and the critical values of an infinite series.
    """
    x = np.array(x, "f8")  # writable and contiguous: one compiled version serves all
    if nothing_to_test(x):
        return NOTHING_TO_TEST
    statistic, order, certain = regress(x)
    return Adf(*conclude(statistic, len(x) - 1.0 - order)) if certain else near_singular_adf(x)


def near_singular_adf(x: NDArray[np.float64]) -> Adf:
    """The test of a series [n >= 4] that is not constant, and on which `attempt` was not certain."""
    statistic, order = regress_as_statsmodels(x)
    return Adf(*conclude(statistic, len(x) - 1.0 - order))


NOTHING_TO_TEST = Adf(0.0, 1.0, *(polynomial[0] for polynomial in CRITICAL))
