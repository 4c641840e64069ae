"""Frames of listed devices out of folders of captures."""

import gzip

import pytest
from real_home import CAMERA, PLUG, ROUTER, inventory, pcap, tcp

from edgeprint.errors import BadInventory
from edgeprint.testbed import sources


def test_a_frame_between_two_devices_is_its_sender_s(tmp_path):
    inventory(tmp_path, plug=PLUG, camera=CAMERA)
    pcap(tmp_path / "a.pcap", [(0, tcp(PLUG, CAMERA, 100)), (1, tcp(CAMERA, PLUG, 101))])
    home = sources.read([tmp_path])
    assert {n: r.frames["wire"].tolist() for n, r in home.recordings.items()} == {
        "plug": [100],
        "camera": [101],
    }


def test_captures_that_overlap_are_one_session(tmp_path):
    inventory(tmp_path, plug=PLUG)
    for name, times in (("a", (0, 50)), ("b", (40, 90)), ("c", (200, 210))):
        pcap(tmp_path / f"{name}.pcap", [(t, tcp(PLUG, ROUTER, 100)) for t in times])
    recording = sources.read([tmp_path]).recordings["plug"]
    assert (recording.sessions // sources.SECOND).tolist() == [[0, 90], [200, 210]]
    assert recording.frames["session"].tolist() == [0, 0, 0, 0, 1, 1]


def test_strangers_frames_are_not_taken(tmp_path):
    inventory(tmp_path, plug=PLUG)
    pcap(tmp_path / "a.pcap", [(0, tcp(CAMERA, ROUTER, 100)), (1, tcp(ROUTER, PLUG, 101))])
    assert sources.read([tmp_path]).recordings["plug"].frames["wire"].tolist() == [101]


def test_frames_come_in_time_order_whatever_the_files_are_called(tmp_path):
    inventory(tmp_path, plug=PLUG)
    pcap(tmp_path / "a.pcap", [(9, tcp(PLUG, ROUTER, 109)), (5, tcp(PLUG, ROUTER, 105))])
    pcap(tmp_path / "b.pcap", [(1, tcp(PLUG, ROUTER, 101))])
    (tmp_path / "b.gz").write_bytes(gzip.compress((tmp_path / "b.pcap").read_bytes()))
    (tmp_path / "b.pcap").unlink()
    recording = sources.read([tmp_path]).recordings["plug"]
    assert recording.frames["wire"].tolist() == [101, 105, 109]
    assert recording.frames["row"].tolist() == [0, 1, 0]


def test_a_connection_ends_with_its_session(tmp_path):
    inventory(tmp_path, plug=PLUG)
    for name, times in (("a", (0, 5)), ("b", (100, 105))):
        pcap(tmp_path / f"{name}.pcap", [(t, tcp(PLUG, ROUTER, 100)) for t in times])
    flows = sources.read([tmp_path]).recordings["plug"].frames["flow"].tolist()
    assert flows[0] == flows[1] != flows[2] == flows[3]


def test_both_directions_are_one_connection_and_the_next_port_is_another(tmp_path):
    inventory(tmp_path, plug=PLUG)
    ends = [(PLUG, ROUTER, 50000), (ROUTER, PLUG, 50000), (PLUG, ROUTER, 50001)]
    pcap(tmp_path / "a.pcap", [(i, tcp(a, b, 100, port)) for i, (a, b, port) in enumerate(ends)])
    flows = sources.read([tmp_path]).recordings["plug"].frames["flow"].tolist()
    assert flows[0] == flows[1] != flows[2]


def test_a_silent_capture_of_others_is_no_session(tmp_path):
    inventory(tmp_path, plug=PLUG, camera=CAMERA)
    pcap(tmp_path / "a.pcap", [(0, tcp(PLUG, ROUTER, 100)), (7, tcp(CAMERA, ROUTER, 100))])
    pcap(tmp_path / "b.pcap", [(1000, tcp(CAMERA, ROUTER, 100))])
    home = sources.read([tmp_path])
    assert (home.recordings["plug"].sessions // sources.SECOND).tolist() == [[0, 7]]
    assert len(home.recordings["camera"].sessions) == 2


def test_a_device_of_two_folders_is_refused(tmp_path):
    inventory(tmp_path / "one", plug=PLUG)
    inventory(tmp_path / "two", plug=CAMERA)
    with pytest.raises(BadInventory, match="plug is plug of another folder"):
        sources.read([tmp_path / "one", tmp_path / "two"])
