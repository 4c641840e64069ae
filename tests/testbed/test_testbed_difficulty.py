"""How hard the simulated home is, measured with forests on 5-minute windows."""

import numpy as np
import pytest

from edgeprint.testbed.frames import Wire
from edgeprint.testbed.home import capture_days, device_rows
from edgeprint.testbed.profiles import cast

HOURS, SEED = 12, 7


def packets(member, quarter):
    """Time in s [n], signed size [n] of a device's day."""
    wire = Wire()
    day = capture_days(quarter, HOURS)[0]
    rows = device_rows(wire, member, day, SEED)
    rows = rows[np.argsort(rows["time"], kind="stable")]
    size = wire.seal().render(rows)[1] + rows["length"]
    return rows["time"] / 1e6 - day.begin, np.where(rows["up"], size, -size)


def size_statistics(time, size):
    """Mean, deviation, extremes and quartiles of the sizes in and out [windows, 14]."""
    rows = []
    for window in np.split(size, np.searchsorted(time, np.arange(300, HOURS * 3600, 300))):
        ways = window[window > 0], -window[window < 0]
        if all(map(len, ways)):
            rows.append([f(way) for way in ways for f in (np.mean, np.std)])
            rows[-1] += [q for way in ways for q in np.percentile(way, [0, 25, 50, 75, 100])]
    return np.array(rows)


def gap_statistics(time, size):
    """Shares of the pauses between what a device sends, by their length [windows, 19]: its timing alone."""
    sent = time[size > 60]
    pauses = np.diff(sent, prepend=-60)
    sent, pauses = sent[pauses > 0.5], pauses[pauses > 0.5]
    edges = [0, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 25, 30, 60]
    windows = np.split(pauses, np.searchsorted(sent, np.arange(300, HOURS * 3600, 300)))
    return np.array([np.histogram(w, edges)[0] / max(1, len(w)) for w in windows])


@pytest.fixture(scope="module")
def members():
    return [m for m in cast(8) if m.profile(1).iot]


@pytest.fixture(scope="module")
def traffic(members):
    return {(m.name, q): packets(m, q) for m in members for q in (1, 4)}


def forest(members, traffic, features):
    """Accuracy and each F1 in the last fifth of quarters 1 and 4, trained on the rest of quarter 1."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import accuracy_score, f1_score

    def part(quarter, begin, end):
        found = [features(*traffic[m.name, quarter]) for m in members]
        found = [x[int(len(x) * begin) : int(len(x) * end)] for x in found]
        return np.concatenate(found), np.repeat(np.arange(len(members)), [len(x) for x in found])

    model = RandomForestClassifier(100, random_state=0).fit(*part(1, 0, 0.8))
    scores = {}
    for quarter in (1, 4):
        x, truth = part(quarter, 0.8, 1)
        predicted = model.predict(x)
        each = f1_score(truth, predicted, average=None)
        scores[quarter] = (
            accuracy_score(truth, predicted),
            dict(zip([m.name for m in members], each, strict=True)),
        )
    return scores


@pytest.fixture(scope="module")
def by_sizes(members, traffic):
    return forest(members, traffic, size_statistics)


@pytest.fixture(scope="module")
def by_sizes_and_timing(members, traffic):
    return forest(
        members,
        traffic,
        lambda t, s: np.concatenate([_padded(size_statistics(t, s)), gap_statistics(t, s)], 1),
    )


def _padded(rows):
    return np.pad(rows, ((0, HOURS * 12 - len(rows)), (0, 0)))


def test_sizes_alone_do_not_tell_devices_apart(by_sizes):
    accuracy, _ = by_sizes[1]
    assert 0.85 <= accuracy <= 0.97


def test_sizes_confuse_the_models_of_one_maker(by_sizes):
    _, each = by_sizes[1]
    assert max(each["camera-a"], each["camera-b"], each["plug-a"], each["plug-b"]) < 0.97


def test_timing_tells_them_apart(by_sizes_and_timing):
    assert by_sizes_and_timing[1][0] > 0.97


def test_firmware_updates_cost_the_changed_devices_dearly_and_few_others(by_sizes_and_timing):
    (_, before), (_, after) = by_sizes_and_timing[1], by_sizes_and_timing[4]
    lost = {name: before[name] - after[name] for name in before}
    assert sum(lost[name] > 0.1 for name in ("camera-b", "plug-a", "speaker", "sensor")) >= 3
    assert max(lost["camera-a"], lost["hub"]) < 0.1
