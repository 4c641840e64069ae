"""Injection: exactly the columns asked for are replaced, nothing before the trigger, by what was asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.binary.faults import (
    all_columns,
    at_random,
    every_nth,
    foreign_columns,
    inject,
    random_columns,
)
from edgeprint.errors import BadParams, NotEnoughData

counts = st.integers(0, 60)
seeds = st.integers(0, 99)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(count=counts, share=st.floats(0, 1), seed=seeds, data=st.data())
def test_at_random_exactly_the_share_is_chosen_and_none_before_the_trigger(count, share, seed, data):
    trigger = data.draw(st.integers(0, count))
    places = at_random(count, share, trigger=trigger, random=generator(seed))
    assert places.shape == (count,)
    assert not places[:trigger].any()
    assert places.sum() == round(share * (count - trigger))


@given(count=counts, n=st.integers(1, 70), data=st.data())
def test_every_nth_begins_at_the_trigger_and_keeps_its_distance(count, n, data):
    trigger = data.draw(st.integers(0, count))
    assert np.flatnonzero(every_nth(count, n, trigger=trigger)).tolist() == list(range(trigger, count, n))


def test_all_columns_are_all_from_the_trigger_on():
    assert all_columns(5, trigger=2).tolist() == [False, False, True, True, True]


@given(count=counts, seed=seeds, share=st.floats(0, 1))
def test_what_is_not_replaced_is_equal_bit_for_bit_and_the_stream_itself_is_untouched(count, seed, share):
    random = generator(seed)
    columns = random.exponential(9, (count, 4)).astype("f4")
    before = columns.copy()
    places = at_random(count, share, trigger=count // 3, random=random)
    fault = -1 - random.random((int(places.sum()), 4)).astype("f4")
    faulty = inject(columns, places, fault)
    assert np.array_equal(faulty[~places], before[~places])
    assert np.array_equal(faulty[places], fault)
    assert np.array_equal(columns, before)


@given(count=counts, seed=seeds)
def test_random_columns_are_as_loud_as_columns_of_the_device_and_no_louder(count, seed):
    like = np.array([[0, 1, 2], [0, 0, 100]], "f4")
    made = random_columns(count, like=like, random=generator(seed))
    assert made.shape == (count, 3)
    assert made.dtype == np.float32
    assert ((made >= 0) & (made <= 100)).all()


def test_random_columns_take_the_loudness_of_one_column_each():
    like = np.array([[0, 0, 2], [0, 0, 100]], "f4")
    loudest = random_columns(2000, like=like, random=generator()).max(axis=1)
    assert 0.4 < (loudest <= 2).mean() < 0.6  # half of the columns are quiet ones


@given(count=counts, seed=seeds, length=st.integers(1, 20))
def test_foreign_columns_are_consecutive_ones_of_the_other_device(count, seed, length):
    of = np.arange(length, dtype="f4")[:, None]
    found = foreign_columns(count, of=of, random=generator(seed))[:, 0].astype(int)
    assert len(found) == count
    assert (np.diff(found) % length == 1 % length).all()


def test_the_same_generator_gives_the_same_faults():
    one, same = (at_random(50, 0.3, trigger=10, random=generator(3)) for _ in range(2))
    assert np.array_equal(one, same)


def test_what_cannot_be_asked_for_is_refused_with_the_value():
    with pytest.raises(BadParams, match=r"share of 1\.2 of the columns"):
        at_random(5, 1.2, trigger=0, random=generator())
    with pytest.raises(BadParams, match="every 0th column"):
        every_nth(5, 0, trigger=0)
    with pytest.raises(BadParams, match="begin at column 6 of 5"):
        all_columns(5, trigger=6)
    with pytest.raises(NotEnoughData, match="loudness"):
        random_columns(2, like=np.zeros((0, 3), "f4"), random=generator())
    with pytest.raises(NotEnoughData, match="no column of another device"):
        foreign_columns(2, of=np.zeros((0, 3), "f4"), random=generator())
