"""What the agent says of a device, and when it changes its mind: a state machine of pure values.

judgement = Judgement(threshold=0.5, streak=5)
for confidence in confidences:
    judgement = judgement.after(confidence)
judgement.standing

not enough ── one hit ──> recognised ── `streak` misses in a row ──> deviates
    │                          ^                                      │  ^
    │                          └──────── `streak` hits in a row ──────┘  │
    └──────────────────────── `streak` misses in a row ──────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Standing(StrEnum):
    NOT_ENOUGH = "not enough traffic yet"  # fewer columns than a sample takes, or no hit so far
    RECOGNISED = "recognised"
    DEVIATES = "deviates"
    UNKNOWN = "unknown"  # not in the inventory, or no model of it


class Verdict(NamedTuple):
    """What is said of a device at a tick; `confidence` is None where no inference was made."""

    time_ns: int  # end of the tick
    device: str  # its name, or its MAC where the inventory has none
    mac: str | None  # of a stranger
    verdict: Standing
    confidence: float | None
    columns: int  # of its spectrogram so far
    run: int = 0  # hits in a row, or misses in a row as a negative number


@dataclass(frozen=True)
class Summary:
    """A device over the whole run; the shares are None where no inference was made."""

    device: str
    packets: int
    columns: int
    ticks: int  # with a verdict
    recognised: float | None  # share of hits among the inferences
    mean_confidence: float | None
    verdict: Standing


class Judgement(NamedTuple):
    """Streaks of misclassification (papers/binary-edge 4.4) with hysteresis: it takes as many hits to return.

    Successive samples share all columns but one, so single misses mean little.
    """

    threshold: float
    streak: int
    standing: Standing = Standing.NOT_ENOUGH
    run: int = 0  # hits in a row, or misses in a row as a negative number

    def is_hit(self, confidence: float) -> bool:
        """'Confident enough', section 4.3. Not a number is a miss."""
        return confidence > self.threshold

    def as_it_was(self, standing: Standing, run: int) -> Judgement:
        """The same threshold and streak, where an earlier judgement stood."""
        return self._replace(standing=standing, run=run)

    def after(self, confidence: float | None) -> Judgement:
        """The judgement after one more tick; None, no inference, leaves it as it is."""
        if confidence is None or self.standing is Standing.UNKNOWN:
            return self
        hit = self.is_hit(confidence)
        run = max(self.run, 0) + 1 if hit else min(self.run, 0) - 1
        standing = self.standing
        if run <= -self.streak:
            standing = Standing.DEVIATES
        elif run >= self.streak or (hit and standing is Standing.NOT_ENOUGH):
            standing = Standing.RECOGNISED
        return Judgement(self.threshold, self.streak, standing, run)
