"""How good a model is on one set, and what a training tells of itself, in the same words for all methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

OnEpoch = Callable[[int, dict[str, float]], None]  # what a training tells of itself: epoch, figures by name


def silent(epoch: int, metrics: dict[str, float]) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Scores:
    """A confusion matrix [k, k] (rows: truth, columns: prediction) and what follows from it.

    `extra` holds a method's own figures (e.g. `ce_macro_f1` of the binary method).
    """

    labels: list[str]
    confusion: NDArray[np.int64]
    extra: dict[str, float] = field(default_factory=dict)

    @classmethod
    def count(
        cls, labels: list[str], truth: NDArray[np.int64], predicted: NDArray[np.int64], **extra: float
    ) -> Scores:
        """Count label indices [n] against each other."""
        confusion = np.zeros((len(labels), len(labels)), "i8")
        np.add.at(confusion, (truth, predicted), 1)
        return cls(labels, confusion, extra)

    @property
    def samples(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / max(1, self.samples))

    @property
    def f1(self) -> dict[str, float]:
        """F1 of each label that occurs in the truth."""
        hits = np.diag(self.confusion)
        support, predicted = self.confusion.sum(1), self.confusion.sum(0)
        return {
            label: float(2 * hits[i] / (support[i] + predicted[i]))
            for i, label in enumerate(self.labels)
            if support[i]
        }

    @property
    def macro_f1(self) -> float:
        """Mean of `f1`: a label that is predicted but never true is no part of it; 0 without a sample."""
        return float(np.mean(list(self.f1.values()))) if self.f1 else 0.0

    def metrics(self) -> dict[str, float]:
        """Flat names and values, the same for every family: what MLflow and the gate read."""
        each = {f"f1.{label}": value for label, value in self.f1.items()}
        return {
            "macro_f1": self.macro_f1,
            "accuracy": self.accuracy,
            "samples": float(self.samples),
            **each,
            **self.extra,
        }

    def to_dict(self) -> dict:
        return {
            "labels": self.labels,
            "confusion": self.confusion.tolist(),
            "extra": self.extra,
            **self.metrics(),
        }

    @classmethod
    def from_dict(cls, data: dict) -> Scores:
        return cls(data["labels"], np.array(data["confusion"], "i8"), data["extra"])
