"""Distances between two sets of rows, column by column, and what they come to where nothing has changed.

Distances are judged, no p-values: with thousands of rows a test calls every difference significant. With
few rows a distance is large by chance alone, which is why `noise` belongs to it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["wasserstein", "jensenshannon"]


def column_distances(reference: NDArray, current: NDArray, method: Method) -> NDArray[np.float64]:
    """The distance of each column [d] between two sets of rows, [n, d] and [m, d].

    wasserstein: earth mover's distance in deviations of the reference; where the reference is constant, in
    deviations of both sets together, so that it stays finite. jensenshannon: 0 to 0.83, natural logarithm.
    """
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import wasserstein_distance

    then, now = reference.astype("f8"), current.astype("f8")
    columns = range(then.shape[1])
    if method == "wasserstein":
        apart = [wasserstein_distance(then[:, j], now[:, j]) for j in columns]
        return np.array(apart) / _scale(then, now)
    counts = [_histograms(then[:, j], now[:, j]) for j in columns]
    return np.array([float(jensenshannon(*pair)) for pair in counts])


def noise(reference: NDArray, current: NDArray, method: Method) -> NDArray[np.float64]:
    """The distance [d] to expect from so few rows of one and the same distribution, in the same units.

    wasserstein: the mean of |Brownian bridge| at H, sqrt(2 H (1 - H) / pi), integrated over the column's
    values with H the distribution of both sets. jensenshannon: 1/8 of the chi-square of k bins, k - 1.
    Rows are taken as independent; windows that follow each other are less than that.
    """
    then, now = reference.astype("f8"), current.astype("f8")
    rows = 1 / len(then) + 1 / len(now)
    if method == "wasserstein":
        both = np.sort(np.concatenate([then, now]), axis=0)
        h = np.arange(1, len(both))[:, None] / len(both)
        expected = (np.diff(both, axis=0) * np.sqrt(2 * h * (1 - h) / np.pi)).sum(0)
        return expected * np.sqrt(rows) / _scale(then, now)
    pairs = [_histograms(then[:, j], now[:, j]) for j in range(then.shape[1])]
    bins = np.array([np.count_nonzero(sum(pair)) for pair in pairs])
    return np.sqrt((bins - 1) / 8 * rows)


def varies(reference: NDArray, current: NDArray) -> NDArray[np.bool_]:
    """False [d] for columns that hold one and the same value on both sides: they say nothing."""
    return (reference != reference[0]).any(0) | (current != reference[0]).any(0)


def _scale(reference: NDArray, current: NDArray) -> NDArray[np.float64]:
    """What wasserstein is normed by [d]; 1 where nothing varies, for a distance of 0."""
    constant = (reference == reference[0]).all(0)
    both = np.concatenate([reference, current])
    scale = np.where(constant, both.std(0), reference.std(0))
    return np.where(varies(reference, current), scale, 1.0)


def _histograms(reference: NDArray, current: NDArray) -> tuple[NDArray, NDArray]:
    edges = np.histogram_bin_edges(np.concatenate([reference, current]), bins="sturges")
    return np.histogram(reference, edges)[0], np.histogram(current, edges)[0]
