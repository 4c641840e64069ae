"""Draw docs/fleet-rings.svg: the rings of a simulated fleet of 1,000 Pis in the middle of a roll-out.

python -m docs.draw_rings
"""

from __future__ import annotations

import random
from pathlib import Path

from edgeprint.fleet.board import picture
from edgeprint.fleet.decide import Heard
from edgeprint.rings import Plan, Ring, mark
from edgeprint.standing import Phase, Standing

PIS = [f"pi-{number}" for number in range(1000)]
RINGS = (Ring("canary", pis=tuple(map(mark, PIS[:10]))), Ring("quarter", 0.25), Ring("all", 1.0))
SHARES = ((0.82, Phase.IN_USE), (0.94, Phase.TRIAL), (0.96, Phase.FAILED), (1.0, Phase.BEHIND))


def heard(plan: Plan, pi: str, chance: random.Random) -> Heard:
    release, online = plan.release(pi), chance.random() > 0.03
    phase = Phase.IN_USE
    if plan.candidate == release and plan.ring(pi) == plan.reached - 1:
        phase = next(phase for share, phase in SHARES if chance.random() <= share)
    return Heard(Standing(pi, release, phase), online)


def main() -> None:
    plan = (
        Plan(stable=7, rings=RINGS)
        .begin(8, "2026-01-05T12:00:00+00:00")
        .open_next("2026-01-06T12:00:00+00:00")
    )
    chance = random.Random(0)
    fleet = {pi: heard(plan, pi, chance) for pi in PIS}
    out = Path(__file__).with_name("fleet-rings.svg")
    out.write_text(picture(plan, fleet, "a simulated fleet"))
    print(out)


if __name__ == "__main__":
    main()
