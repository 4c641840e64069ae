"""Whether a release goes on to the next ring, waits, pauses or is rolled back: a function of what Pis say.

decision = decide(plan, fleet, now, Thresholds())
plan = carry_out(plan, decision, now)

for every open ring, in this order
  too many of its Pis failed the release ......................... roll back, also while paused
  a person paused it ............................................. wait
  too many that took it complain of their health ................. pause
  enough confirmed it, few are offline, and it soaked long enough  go on
  otherwise ...................................................... wait, and pause when patience is over
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from edgeprint.rings import Plan
from edgeprint.standing import Phase, Standing


@dataclass(frozen=True)
class Heard:
    """A Pi as its fleet knows it: the last that it said, and whether it is there."""

    standing: Standing
    online: bool


Fleet = Mapping[str, Heard]  # by the Pi's id


@dataclass(frozen=True)
class Thresholds:
    """Shares are of a ring's Pis that were ever heard."""

    failed: float = 0.05  # more, and the release is rolled back
    unwell: float = 0.3  # of those that confirmed it, more with complaints, and it is paused
    confirmed: float = 0.9  # of those online, at least so many before the next ring opens
    offline: float = 0.3  # at most so many then
    fewest: int = 1  # Pis that must have confirmed in the first ring, whatever their share
    soak_s: float = 86_400.0  # at least so long in a ring
    patience_s: float = 3 * 86_400.0  # after which a ring that does not get on is a person's matter


class Act(StrEnum):
    GO_ON = "go on"
    WAIT = "wait"
    PAUSE = "pause"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class Decision:
    act: Act
    reason: str


@dataclass(frozen=True)
class Count:
    """The Pis of one ring, by how the plan's release stands there; every Pi is in one of the first five."""

    ring: str
    confirmed: int = 0
    trial: int = 0
    failed: int = 0
    behind: int = 0  # online, and not at the release that the plan gives it
    offline: int = 0
    unwell: int = 0  # of those confirmed
    stale: int = 0  # of those online

    @property
    def pis(self) -> int:
        return self.confirmed + self.trial + self.failed + self.behind + self.offline

    @property
    def online(self) -> int:
        return self.pis - self.offline


def count(plan: Plan, fleet: Fleet) -> list[Count]:
    """A row a ring, each Pi in the first ring that holds it."""
    tallies: list[dict[str, int]] = [{} for _ in plan.rings]
    for pi, heard in fleet.items():
        tally = tallies[plan.ring(pi)]
        for column in _columns(heard, plan.release(pi)):
            tally[column] = tally.get(column, 0) + 1
    return [Count(ring.name, **tally) for ring, tally in zip(plan.rings, tallies, strict=True)]


def _columns(heard: Heard, release: int) -> list[str]:
    """What a Pi adds to. A failure counts though the Pi is gone since: it may be gone because of it."""
    standing = heard.standing
    at_it = standing.release == release
    if at_it and standing.phase is Phase.FAILED:
        return ["failed"]
    if not heard.online:
        return ["offline"]
    where = {Phase.IN_USE: "confirmed", Phase.TRIAL: "trial"}.get(standing.phase) if at_it else None
    unwell = ["unwell"] if where == "confirmed" and standing.health else []
    return [where or "behind", *unwell, *(["stale"] if standing.stale else [])]


def decide(plan: Plan, fleet: Fleet, now: datetime, thresholds: Thresholds) -> Decision:
    """What is to be done about the release on its way."""
    if plan.candidate is None:
        return Decision(Act.WAIT, f"release {plan.stable} is everybody's" if plan.stable else "no release")
    rings = count(plan, fleet)[: plan.reached]
    for ring in rings:
        if ring.failed > thresholds.failed * ring.pis:
            return Decision(Act.ROLL_BACK, f"{ring.failed} of {ring.pis} Pis of {ring.ring} failed it")
    if plan.paused is not None:
        return Decision(Act.WAIT, f"paused: {plan.paused}")
    for ring in rings:
        if ring.unwell > thresholds.unwell * ring.confirmed:
            return Decision(
                Act.PAUSE, f"{ring.unwell} of {ring.confirmed} Pis of {ring.ring} complain of their health"
            )
    return _progress(plan, rings, now, thresholds)


def _progress(plan: Plan, rings: list[Count], now: datetime, thresholds: Thresholds) -> Decision:
    lacking = next((why for ring in rings if (why := _lacks(ring, thresholds))), None)
    first, last = rings[0], rings[-1]
    if first.confirmed < thresholds.fewest:
        lacking = f"{first.confirmed} of at least {thresholds.fewest} Pis of {first.ring} confirmed it"
    open_s = (now - datetime.fromisoformat(plan.since)).total_seconds()
    if lacking is None and open_s >= thresholds.soak_s:
        return Decision(Act.GO_ON, f"{last.confirmed} of {last.pis} Pis of {last.ring} confirmed it")
    if lacking is not None and open_s >= thresholds.patience_s:
        return Decision(Act.PAUSE, f"{lacking}, after {open_s / 3600:.0f} hours")
    return Decision(Act.WAIT, lacking or f"{last.ring} soaks for {thresholds.soak_s - open_s:.0f} s more")


def _lacks(ring: Count, thresholds: Thresholds) -> str | None:
    """Why the ring after this one must not be opened yet."""
    if ring.confirmed < thresholds.confirmed * ring.online:
        return f"{ring.confirmed} of {ring.online} Pis of {ring.ring} that are online confirmed it"
    if ring.offline > thresholds.offline * ring.pis:
        return f"{ring.offline} of {ring.pis} Pis of {ring.ring} are offline"
    return None


def carry_out(plan: Plan, decision: Decision, now: str) -> Plan:
    """The plan after a decision that was made of it."""
    if decision.act is Act.GO_ON:
        return plan.open_next(now)
    if decision.act is Act.PAUSE:
        return plan.pause(decision.reason)
    if decision.act is Act.ROLL_BACK:
        return plan.roll_back(decision.reason, now)
    return plan
