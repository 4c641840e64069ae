"""Rings and plans: who runs what, held for all Pis, shares and orders of events."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.errors import BadPlan
from edgeprint.rings import EVERYBODY, NO_RELEASE, Plan, Ring, mark, place

NOW = "2026-01-05T12:00:00+00:00"
IDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
SHARES = st.lists(st.floats(0, 1), max_size=4)


def rings(shares: list[float]) -> tuple[Ring, ...]:
    return (*(Ring(f"ring-{index}", share) for index, share in enumerate(sorted(shares))), Ring("all", 1.0))


PLANS = st.builds(
    lambda shares, listed: (Ring("listed", pis=tuple(map(mark, listed))), *rings(shares)),
    SHARES,
    st.lists(IDS, max_size=3),
)
EVENTS = st.lists(
    st.sampled_from(["begin", "open", "open", "open", "pause", "resume", "roll back"]), max_size=20
)


def after(plan: Plan, events: list[str]) -> list[Plan]:
    """The plan after each event; each release that begins is a new one."""
    plans, release = [plan], plan.stable
    for event in events:
        plan = plans[-1]
        if event == "begin":
            release += 1
            plans.append(plan.begin(release, NOW))
        elif event == "open":
            plans.append(plan.open_next(NOW))
        elif event == "pause":
            plans.append(plan.pause("why not"))
        elif event == "resume":
            plans.append(plan.resume(NOW))
        else:
            plans.append(plan.roll_back("bad", NOW))
    return plans


@given(IDS)
def test_a_place_is_in_the_fleet_and_stays(pi: str) -> None:
    assert 0 <= place(pi) < 1 and place(pi) == place(pi)


def test_places_are_spread_evenly() -> None:
    places = [place(f"pi-{number}") for number in range(10_000)]
    for share in (0.01, 0.1, 0.25, 0.5):
        assert abs(sum(p < share for p in places) / len(places) - share) < 0.015


def test_a_place_is_the_same_on_every_machine() -> None:
    assert place("pi-kitchen") == pytest.approx(0.0817288, abs=1e-7)


@given(PLANS, EVENTS, IDS)
def test_every_pi_runs_the_stable_release_or_the_candidate(
    rings: tuple[Ring, ...], events: list[str], pi: str
) -> None:
    for plan in after(Plan(rings=rings), events):
        assert plan.release(pi) in (plan.stable, plan.candidate)


@given(PLANS, EVENTS, IDS)
def test_a_pi_keeps_a_candidate_until_it_is_stable_rolled_back_or_replaced(
    rings: tuple[Ring, ...], events: list[str], pi: str
) -> None:
    plans = after(Plan(rings=rings), events)
    for event, before, now in zip(events, plans, plans[1:], strict=False):
        if event in ("open", "pause", "resume"):
            assert now.release(pi) >= before.release(pi)


@given(PLANS, EVENTS, IDS)
def test_a_release_that_was_rolled_back_runs_nowhere(
    rings: tuple[Ring, ...], events: list[str], pi: str
) -> None:
    for plan in after(Plan(rings=rings), events):
        assert plan.release(pi) not in plan.stopped
        if plan.stopped:
            with pytest.raises(BadPlan, match="was stopped"):
                plan.begin(next(iter(plan.stopped)), NOW)


@given(PLANS, EVENTS)
def test_no_ring_is_opened_while_paused(rings: tuple[Ring, ...], events: list[str]) -> None:
    for plan in after(Plan(rings=rings), events):
        if plan.paused is not None:
            assert plan.open_next(NOW) == plan


@given(PLANS, EVENTS)
def test_a_plan_survives_its_file(rings: tuple[Ring, ...], events: list[str]) -> None:
    for plan in after(Plan(rings=rings), events):
        assert Plan.from_json(plan.to_json()) == plan


@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda x: (
                st.lists(x, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["stable", "candidate", "rings", "reached", "since", "paused", "stopped"]
                    ),
                    x,
                )
            ),
            max_leaves=12,
        ),
    )
)
def test_what_is_no_plan_is_refused_by_name(found: object) -> None:

    data = found if isinstance(found, bytes) else json.dumps(found).encode()
    with pytest.raises(BadPlan):
        Plan.from_json(data)


def test_an_earlier_release_can_be_returned_to_at_once() -> None:
    plan = Plan(stable=8).begin(9, NOW).return_to(7, "wrong labels", NOW)
    assert plan.release("pi-1") == 7 and {*plan.stopped} == {8, 9}


def test_before_the_first_release_nobody_runs_any() -> None:
    assert Plan().release("pi-1") == NO_RELEASE


def test_ids_do_not_stand_in_a_plan() -> None:
    plan = Plan(rings=(Ring("canary", pis=(mark("pi-of-mrs-smith"),)), *EVERYBODY))
    assert b"smith" not in plan.to_json() and plan.ring("pi-of-mrs-smith") == 0


@pytest.mark.parametrize("pi", ["", "a b", "../x", "x" * 64, "pi/1", "+", "#"])
def test_what_is_no_pis_id_is_refused(pi: str) -> None:
    with pytest.raises(BadPlan, match="is not a Pi's id"):
        mark(pi)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rings": (Ring("few", 0.5),)}, "must have the share 1"),
        ({"rings": (Ring("all", 0.1), Ring("all", 1.0))}, "have one name"),
        ({"candidate": 1, "reached": 0}, "cannot run candidate"),
        ({"candidate": 1, "reached": 2}, "cannot run candidate"),
        ({"stable": -1}, "are not numbers from 1 up"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(change: dict, sentence: str) -> None:
    with pytest.raises(BadPlan, match=sentence):
        Plan(**change)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(BadPlan, match="not one from 0 to 1"):
        Ring("canary", share)
