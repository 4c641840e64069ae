"""How far a model's confidence can be relied on, and how sure a figure over repeats is.

expected_calibration_error(confidence, correct)        # 0: of answers given with 0.8, 80 % are right
auroc(known, unknown), fpr_at_tpr(known, unknown)      # scores: higher means "known"
mean_with_interval([0.91, 0.93, 0.92])                 # (0.92, 0.025): mean and half of its 95 % interval
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeprint.errors import NotEnoughData


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """ECE of answers with `confidence` [n] in [0, 1] that were `correct` [n] or not (Guo et al. 2017, eq. 3).

    NaN where a confidence is no number: such a model can be judged, and passes nothing. Raises NotEnoughData
    where there is no answer.
    """
    sure, right = np.asarray(confidence, "f8"), np.asarray(correct, "f8")
    if not len(sure):
        raise NotEnoughData("no answer is there to compare its confidence with")
    if not np.isfinite(sure).all():
        return float("nan")
    place = np.minimum((sure * bins).astype("i8"), bins - 1)
    gap = np.bincount(place, right - sure, bins)  # of each bin: answers right less answers expected to be
    return float(np.abs(gap).sum() / len(sure))


def auroc(known: ArrayLike, unknown: ArrayLike) -> float:
    """Chance that a known sample's score [n] is above an unknown one's [m]; ties count half.

    NaN where a score is no number. Raises NotEnoughData where either is empty.
    """
    from sklearn.metrics import roc_auc_score

    scores, label = _side_by_side(known, unknown)
    return float(roc_auc_score(label, scores)) if np.isfinite(scores).all() else float("nan")


def fpr_at_tpr(known: ArrayLike, unknown: ArrayLike, tpr: float = 0.95) -> float:
    """Share of unknown scores [m] that pass the highest threshold which `tpr` of the known [n] pass.

    NaN where a score is no number. Raises NotEnoughData where either is empty.
    """
    scores, label = _side_by_side(known, unknown)
    if not np.isfinite(scores).all():
        return float("nan")
    threshold = np.quantile(scores[label == 1], 1 - tpr, method="lower")
    return float((scores[label == 0] >= threshold).mean())


def _side_by_side(known: ArrayLike, unknown: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    both = [np.asarray(known, "f8"), np.asarray(unknown, "f8")]
    if not all(map(len, both)):
        raise NotEnoughData(f"{len(both[0])} known and {len(both[1])} unknown samples cannot be told apart")
    return np.concatenate(both), np.repeat([1, 0], [len(scores) for scores in both])


def mean_with_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The mean, and half the width of its confidence interval by Student's t; NaN for a single value."""
    from scipy.stats import t

    found = np.asarray(values, "f8")
    if len(found) < 2:
        return float(found.mean()), float("nan")
    error = found.std(ddof=1) / np.sqrt(len(found))
    return float(found.mean()), float(error * t.ppf((1 + level) / 2, len(found) - 1))
