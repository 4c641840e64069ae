"""The straightforward baseline: a random forest on what a spectrogram's rows are like on average.

    forest = Forest("max")
    forest.learn(samples, label, seed=7)     # an interval's samples [n, h, w]; the next call adds to them
    forest.name(summary(others, "max"))      # label indices [n]

A CNN that does not beat it has not been shown to need its convolutions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from edgeprint.binary.features import normalise

TREES = 100


def summary(samples: NDArray[np.float32], normalisation: str) -> NDArray[np.float32]:
    """Mean and deviation [n, 2h] over time of each row of the normalised samples [n, h, w]."""
    x = normalise(samples, normalisation)
    return np.concatenate([x.mean(axis=2), x.std(axis=2)], axis=1)


class Forest:
    """One forest for all devices; it cannot be continued, so it keeps summaries of all that it was shown."""

    def __init__(self, normalisation: str) -> None:
        self.normalisation = normalisation
        self._shown: list[NDArray[np.float32]] = []
        self._label: list[NDArray[np.int64]] = []

    def learn(self, samples: NDArray[np.float32], label: NDArray[np.int64], *, seed: int) -> None:
        """Fit anew to these samples [n, h, w], not yet normalised, their labels [n], and all before."""
        self._shown.append(summary(samples, self.normalisation))
        self._label.append(label)
        trees = RandomForestClassifier(TREES, random_state=seed)
        self._trees = trees.fit(np.concatenate(self._shown), np.concatenate(self._label))

    def name(self, summaries: NDArray[np.float32]) -> NDArray[np.int64]:
        """The most likely label [n] of samples by their `summary` [n, 2h]."""
        return self._trees.predict(summaries)
