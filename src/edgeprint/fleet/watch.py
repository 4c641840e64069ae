"""The process that lets a release go its way: hears the Pis, decides, signs plans, keeps the timestamp fresh.

    watch(folder, keys, listener.fleet, Thresholds(), every_s=60, over=event, show=...)
    follow(folder, keys, listener.fleet, Thresholds(), every_s=60, until=friday)     # one release

It holds the online keys and nothing else. It may be stopped and started at any time: the plan in the
repository is all the state there is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from edgeprint.fleet import seal
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.decide import Act, Decision, Fleet, Thresholds, carry_out, decide
from edgeprint.fleet.keys import Keys
from edgeprint.rings import Plan

Show = Callable[[Plan, Fleet, Decision], None]


def step(
    folder: Path, keys: Keys, fleet: Fleet, thresholds: Thresholds, now: datetime
) -> tuple[Plan, Plan, Decision]:
    """Look once, and do what is to be done: the plan before and after. Raises SigningFailed."""
    chain = Chain.read(folder)
    if chain.timestamp is None or seal.is_half_expired(chain.timestamp.signed, "timestamp", now):
        seal.refresh(folder, keys, now)
    made: list[tuple[Plan, Decision]] = []

    def change(plan: Plan) -> Plan:
        decision = decide(plan, fleet, now, thresholds)
        made.append((plan, decision))
        return carry_out(plan, decision, seal.moment(now))

    after = seal.change_plan(folder, keys, change, now)
    before, decision = made[-1]
    return before, after, decision


def watch(
    folder: Path,
    keys: Keys,
    fleet: Callable[[], Fleet],
    thresholds: Thresholds,
    *,
    every_s: float,
    over: threading.Event,
    say: Callable[[str], None],
    show: Show = lambda plan, fleet, decision: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Step again and again until `over`; says each act, and each new reason to wait."""
    said = None
    while not over.is_set():
        heard = fleet()
        before, after, decision = step(folder, keys, heard, thresholds, now())
        show(after, heard, decision)
        if decision != said and (decision.act is not Act.WAIT or "soaks" not in decision.reason):
            release = before.candidate or before.stable
            say(f"{now():%Y-%m-%d %H:%M:%S}  release {release}: {decision.act}, {decision.reason}")
        said = decision
        over.wait(every_s)


def follow(
    folder: Path,
    keys: Keys,
    fleet: Callable[[], Fleet],
    thresholds: Thresholds,
    *,
    every_s: float,
    until: datetime,
    say: Callable[[str], None],
    show: Show = lambda plan, fleet, decision: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Plan:
    """Watch until the release on its way is everybody's or was stopped, or until that time; the plan then."""
    over = threading.Event()

    def look(plan: Plan, heard: Fleet, decision: Decision) -> None:
        show(plan, heard, decision)
        if plan.candidate is None or now() >= until:
            over.set()

    watch(folder, keys, fleet, thresholds, every_s=every_s, over=over, say=say, show=look, now=now)
    return Chain.read(folder).plan()
