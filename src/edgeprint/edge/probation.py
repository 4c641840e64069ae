"""Whether a model on trial may stay: what is seen of it at live ticks, and a verdict. Pure values, no clock.

probation = Probation(Limits(ticks=48))
probation = probation.after(Observation(confidence=0.97, seconds=0.0004, hit=True, old_hit=True))
probation.verdict                    # RUNNING until it has seen enough, or too much

             ticks seen, nothing wrong ──> CONFIRMED
RUNNING ──┤
             not a number, too slow, too much memory, too often of another mind ──> FAILED, with the reason
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

MB = 2**20


class Outcome(StrEnum):
    RUNNING = "running"
    CONFIRMED = "confirmed"
    FAILED = "failed"


@dataclass(frozen=True)
class Limits:
    """What a model on trial must keep to."""

    ticks: int = 48  # with an inference: six minutes of a device that speaks, at 7.5 s
    agreement: float = 0.8  # least share of ticks at which old and new say the same of the device
    slowest_s: float = 0.25  # an inference; a Pi 4 needs 0.01 s, and a tick has 7.5 s for all devices
    slow_share: float = 0.1  # of the ticks may be slower than that: other things run on a Pi too
    more_bytes: int = 64 * MB  # of resident memory since the trial began
    hang_s: float = 10.0  # after which an inference is no longer waited for
    longest_s: float = 86_400.0  # a device that hardly speaks is not waited for longer


@dataclass(frozen=True)
class Observation:
    """One inference of the new model; `hit` and `old_hit`: confident enough by each one's own threshold."""

    confidence: float
    seconds: float
    hit: bool
    old_hit: bool | None = None  # None where there is no old model, or it has not enough columns yet
    more_bytes: int = 0


@dataclass(frozen=True)
class Probation:
    limits: Limits = field(default_factory=Limits)
    ticks: int = 0
    slow: int = 0
    compared: int = 0
    agreed: int = 0
    reason: str | None = None  # why it failed

    @property
    def outcome(self) -> Outcome:
        if self.reason is not None:
            return Outcome.FAILED
        return Outcome.CONFIRMED if self.ticks >= self.limits.ticks else Outcome.RUNNING

    def after(self, seen: Observation) -> Probation:
        """One more tick; what is over stays as it is."""
        if self.outcome is not Outcome.RUNNING:
            return self
        compared = seen.old_hit is not None
        next_ = replace(
            self,
            ticks=self.ticks + 1,
            slow=self.slow + (seen.seconds > self.limits.slowest_s),
            compared=self.compared + compared,
            agreed=self.agreed + (compared and seen.hit == seen.old_hit),
        )
        return replace(next_, reason=next_._objection(seen))

    def fail(self, reason: str) -> Probation:
        """Something else went wrong with the model."""
        return self if self.outcome is not Outcome.RUNNING else replace(self, reason=reason)

    def give_up_waiting(self) -> Probation:
        """The longest time is over: what was seen must do, were it nothing."""
        return replace(self, limits=replace(self.limits, ticks=min(self.ticks, self.limits.ticks)))

    def _objection(self, seen: Observation) -> str | None:
        limits = self.limits
        if not (math.isfinite(seen.confidence) and 0 <= seen.confidence <= 1):
            return f"gives {seen.confidence} at a live tick, which is no confidence"
        if seen.more_bytes > limits.more_bytes:
            return (
                f"needs {seen.more_bytes / MB:.0f} MB more memory, {limits.more_bytes / MB:.0f} are allowed"
            )
        if self.slow > limits.slow_share * limits.ticks:
            return f"was slower than {limits.slowest_s:g} s at {self.slow} of {self.ticks} ticks"
        # At once when even agreement at every tick to come would be too little.
        differed = self.compared - self.agreed
        if differed > (1 - limits.agreement) * limits.ticks + 1e-9:
            return f"says otherwise than the model before it at {differed} of {self.compared} ticks"
        return None
