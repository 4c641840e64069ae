"""The Dickey-Fuller test beside statsmodels', on a noisy random walk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from statsmodels.tsa.stattools import adfuller

from benchmarks.measure import RUNS, Result, best, one_core
from edgeprint.cclp.stationarity import adf

POINTS = (1000, 5000)
TESTS = 20  # of ours in a run: one alone is too short to time


def run(folder: Path, quick: bool) -> Iterator[Result]:
    with one_core():
        for points in POINTS[:1] if quick else POINTS:
            yield _compared(np.random.default_rng(0).normal(size=points).cumsum() + 0.1 * np.arange(points))


def _compared(series: np.ndarray) -> Result:
    ours = TESTS / best(lambda: [adf(series) for _ in range(TESTS)])
    theirs = 1 / best(lambda: adfuller(series, result_object=False))
    data = f"made-up random walk of {len(series):,} points; best of {RUNS} runs"
    return Result.alone("adf", ours, "tests/s", data).against("statsmodels", theirs)
