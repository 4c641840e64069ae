"""What benchmarks read and print."""

import json

import numpy as np
import pytest

from benchmarks.captures import SIMULATED, WINDOW_NS, Traffic, traffic
from benchmarks.measure import Result, forget
from edgeprint.cclp.columns import schema
from edgeprint.packets.decode import decode


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Traffic:
    return traffic(SIMULATED, tmp_path_factory.mktemp("captures"), hours=0.2)


def test_a_reel_written_once_is_the_capture(home, tmp_path):
    home.reel().write(tmp_path / "once.pcap")
    written, original = decode(tmp_path / "once.pcap")[0], decode(home.captures[0])[0]
    for column in ("time_ns", "wire_len", "src", "dst_port", "payload_len"):
        np.testing.assert_array_equal(getattr(written, column), getattr(original, column))


def test_the_next_round_comes_whole_windows_later_and_stops_where_asked(home, tmp_path):
    reel = home.reel()
    reel.write(tmp_path / "more.pcap", packets=len(reel) + 10)
    time_ns = decode(tmp_path / "more.pcap")[0].time_ns
    later = time_ns[len(reel) :] - time_ns[:10]
    assert len(time_ns) == len(reel) + 10
    assert (later == later[0]).all() and later[0] % WINDOW_NS == 0
    assert (np.diff(time_ns) >= 0).all()


def test_sessions_are_laid_end_to_end(home):
    twice = Traffic("twice", False, home.captures * 2, home.inventory, at_once=False).reel()
    half = len(twice) // 2
    assert (twice.time_ns[half:] - twice.time_ns[:half]).min() >= WINDOW_NS
    assert (np.diff(twice.time_ns) >= 0).all()


def test_every_nth_frame_keeps_its_time(home, tmp_path):
    reel = home.reel()
    reel.every(7).write(tmp_path / "few.pcap")
    np.testing.assert_array_equal(decode(tmp_path / "few.pcap")[0].time_ns, reel.time_ns[::7])


def test_the_inventory_is_read_back(home, tmp_path):
    from edgeprint.packets.inventory import read

    home.write_inventory(tmp_path / "devices.csv")
    assert read(tmp_path / "devices.csv") == home.inventory


def test_a_line_says_how_many_times_better_we_are():
    speed = Result.alone("decode", 300.0, "packets/s", "file").against("dpkt", 100.0, "dpkt: half of it")
    assert json.loads(speed.line()) == {
        "name": "decode", "value": 300.0, "unit": "packets/s", "peer": "dpkt", "ratio": 3.0,
        "data": "file; dpkt: half of it",
    }  # fmt: skip
    assert Result.alone("memory", 300.0, "MB", "file").against("bar", 600.0, less_is_better=True).ratio == 2.0


def test_what_is_remembered_can_be_forgotten():
    before = schema()
    forget()
    assert schema() is not before
