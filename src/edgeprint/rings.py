"""Which release a Pi runs: rings of Pis, a plan that opens them one by one, and a Pi's place in them.

rings = (Ring("canary", pis=(mark("pi-kitchen"),)), Ring("all", 1.0))
plan = Plan(stable=7, candidate=8, rings=rings, reached=1)
plan.release("pi-kitchen"), plan.release("pi-attic")      # 8, 7
Plan.from_json(plan.to_json()) == plan

A plan is a small static file that every Pi reads; each finds its own place in it by a hash of its id, so
that no server has to know or answer any Pi. Ids stand in the file as hashes. The fleet's side writes plans,
the Pi's side reads them; neither imports the other.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edgeprint.errors import BadPlan

PI_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")  # also one level of an MQTT topic and a user's name
MARK = re.compile(r"[0-9a-f]{64}")
LARGEST_BYTES = 1_000_000  # of a plan: a list of ten thousand Pis
NO_RELEASE = 0


def mark(pi: str) -> str:
    """What stands for a Pi in a public list: 64 hexadecimal digits. Raises BadPlan for what is no Pi's id."""
    if not PI_ID.fullmatch(pi):
        raise BadPlan(f"{pi!r} is not a Pi's id (letters, digits, - and _, at most 63)")
    return hashlib.sha256(b"edgeprint pi " + pi.encode()).hexdigest()


def place(pi: str) -> float:
    """A Pi's place in the fleet, in [0, 1): the same for ever, spread evenly over all ids."""
    return int(mark(pi)[:13], 16) / 16**13


@dataclass(frozen=True)
class Ring:
    """Pis that take a release together: those listed by mark, and those whose place is below `share`."""

    name: str
    share: float = 0.0
    pis: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises BadPlan."""
        if not PI_ID.fullmatch(self.name):
            raise BadPlan(f"{self.name!r} is not a ring's name")
        if not 0 <= self.share <= 1:
            raise BadPlan(f"ring {self.name} has the share {self.share}, not one from 0 to 1")
        if bad := [pi for pi in self.pis if not MARK.fullmatch(pi)]:
            raise BadPlan(f"ring {self.name} lists {bad[0]!r}, which is no Pi's mark")

    def holds(self, pi: str) -> bool:
        return place(pi) < self.share or mark(pi) in self.pis


EVERYBODY = (Ring("all", 1.0),)


@dataclass(frozen=True)
class Plan:
    """The release that everybody runs, the one on its way, and how many rings it has reached."""

    stable: int = NO_RELEASE
    candidate: int | None = None
    rings: tuple[Ring, ...] = EVERYBODY
    reached: int = 0  # rings that take the candidate, from the first
    since: str = ""  # when the last of them was opened, ISO 8601
    paused: str | None = None  # why no further ring is opened
    stopped: dict[int, str] = field(default_factory=dict)  # releases that were rolled back, and why

    def __post_init__(self) -> None:
        """Raises BadPlan."""
        if not self.rings or self.rings[-1].share != 1:
            raise BadPlan("the last ring of a plan must have the share 1: everybody")
        if len({ring.name for ring in self.rings}) < len(self.rings):
            raise BadPlan("two rings of a plan have one name")
        if self.stable < 0 or (self.candidate is not None and self.candidate < 1):
            raise BadPlan(f"releases {self.stable} and {self.candidate} are not numbers from 1 up")
        if not (0 <= self.reached <= len(self.rings)) or (self.candidate is None) != (self.reached == 0):
            raise BadPlan(f"{self.reached} of {len(self.rings)} rings cannot run candidate {self.candidate}")

    def ring(self, pi: str) -> int:
        """Index of the first ring that holds the Pi."""
        return next(index for index, ring in enumerate(self.rings) if ring.holds(pi))

    def release(self, pi: str) -> int:
        """The release that this Pi runs; NO_RELEASE before the first."""
        if self.candidate is not None and self.ring(pi) < self.reached:
            return self.candidate
        return self.stable

    def begin(self, release: int, now: str, rings: tuple[Ring, ...] | None = None) -> Plan:
        """Open the first ring to a release. Raises BadPlan for one that was rolled back."""
        if release in self.stopped:
            raise BadPlan(f"release {release} was stopped ({self.stopped[release]}): publish another one")
        return replace(self, candidate=release, rings=rings or self.rings, reached=1, since=now, paused=None)

    def open_next(self, now: str) -> Plan:
        """Open the next ring; after the last one the candidate is what everybody runs."""
        if self.candidate is None or self.paused is not None:
            return self
        if self.reached < len(self.rings):
            return replace(self, reached=self.reached + 1, since=now)
        return replace(self, stable=self.candidate, candidate=None, reached=0, since=now)

    def pause(self, reason: str) -> Plan:
        return self if self.candidate is None else replace(self, paused=reason)

    def resume(self, now: str) -> Plan:
        """Go on, and give the last ring its whole time again."""
        return self if self.paused is None else replace(self, paused=None, since=now)

    def roll_back(self, reason: str, now: str) -> Plan:
        """Everybody runs the stable release again, and the candidate is never a candidate again."""
        if self.candidate is None:
            return self
        stopped = {**self.stopped, self.candidate: reason}
        return replace(self, candidate=None, reached=0, since=now, paused=None, stopped=stopped)

    def return_to(self, release: int, reason: str, now: str) -> Plan:
        """Everybody runs an earlier release again, at once."""
        stopped = {**self.stopped, self.stable: reason}
        if self.candidate is not None:
            stopped[self.candidate] = reason
        stopped.pop(release, None)
        return replace(
            self, stable=release, candidate=None, reached=0, since=now, paused=None, stopped=stopped
        )

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Plan:
        """Raises BadPlan for what no `to_json` wrote."""
        try:
            return cls(**_typed(json.loads(data)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadPlan(f"this is no roll-out plan: {error}") from error


def _typed(found: dict[str, Any]) -> dict[str, Any]:
    rings = tuple(
        Ring(str(ring["name"]), float(ring["share"]), tuple(map(str, ring["pis"]))) for ring in found["rings"]
    )
    candidate, paused = found["candidate"], found["paused"]
    return {
        "stable": int(found["stable"]),
        "candidate": None if candidate is None else int(candidate),
        "rings": rings,
        "reached": int(found["reached"]),
        "since": str(found["since"]),
        "paused": None if paused is None else str(paused),
        "stopped": {int(release): str(reason) for release, reason in found["stopped"].items()},
    }
