"""How sure a CCLP model may say it is, and below which confidence it names no device.

found = Calibration.fit(probabilities, label, keep=0.95)      # of windows that training never saw
found.temperature, found.level

One number, the temperature, divides the logits of the device head (Guo et al. 2017): which device is the
likeliest stays as it is. Labels of these windows are read for this number alone. It holds as long as traffic
stays as hard as theirs: on fit-week (real), it lowered the calibration error of the next day, but raised that
of the days after, which are easier to tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MIN_ROWS = 20  # fewer windows say nothing of a 5 % tail
HOTTEST = 20.0  # the temperature stays within 1/HOTTEST and HOTTEST
MOST_KNOWN = 2000  # confidences that a model carries along
SMALLEST = 1e-30  # float32 probabilities below it have lost their digits


@dataclass(frozen=True)
class Calibration:
    """`level`: the confidence that `keep` of the known windows reach; `known` [m]: theirs, sorted.

    Without calibration the softmax is taken as it is, and every window gets a device.
    """

    temperature: float = 1.0
    level: float = 0.0
    known: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @classmethod
    def fit(cls, probabilities: NDArray[np.float32], label: NDArray[np.int64], *, keep: float) -> Calibration:
        """From the softmax [m, C] as it is, and the labels [m], of known devices' windows."""
        if len(probabilities) < MIN_ROWS:
            return cls()
        temperature = best_temperature(probabilities, label)
        known = np.sort(confidence(tempered(probabilities, temperature)))
        kept = known[np.linspace(0, len(known) - 1, min(len(known), MOST_KNOWN)).round().astype("i8")]
        return cls(temperature, float(np.quantile(known, 1 - keep)), kept)


def confidence(probabilities: NDArray) -> NDArray[np.float64]:
    """The largest softmax over the devices [n], from [n, C]."""
    return probabilities.max(1).astype("f8")


def tempered(probabilities: NDArray, temperature: float) -> NDArray[np.float64]:
    """The softmax [n, C] that the same logits give when they are divided by the temperature."""
    logits = np.log(np.maximum(probabilities, SMALLEST).astype("f8")) / temperature
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def best_temperature(probabilities: NDArray[np.float32], label: NDArray[np.int64]) -> float:
    """The temperature of least surprise at labels [n], by softmax [n, C].

    As though one of n + 2 answers had been drawn from all classes (Platt 1999, section 2.2): where every
    answer is right, the least surprise would else be at temperature 0.
    """
    from scipy.optimize import minimize_scalar

    rows, classes = np.arange(len(label)), probabilities.shape[1]
    wrong = 1 / (len(label) + 2)

    def surprise(logarithm: float) -> float:
        logs = np.log(np.maximum(tempered(probabilities, np.exp(logarithm)), SMALLEST))
        return float(-((1 - wrong) * logs[rows, label] + wrong / classes * logs.sum(1)).mean())

    limit = float(np.log(HOTTEST))
    return float(np.exp(minimize_scalar(surprise, bounds=(-limit, limit), method="bounded").x))
