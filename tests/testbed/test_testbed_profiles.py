from collections import Counter

import pytest

from edgeprint.packets.inventory import DEVICE_NAME
from edgeprint.testbed.home import MOST_DEVICES
from edgeprint.testbed.profiles import Beat, Stream, cast


def iot(devices, quarter=1):
    return [p for p in (m.profile(quarter) for m in cast(devices)) if p.iot]


def test_eight_devices_are_four_categories_of_two():
    assert Counter(p.category for p in iot(8)) == {"camera": 2, "switch": 2, "media": 2, "hub": 2}


def test_a_larger_home_begins_with_the_smaller_one():
    assert cast(MOST_DEVICES)[:8] == cast(8)[:8]
    assert cast(3)[-2:] == cast(8)[-2:]  # laptop and phone


def test_names_and_numbers_are_unique_and_fit_the_inventory():
    members = cast(MOST_DEVICES)
    assert len({m.name for m in members}) == len({m.number for m in members}) == MOST_DEVICES + 2
    assert all(DEVICE_NAME.fullmatch(m.name) for m in members)
    assert max(m.number for m in members) + 20 < 255  # the last octet of its address


def test_further_models_are_named_after_their_kind():
    names = [m.name for m in cast(MOST_DEVICES)]
    assert {"camera-c", "camera-d", "camera-e", "plug-c", "speaker-b", "tv-c"} <= set(names)


@pytest.mark.parametrize("quarter", [1, 4, 12])
def test_every_profile_of_every_quarter_can_be_built(quarter):
    for profile in iot(MOST_DEVICES, quarter):
        assert profile.activities and profile.clock.period > 0


def test_every_device_speaks_at_least_twice_a_minute():
    for profile in iot(MOST_DEVICES):
        beats = [a for a in profile.activities if isinstance(a, Beat)]
        assert min(max(b.periods) for b in beats) <= 45, profile.name


def test_a_further_model_differs_from_the_one_it_varies():
    by_name = {p.name: p for p in iot(MOST_DEVICES)}
    ours, theirs = by_name["camera-a"], by_name["camera-c"]
    assert ours.category == theirs.category
    assert ours.activities[0].periods != theirs.activities[0].periods
    assert 0.6 < theirs.react_ms[0] / ours.react_ms[0] < 1.5


def test_an_update_changes_what_it_names_from_its_quarter_on():
    camera = next(m for m in cast(8) if m.name == "camera-b")
    assert [camera.profile(q).modern for q in (1, 2, 3)] == [False, True, True]
    assert [[u["quarter"] for u in camera.updates(q)] for q in (1, 2, 4)] == [[], [2], [2, 4]]
    assert camera.profile(1).activities[0].periods == [11, 11, 10]
    assert camera.profile(3).activities[0].periods == [11, 11, 14]
    stream = [next(a for a in camera.profile(q).activities if isinstance(a, Stream)) for q in (3, 4)]
    assert stream[0].size[0] < stream[1].size[0] and stream[0].server == stream[1].server


def test_some_devices_change_and_some_never_do():
    changed = {m.name for m in cast(8) if m.updates(4)}
    assert changed == {"camera-b", "plug-a", "speaker", "sensor"}


def test_building_a_profile_leaves_its_data_alone():
    camera = next(m for m in cast(8) if m.name == "camera-b")
    before = camera.profile(1)
    camera.profile(4)
    assert camera.profile(1) == before
