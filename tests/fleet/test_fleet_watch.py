"""What the watch does with a real repository: a step at a time, and a loop that ends when it is told."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from small_fleet import LATER, NOW

from edgeprint.fleet import repository
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.decide import Act, Fleet, Heard, Thresholds
from edgeprint.fleet.keys import Keys
from edgeprint.fleet.watch import step, watch
from edgeprint.rings import Plan, Ring, mark
from edgeprint.standing import Phase, Standing

RINGS = (Ring("canary", pis=(mark("pi-1"),)), Ring("all", 1.0))
AT_ONCE = Thresholds(soak_s=0, patience_s=1e9)


@pytest.fixture
def released(folder: Path, keys: Path, camera: Path) -> Path:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW, rings=RINGS)
    return folder


def obeying(plan: Plan, phase: Phase = Phase.IN_USE) -> Fleet:
    return {pi: Heard(Standing(pi, plan.release(pi), phase), True) for pi in ("pi-1", "pi-2")}


def test_a_good_release_becomes_everybodys_in_as_many_steps_as_rings(released: Path, keys: Path) -> None:
    acts = []
    for _ in range(3):
        fleet = obeying(Chain.read(released).plan())
        acts.append(step(released, Keys(keys), fleet, AT_ONCE, LATER)[2].act)
    assert acts == [Act.GO_ON, Act.GO_ON, Act.WAIT]
    assert Chain.read(released).plan().stable == 1


def test_a_bad_release_is_signed_away(released: Path, keys: Path) -> None:
    fleet = obeying(Chain.read(released).plan(), Phase.FAILED)
    before, after, decision = step(released, Keys(keys), fleet, AT_ONCE, LATER)
    assert decision.act is Act.ROLL_BACK and before.candidate == 1 and after.candidate is None
    assert Chain.read(released).plan() == after


def test_a_step_that_changes_nothing_signs_nothing(released: Path, keys: Path) -> None:
    before = repository.status(released).versions
    step(released, Keys(keys), {}, AT_ONCE, NOW)
    assert repository.status(released).versions == before


def test_a_timestamp_that_is_half_expired_is_renewed(released: Path, keys: Path) -> None:
    before = repository.status(released).versions["timestamp"]
    step(released, Keys(keys), {}, AT_ONCE, NOW + timedelta(days=4))
    assert repository.status(released).versions["timestamp"] == before + 1


def test_the_loop_says_each_act_once_and_ends_when_it_is_told(released: Path, keys: Path) -> None:
    said: list[str] = []
    over = threading.Event()

    def fleet() -> Fleet:
        plan = Chain.read(released).plan()
        if plan.stable:
            over.set()
        return obeying(plan)

    watch(released, Keys(keys), fleet, AT_ONCE, every_s=0.01, over=over, say=said.append, now=lambda: LATER)
    acts = [line.split("release ", 1)[1] for line in said]
    assert acts == [
        "1: go on, 1 of 1 Pis of canary confirmed it",
        "1: go on, 1 of 1 Pis of all confirmed it",
        "1: wait, release 1 is everybody's",
    ]
