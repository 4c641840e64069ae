"""The descriptive statistics of papers/cclp section IV.A, defined for every series: nothing gives NaN."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

BINS = 10  # of equation (1)


def nine(x: NDArray[np.float64]) -> tuple[float, ...]:
    """Minimum, quartiles, maximum, mean, variance, skewness and kurtosis of a series [n]; zeros if empty.

    Quartiles are linear between neighbours, variance is the population's, skewness and excess kurtosis are
    biased and 0 for a series that is constant to within rounding (all as scipy's and numpy's defaults).
    """
    if not len(x):
        return (0.0,) * 9
    ordered = np.sort(x)
    five = [quantile(ordered, q) for q in (0.0, 0.25, 0.5, 0.75, 1.0)]
    if five[0] == five[4]:
        return (*five, five[0], 0.0, 0.0, 0.0)
    mean, variance = x.mean(), x.var()
    if variance <= (np.finfo("f8").eps * mean) ** 2:
        return (*five, mean, variance, 0.0, 0.0)
    score = (x - mean) / math.sqrt(variance)
    squared = score * score
    return (*five, mean, variance, squared @ score / len(x), squared @ squared / len(x) - 3)


def quantile(ordered: NDArray[np.float64], q: float) -> float:
    """Of a sorted series [n > 0], linear between neighbours, to numpy's last digit."""
    position = q * (len(ordered) - 1)
    below = int(position)
    share = position - below
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share


def extent(x: NDArray[np.float64]) -> tuple[float, float, float]:
    """Minimum, maximum and mean of a series [n]; zeros if empty."""
    return (x.min(), x.max(), x.mean()) if len(x) else (0.0, 0.0, 0.0)


def binned_entropy(x: NDArray[np.float64]) -> float:
    """Equation (1) over ten bins between the extremes of a series [n]; 0 if it is empty or constant."""
    if not len(x):
        return 0.0
    ordered = np.sort(x)
    edges = np.linspace(ordered[0], ordered[-1], BINS + 1)[1:-1]
    below = np.searchsorted(ordered, edges, "left")
    return entropy(np.diff(below, prepend=0, append=len(x)))


def entropy(counts: NDArray[np.int64]) -> float:
    """Of the distribution with these counts [k], natural logarithm; 0 if all are zero."""
    total = int(counts.sum())
    return sum((c / total * math.log(total / c) for c in counts.tolist() if c), 0.0)
