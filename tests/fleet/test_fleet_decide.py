"""What is done about a release, held for all fleets: a bad one never gets past the ring that shows it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.fleet.decide import Act, Decision, Fleet, Heard, Thresholds, carry_out, count, decide
from edgeprint.rings import Plan, Ring, mark
from edgeprint.standing import Phase, Standing

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
RINGS = (Ring("canary", pis=(mark("pi-0"), mark("pi-1"))), Ring("quarter", 0.25), Ring("all", 1.0))
PIS = [f"pi-{number}" for number in range(40)]
PLAN = Plan(stable=1, rings=RINGS).begin(2, BEGIN.isoformat())
SOAKED = BEGIN + timedelta(days=1)
HEARD = st.builds(
    Heard,
    st.builds(
        Standing,
        pi=st.just("x"),
        release=st.sampled_from([1, 2]),
        phase=st.sampled_from(Phase),
        health=st.sampled_from([(), ("no packet for 9 minutes",)]),
    ),
    st.booleans(),
)
FLEETS = st.dictionaries(st.sampled_from(PIS), HEARD)
REACHED = st.integers(1, 3)
THRESHOLDS = st.builds(Thresholds, failed=st.floats(0, 1), confirmed=st.floats(0, 1), offline=st.floats(0, 1))


def heard(release: int, phase: Phase = Phase.IN_USE, *, online: bool = True, **more: object) -> Heard:
    return Heard(Standing("x", release, phase, **more), online)


def everybody_obeys(plan: Plan, **failing: Phase) -> Fleet:
    """Each Pi at the release that the plan gives it."""
    return {pi: heard(plan.release(pi), failing.get(pi.replace("-", ""), Phase.IN_USE)) for pi in PIS}


@given(FLEETS)
def test_every_pi_is_counted_once(fleet: Fleet) -> None:
    assert sum(row.pis for row in count(PLAN, fleet)) == len(fleet)


@given(FLEETS, REACHED, THRESHOLDS, st.booleans())
def test_a_ring_with_too_many_failures_is_always_rolled_back(
    fleet: Fleet, reached: int, thresholds: Thresholds, paused: bool
) -> None:
    plan = replace(PLAN, reached=reached, paused="by hand" if paused else None)
    open_rings = count(plan, fleet)[:reached]
    too_many = any(row.failed > thresholds.failed * row.pis for row in open_rings)
    assert (decide(plan, fleet, SOAKED, thresholds).act is Act.ROLL_BACK) == too_many


@given(FLEETS, REACHED, THRESHOLDS)
def test_a_paused_release_never_goes_on(fleet: Fleet, reached: int, thresholds: Thresholds) -> None:
    plan = replace(PLAN, reached=reached, paused="by hand")
    assert decide(plan, fleet, SOAKED, thresholds).act in (Act.WAIT, Act.ROLL_BACK)


@given(FLEETS, REACHED, THRESHOLDS, st.floats(0, 86_399))
def test_no_ring_opens_before_it_has_soaked(
    fleet: Fleet, reached: int, thresholds: Thresholds, seconds: float
) -> None:
    plan = replace(PLAN, reached=reached)
    assert decide(plan, fleet, BEGIN + timedelta(seconds=seconds), thresholds).act is not Act.GO_ON


@given(FLEETS, REACHED, THRESHOLDS)
def test_going_on_needs_enough_confirmations_in_every_open_ring(
    fleet: Fleet, reached: int, thresholds: Thresholds
) -> None:
    plan = replace(PLAN, reached=reached)
    if decide(plan, fleet, SOAKED, thresholds).act is Act.GO_ON:
        for row in count(plan, fleet)[:reached]:
            assert row.confirmed >= thresholds.confirmed * row.online
            assert row.offline <= thresholds.offline * row.pis


@given(FLEETS, REACHED)
def test_what_closed_rings_say_changes_nothing(fleet: Fleet, reached: int) -> None:
    plan = replace(PLAN, reached=reached)
    open_only = {pi: said for pi, said in fleet.items() if plan.ring(pi) < reached}
    assert decide(plan, fleet, SOAKED, Thresholds()) == decide(plan, open_only, SOAKED, Thresholds())


@given(FLEETS, THRESHOLDS)
def test_without_a_release_on_its_way_nothing_is_done(fleet: Fleet, thresholds: Thresholds) -> None:
    assert decide(Plan(stable=1, rings=RINGS), fleet, SOAKED, thresholds).act is Act.WAIT


def days(plan: Plan, fleet_of: object, limit: int = 20) -> list[tuple[Plan, Decision]]:
    """A look a day until nothing more happens."""
    now, seen = BEGIN, []
    for _ in range(limit):
        now += timedelta(days=1)
        decision = decide(plan, fleet_of(plan), now, Thresholds())
        plan = carry_out(plan, decision, now.isoformat())
        seen.append((plan, decision))
    return seen


def test_a_good_release_reaches_everybody_ring_by_ring() -> None:
    seen = days(PLAN, everybody_obeys)
    assert [plan.reached for plan, _ in seen[:3]] == [2, 3, 0]
    assert seen[-1][0].stable == 2 and seen[-1][0].candidate is None


@given(st.sets(st.sampled_from(["pi0", "pi1"]), min_size=1))
def test_a_release_that_a_canary_fails_reaches_nobody_else(failing: set[str]) -> None:
    seen = days(PLAN, lambda plan: everybody_obeys(plan, **dict.fromkeys(failing, Phase.FAILED)))
    assert all(plan.reached <= 1 for plan, _ in seen)
    assert seen[0][0].stopped == {2: seen[0][1].reason} and seen[-1][0].stable == 1


def test_one_failure_among_many_does_not_stop_a_release() -> None:
    plan = replace(PLAN, reached=3)
    fleet = everybody_obeys(plan, pi39=Phase.FAILED)
    assert decide(plan, fleet, SOAKED, Thresholds()).act is Act.GO_ON


def test_a_pi_that_failed_and_is_gone_still_counts_as_failed() -> None:
    fleet = {"pi-0": heard(2, Phase.FAILED, online=False), "pi-1": heard(2)}
    assert decide(PLAN, fleet, SOAKED, Thresholds()).act is Act.ROLL_BACK


def test_a_failure_of_another_release_is_none_of_this_one() -> None:
    fleet = {"pi-0": heard(1, Phase.FAILED), "pi-1": heard(2)}
    assert decide(PLAN, fleet, SOAKED, Thresholds()).act is Act.WAIT


def test_without_a_canary_nothing_goes_on() -> None:
    assert decide(PLAN, {}, SOAKED, Thresholds()).act is Act.WAIT
    assert decide(PLAN, {"pi-7": heard(1)}, SOAKED, Thresholds()).act is Act.WAIT


@pytest.mark.parametrize("phase", [Phase.TRIAL, Phase.BEHIND, Phase.NONE])
def test_a_ring_that_does_not_get_on_is_paused_when_patience_is_over(phase: Phase) -> None:
    fleet = {"pi-0": heard(2), "pi-1": heard(2, phase)}
    assert decide(PLAN, fleet, SOAKED, Thresholds()).act is Act.WAIT
    late = decide(PLAN, fleet, BEGIN + timedelta(days=3), Thresholds())
    assert late.act is Act.PAUSE and "1 of 2 Pis of canary that are online confirmed it" in late.reason


def test_a_release_after_which_pis_are_unwell_is_paused() -> None:
    fleet = {"pi-0": heard(2, health=("no packet for 9 minutes",)), "pi-1": heard(2)}
    decision = decide(PLAN, fleet, SOAKED, Thresholds())
    assert decision == Decision(Act.PAUSE, "1 of 2 Pis of canary complain of their health")


def test_rings_in_which_most_are_offline_are_waited_for() -> None:
    fleet = {"pi-0": heard(2), "pi-1": heard(2, online=False)}
    decision = decide(PLAN, fleet, SOAKED, Thresholds())
    assert decision == Decision(Act.WAIT, "1 of 2 Pis of canary are offline")
