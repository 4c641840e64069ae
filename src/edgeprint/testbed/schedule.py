"""When things happen: periods with jitter, and events that follow a household's day and night."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# How awake the home is in each hour of the day, UTC.
AWAKE = np.array(
    [0.04, 0.02, 0.02, 0.02, 0.02, 0.05, 0.35, 0.9, 0.7, 0.45, 0.4, 0.45]
    + [0.6, 0.5, 0.4, 0.45, 0.6, 0.8, 1.0, 1.0, 1.0, 0.9, 0.5, 0.15]
)


def ticks(
    rng: np.random.Generator, begin: float, end: float, period: float, jitter: float
) -> NDArray[np.float64]:
    """Times in [begin, end) about `period` s apart, `jitter` their deviation as a share."""
    if end <= begin:
        return np.empty(0)
    n = int((end - begin) / period * (1 + jitter)) + 12
    steps = period * np.maximum(1 + jitter * rng.standard_normal(n), 0.05)
    steps[0] = rng.uniform(0, period)
    times = begin + np.cumsum(steps)
    return times[times < end]


def events(
    rng: np.random.Generator, begin: float, end: float, per_hour: float, night: float
) -> NDArray[np.float64]:
    """Random times in [begin, end): `per_hour` while all are awake, the share `night` of it at night."""
    n = rng.poisson(max(0.0, end - begin) / 3600 * per_hour)
    times = np.sort(rng.uniform(begin, end, n)) if n else np.empty(0)
    weight = night + (1 - night) * AWAKE[(times // 3600).astype("i8") % 24]
    return times[rng.random(n) < weight]
