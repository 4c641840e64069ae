"""How F1 falls with the distance in intervals between training and use (papers/binary-edge section 4.3).

found = decay({(0, 0): scores, (0, 1): scores, (1, 1): scores}, intervals=2)
found.macro_f1            # [at distance 0, at distance 1]
found.devices["camera-a"]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgeprint.scores import Scores

ByDistance = list[float | None]


@dataclass(frozen=True)
class Decay:
    """Means over all pairs at each distance, 0 first; None where no pair was measured."""

    macro_f1: ByDistance
    devices: dict[str, ByDistance]  # by label of the confusion matrices

    @property
    def an_interval(self) -> float | None:
        """The change of macro F1 with each further interval: the slope of a line through the means."""
        points = [(distance, f1) for distance, f1 in enumerate(self.macro_f1) if f1 is not None]
        if len(points) < 2:
            return None
        x, y = np.array(points).T
        return float(np.polyfit(x, y, 1)[0])

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "an_interval": self.an_interval}


def decay(cells: Mapping[tuple[int, int], Scores | None], intervals: int) -> Decay:
    """From scores by (trained through, evaluated on); what was evaluated on the past is left out."""
    later = [(j - i, scores) for (i, j), scores in sorted(cells.items()) if scores and j >= i]
    labels = sorted({label for _, scores in later for label in scores.f1})
    devices = {
        label: _means([(d, s.f1[label]) for d, s in later if label in s.f1], intervals) for label in labels
    }
    return Decay(_means([(d, s.macro_f1) for d, s in later], intervals), devices)


def _means(values: Iterable[tuple[int, float]], intervals: int) -> ByDistance:
    found: dict[int, list[float]] = {}
    for distance, value in values:
        found.setdefault(distance, []).append(value)
    return [float(np.mean(found[d])) if d in found else None for d in range(intervals)]
