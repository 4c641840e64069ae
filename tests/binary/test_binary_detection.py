"""Speed, trigger point and streaks, on answers written by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.binary.detection import faulty_share, first_streak, reached, streak_for, streak_lengths
from edgeprint.errors import BadParams, NotEnoughData

answers = st.lists(st.booleans(), max_size=40).map(lambda seen: np.array(seen, bool))


def missed(text: str) -> np.ndarray:
    """x: missed."""
    return np.array([c == "x" for c in text], bool)


def test_streaks_are_the_runs_of_misses():
    assert streak_lengths(missed("xx.x...xxx")).tolist() == [2, 1, 3]
    assert streak_lengths(missed("....")).tolist() == []


@given(answers)
def test_streaks_add_up_to_all_misses(seen):
    lengths = streak_lengths(seen)
    assert lengths.sum() == seen.sum()
    assert (lengths > 0).all()


def test_the_first_streak_is_told_by_the_sample_that_completes_it():
    seen = missed("x..xx.xxx")
    assert first_streak(seen, 1) == 0
    assert first_streak(seen, 2) == 4
    assert first_streak(seen, 3) == 8
    assert first_streak(seen, 4) is None


def test_misses_before_the_fault_do_not_count():
    assert first_streak(missed("xxx.xx"), 2, since=2) == 5
    assert first_streak(missed("xxx"), 1, since=3) is None


@given(answers, st.integers(1, 50))
def test_there_is_a_first_streak_where_one_is_long_enough(seen, length):
    found = first_streak(seen, length)
    assert (found is not None) == (streak_lengths(seen).max(initial=0) >= length)
    if found is not None:
        assert seen[found - length + 1 : found + 1].all()


def test_the_faulty_share_of_a_window_is_that_of_its_columns():
    assert faulty_share(missed("..x.xx"), 4).tolist() == [0.25, 0.5, 0.75]
    assert len(faulty_share(missed("..x"), 4)) == 0


def test_the_streak_for_a_false_alarm_rate():
    lengths = np.array([1, 1, 2, 5, 9])
    assert streak_for(lengths, days=2, alarms_per_day=0) == 10  # one longer than nature's longest
    assert streak_for(lengths, days=2, alarms_per_day=0.5) == 6
    assert streak_for(lengths, days=2, alarms_per_day=1) == 3
    assert streak_for(lengths, days=2, alarms_per_day=99) == 1
    assert streak_for(np.array([], int), days=2, alarms_per_day=0) == 1  # a device that never misses


@given(
    lengths=st.lists(st.integers(1, 30), max_size=30).map(np.array),
    days=st.floats(0.1, 9),
    rate=st.floats(0, 9),
)
def test_the_wanted_rate_is_kept_and_a_shorter_streak_would_break_it(lengths, days, rate):
    streak = streak_for(lengths, days=days, alarms_per_day=rate)
    allowed = rate * days + 1e-6
    assert (lengths >= streak).sum() <= allowed
    assert streak == 1 or (lengths >= streak - 1).sum() > rate * days - 1e-6


def test_how_many_streaks_are_so_long():
    assert reached(np.array([1, 2, 5]), np.array([1, 2, 6])).tolist() == [1, pytest.approx(2 / 3), 0]
    assert np.isnan(reached(np.array([], int), np.array([1]))).all()


def test_what_cannot_be_asked_for_is_refused():
    with pytest.raises(BadParams, match="streak of 0 samples"):
        first_streak(missed("x"), 0)
    with pytest.raises(BadParams, match="-1 false alarms"):
        streak_for(np.array([1]), days=1, alarms_per_day=-1)
    with pytest.raises(NotEnoughData, match="0 days"):
        streak_for(np.array([1]), days=0, alarms_per_day=1)
