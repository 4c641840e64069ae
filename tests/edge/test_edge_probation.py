"""The verdict on a model on trial, held for all that can be seen of it."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.edge.probation import MB, Limits, Observation, Outcome, Probation

LIMITS = Limits(ticks=10, agreement=0.8)
GOOD = Observation(0.97, 0.001, hit=True, old_hit=True)
SEEN = st.builds(
    Observation,
    confidence=st.floats(0, 1),
    seconds=st.floats(0, 0.2),
    hit=st.booleans(),
    old_hit=st.none() | st.booleans(),
    more_bytes=st.integers(-MB, 64 * MB),
)


def seen(*observations: Observation, limits: Limits = LIMITS) -> Probation:
    probation = Probation(limits)
    for observation in observations:
        probation = probation.after(observation)
    return probation


def test_a_model_that_does_all_as_the_old_one_is_confirmed_when_enough_was_seen() -> None:
    assert seen(*[GOOD] * 9).outcome is Outcome.RUNNING
    assert seen(*[GOOD] * 10).outcome is Outcome.CONFIRMED


@given(st.lists(SEEN, max_size=30))
def test_it_is_confirmed_only_after_all_ticks_and_with_enough_agreement(ticks: list[Observation]) -> None:
    probation = seen(*ticks)
    if probation.outcome is Outcome.CONFIRMED:
        assert probation.ticks == LIMITS.ticks
        assert probation.compared - probation.agreed <= (1 - LIMITS.agreement) * LIMITS.ticks + 1e-9


@given(st.lists(SEEN, max_size=30), SEEN)
def test_what_is_over_stays_as_it_is(ticks: list[Observation], more: Observation) -> None:
    probation = seen(*ticks)
    if probation.outcome is not Outcome.RUNNING:
        assert probation.after(more) == probation == probation.fail("late")


@given(st.lists(SEEN, max_size=9), st.sampled_from([math.nan, math.inf, -0.1, 1.1]))
def test_what_is_no_confidence_fails_at_once(ticks: list[Observation], confidence: float) -> None:
    probation = seen(*ticks)
    if probation.outcome is Outcome.RUNNING:
        after = probation.after(replace(GOOD, confidence=confidence))
        assert after.outcome is Outcome.FAILED and "is no confidence" in str(after.reason)


def test_too_much_memory_fails_at_once() -> None:
    probation = seen(replace(GOOD, more_bytes=65 * MB))
    assert probation.reason == "needs 65 MB more memory, 64 are allowed"


def test_a_slow_tick_now_and_then_is_the_pis_and_many_are_the_models() -> None:
    slow = replace(GOOD, seconds=0.3)
    assert seen(slow, *[GOOD] * 9).outcome is Outcome.CONFIRMED
    assert seen(slow, slow).reason == "was slower than 0.25 s at 2 of 2 ticks"


def test_it_fails_as_soon_as_agreement_cannot_be_reached_any_more() -> None:
    other = replace(GOOD, hit=False)
    assert seen(other, other, *[GOOD] * 8).outcome is Outcome.CONFIRMED
    assert seen(other, other, other).reason == "says otherwise than the model before it at 3 of 3 ticks"


def test_a_first_model_has_none_to_agree_with() -> None:
    assert seen(*[replace(GOOD, old_hit=None)] * 10).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("ticks", [0, 3])
def test_of_a_device_that_hardly_speaks_what_was_seen_must_do(ticks: int) -> None:
    assert seen(*[GOOD] * ticks).give_up_waiting().outcome is Outcome.CONFIRMED


def test_giving_up_waiting_forgives_nothing() -> None:
    assert seen(replace(GOOD, confidence=math.nan)).give_up_waiting().outcome is Outcome.FAILED
