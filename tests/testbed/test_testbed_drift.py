"""Drift on request: what a file may say, and what it does to times."""

from dataclasses import replace

import numpy as np
import pytest
from test_testbed_stretches import recording

from edgeprint.errors import BadParams, UnknownDevice
from edgeprint.testbed.drift import Change, Drift, at, read, timeline
from edgeprint.testbed.sources import SECOND
from edgeprint.testbed.stretches import Stretch

GOOD = 'device = "plug"\nquarter = 2\n'


def read_text(tmp_path, text: str):
    (tmp_path / "drift.toml").write_text(text)
    return read(tmp_path / "drift.toml", {"plug": 0, "camera": 1}, 4)


def test_a_file_of_changes_is_read_in_order(tmp_path):
    text = f'[[change]]\n{GOOD}periods = 1.5\nwhat = "v2"\n'
    text += '[[change]]\ndevice = "camera"\nquarter = 4\nservers = true'
    assert read_text(tmp_path, text) == [
        Change(device="plug", quarter=2, periods=1.5, what="v2"),
        Change(device="camera", quarter=4, servers=True),
    ]


def test_a_change_describes_itself():
    change = Change(device="plug", quarter=2, periods=1.5, sizes=0.8, handshakes=2, servers=True)
    assert change.describe() == "silences × 1.5, payloads × 0.8, TLS handshakes × 2, other servers"
    assert replace(change, servers=False, what="v2").describe().startswith("v2: silences × 1.5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold .*not nothing"),
        ("x = 1", "not x"),
        ("[[change]", "cannot be read"),
        (f"[[change]]\n{GOOD}colour = 2", "change 1: colour is none of device, quarter"),
        (f"[[change]]\n{GOOD}periods = 20.0", "periods = 20 is not between 0.1 and 10"),
        (f"[[change]]\n{GOOD}periods = nan", "periods = nan is not between"),
        (f"[[change]]\n{GOOD}servers = 1", "servers = 1 is no bool"),
        (f"[[change]]\n{GOOD}sizes = true", "sizes = True is no float"),
        (f'[[change]]\n{GOOD}what = "same"', "changes nothing of plug"),
        ('[[change]]\ndevice = "plug"\nsizes = 2', "lacks quarter"),
        ('[[change]]\ndevice = "plug"\nquarter = 5\nsizes = 2', "quarter = 5 is not between 1 and 4"),
        ('[[change]]\ndevice = "plug"\nquarter = "2025Q2"\nsizes = 2', "quarter = '2025Q2' is no int"),
    ],
)
def test_what_a_change_cannot_be_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(BadParams, match=message):
        read_text(tmp_path, text)


def test_a_device_that_is_not_in_the_home_is_refused(tmp_path):
    with pytest.raises(UnknownDevice, match="'lock' is not in the home"):
        read_text(tmp_path, '[[change]]\ndevice = "lock"\nquarter = 2\nsizes = 2')


def test_changes_add_up_from_their_quarter_on():
    changes = [
        Change(device="plug", quarter=2, periods=2.0, servers=True),
        Change(device="plug", quarter=3, periods=1.5, servers=True),
        Change(device="camera", quarter=1, sizes=3.0),
    ]
    assert at(changes, "plug", 1) == Drift()
    assert at(changes, "plug", 2) == Drift(periods=2.0, renewal="plug 1")
    assert at(changes, "plug", 4) == Drift(periods=3.0, renewal="plug 2")


def steps(drift: Drift, handshakes: list[list[float]] = ()) -> tuple[list[float], float]:
    """Seconds between the frames at 0, 2, 2.5, 5 and 5.5 s of a stretch of 20 s, and its length."""
    whole = recording([0, 2, 2.5, 5, 5.5, 20])
    whole = replace(whole, handshakes=(np.array(handshakes).reshape(-1, 2) * SECOND).astype("i8"))
    since, lengths = timeline(whole, [Stretch(0, 20 * SECOND, 0, 5, 1.0)], drift)
    return (np.diff(since[:5]) / 1e6).tolist(), lengths[0] / 1e6


def test_without_drift_all_times_are_those_of_the_source():
    assert steps(Drift(), [[2, 5]]) == ([2, 0.5, 2.5, 0.5], 20)


def test_periods_scale_the_silences_and_not_what_lies_closer():
    assert steps(Drift(periods=2.0)) == ([4, 0.5, 5, 0.5], 4 + 0.5 + 5 + 0.5 + 29)


def test_handshakes_scale_what_lies_between_their_ends():
    assert steps(Drift(handshakes=3.0), [[2, 5]]) == ([2, 1.5, 7.5, 0.5], 26)


def test_a_handshake_s_silence_has_its_own_factor_only():
    assert steps(Drift(handshakes=3.0, periods=10.0), [[2, 5]])[0] == [20, 1.5, 7.5, 0.5]
