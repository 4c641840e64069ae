"""The descriptive statistics of papers/cclp section IV.A, defined for every series: nothing gives NaN.

Compiled, for a quiet window's series are a few points long and numpy would spend its time on calls.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

BINS = 10  # of equation (1)
EPSILON = float(np.finfo("f8").eps)
Nine = tuple[float, float, float, float, float, float, float, float, float]


@njit
def nine(ordered: NDArray[np.float64]) -> Nine:
    """Minimum, quartiles, maximum, mean, variance, skewness, kurtosis of a sorted series [n]; zeros if empty.

    Quartiles are linear between neighbours, variance is the population's, skewness and excess kurtosis are
    biased and 0 for a series that is constant to within rounding (all as scipy's and numpy's defaults).
    """
    n = len(ordered)
    if n == 0:
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    low, high = ordered[0], ordered[-1]
    q1, median, q3 = quantile(ordered, 0.25), quantile(ordered, 0.5), quantile(ordered, 0.75)
    if low == high:
        return low, q1, median, q3, high, low, 0.0, 0.0, 0.0
    mean = 0.0
    for x in ordered:
        mean += (x - low) / n
    mean += low
    variance = 0.0
    for x in ordered:
        variance += (x - mean) * (x - mean) / n
    if variance <= (EPSILON * mean) ** 2:
        return low, q1, median, q3, high, mean, variance, 0.0, 0.0
    deviation, third, fourth = math.sqrt(variance), 0.0, 0.0
    for x in ordered:
        score = (x - mean) / deviation
        third += score * score * score / n
        fourth += score * score * score * score / n
    return low, q1, median, q3, high, mean, variance, third, fourth - 3.0


@njit
def quantile(ordered: NDArray[np.float64], q: float) -> float:
    """Of a sorted series [n > 0], linear between neighbours, to numpy's last digit."""
    position = q * (len(ordered) - 1)
    below = int(position)
    share = position - below
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share


@njit
def extent(x: NDArray[np.float64]) -> tuple[float, float, float]:
    """Minimum, maximum and mean of a series [n]; zeros if empty."""
    if len(x) == 0:
        return 0.0, 0.0, 0.0
    low, high, mean = x[0], x[0], 0.0
    for value in x:
        low, high = min(low, value), max(high, value)
        mean += value / len(x)
    return low, high, mean


@njit
def binned_entropy(ordered: NDArray[np.float64]) -> float:
    """Equation (1) over ten bins between the extremes of a sorted series [n]; 0 if empty or constant."""
    n = len(ordered)
    if n == 0 or ordered[0] == ordered[-1]:
        return 0.0
    step = (ordered[-1] - ordered[0]) / BINS
    total, begin, end = 0.0, 0, 0
    for edge in range(1, BINS + 1):
        while end < n and (edge == BINS or ordered[end] < ordered[0] + edge * step):
            end += 1
        if end > begin:
            total += (end - begin) / n * math.log(n / (end - begin))
        begin = end
    return total


def entropy(counts: NDArray[np.int64]) -> float:
    """Of the distribution with these counts [k], natural logarithm; 0 if all are zero."""
    total = int(counts.sum())
    return sum((c / total * math.log(total / c) for c in counts.tolist() if c), 0.0)
