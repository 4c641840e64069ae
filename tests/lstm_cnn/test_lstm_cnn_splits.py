import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.errors import NotEnoughData
from edgeprint.lstm_cnn.network import UNSEEN
from edgeprint.lstm_cnn.splits import AT_RANDOM, BY_TIME, SPLITS, Source, at_most, categories, drawn_devices
from edgeprint.packets.inventory import Inventory


def key(samples):
    return {x.tobytes() for x in samples[1]}


@pytest.mark.parametrize("split", SPLITS)
def test_no_window_is_on_both_sides_and_every_category_on_either(split, segments, inventory, small):
    division = Source(segments, inventory, small.train).divided(split, seed=1)
    assert division.labels == ["camera", "hub", "plug"]
    assert not key(division.training) & key(division.testing)
    assert set(division.training[2]) == set(division.testing[2]) == {0, 1, 2}


@pytest.mark.parametrize("seed", range(5))
def test_no_device_is_on_both_sides_where_devices_are_never_seen(seed, segments, inventory, small):
    division = Source(segments, inventory, small.train).divided(UNSEEN, seed=seed)
    assert not set(division.training[0]) & set(division.testing[0])


def test_other_seeds_draw_other_devices(segments, inventory, small):
    drawn = {
        tuple(sorted(set(Source(segments, inventory, small.train).divided(UNSEEN, seed=seed).training[0])))
        for seed in range(8)
    }
    assert len(drawn) > 1


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_by_time_the_share_is_of_each_devices_segments(share, segments, inventory, small):
    division = Source(segments, inventory, small.train).divided(BY_TIME, seed=1, share=share)
    count = len(division.training[0]), len(division.testing[0])
    assert count[0] / sum(count) == pytest.approx(share, abs=0.03)


def test_at_random_windows_that_overlap_stand_on_both_sides(segments, inventory, small):
    division = Source(segments, inventory, small.train).divided(AT_RANDOM, seed=1)
    halves = {x[3:].tobytes() for x in division.training[1]}  # shared with the next window
    assert any(x[:3].tobytes() in halves for x in division.testing[1])


@given(st.lists(st.integers(2, 9), min_size=2, max_size=5), st.floats(0.01, 0.99), st.integers(0, 99))
def test_at_least_one_device_of_each_category_is_on_either_side(sizes, share, seed):
    groups = {str(i): [f"{i}-{j}" for j in range(size)] for i, size in enumerate(sizes)}
    drawn = drawn_devices(groups, share, np.random.default_rng(seed))
    assert all(0 < len(drawn & set(names)) < len(names) for names in groups.values())


def test_no_device_has_more_windows_than_the_most():
    device = np.array(["a"] * 9 + ["b"] * 2, object)
    kept, x, label = at_most((device, np.arange(11.0)[:, None], np.arange(11)), 4, np.random.default_rng(0))
    assert (kept == "a").sum() == 4 and (kept == "b").sum() == 2
    assert np.array_equal(x[:, 0], label)


def test_a_category_with_one_device_is_left_out(segments, inventory, small):
    fewer = Inventory({n: d for n, d in inventory.devices.items() if n != "hub-b"})
    assert list(categories(segments, fewer, small.train)) == ["camera", "plug"]


def test_one_category_of_two_devices_is_refused_with_numbers(segments, inventory, small):
    few = Inventory({n: inventory[n] for n in ("camera-a", "camera-b", "hub-a")})
    expected = (
        r"two categories of two devices with 8 windows of 6 segments of 5 minutes each are needed, "
        r"found: camera-a \(camera\) 49, camera-b \(camera\) 49, hub-a \(hub\) 49"
    )
    with pytest.raises(NotEnoughData, match=expected):
        Source(segments, few, small.train).divided(UNSEEN, seed=1)
