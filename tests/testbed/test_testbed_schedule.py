import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.testbed.schedule import AWAKE, events, ticks


@given(
    begin=st.floats(0, 86400),
    length=st.floats(0, 7200),
    period=st.floats(1, 4000),
    jitter=st.floats(0, 0.6),
    seed=st.integers(0, 9),
)
def test_ticks_are_in_order_and_fill_their_interval(begin, length, period, jitter, seed):
    times = ticks(np.random.default_rng(seed), begin, begin + length, period, jitter)
    assert np.all(np.diff(times) > 0)
    assert np.all((times >= begin) & (times < begin + length))
    if length > 4 * period and jitter < 0.3:
        assert begin + length - times[-1] < 3 * period


def test_ticks_keep_their_period(rng):
    steps = np.diff(ticks(rng, 0, 36000, 10, 0.05))
    assert abs(steps.mean() - 10) < 0.1 and 0.4 < steps.std() < 0.6


def test_no_tick_falls_into_an_interval_that_is_none(rng):
    assert len(ticks(rng, 100, 100, 1, 0)) == len(ticks(rng, 100, 50, 1, 0)) == 0


def test_events_follow_the_day(rng):
    hour = events(rng, 0, 86400, per_hour=500, night=0.0) // 3600
    assert np.sum(hour == 19) > 10 * np.sum(hour == 3)
    assert abs(np.sum(hour == 19) - 500) < 100


def test_events_that_know_no_night_are_even(rng):
    counts = np.bincount((events(rng, 0, 86400, per_hour=500, night=1.0) // 3600).astype(int))
    assert counts.min() > 400


@pytest.mark.parametrize("begin, end", [(100, 100), (200, 100)])
def test_no_event_without_time(rng, begin, end):
    assert len(events(rng, begin, end, 1000, 1.0)) == 0


def test_everybody_is_awake_at_some_hour_and_nobody_at_another():
    assert len(AWAKE) == 24 and AWAKE.max() == 1 and 0 < AWAKE.min() < 0.05
