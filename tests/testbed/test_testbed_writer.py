import struct
from datetime import datetime

import numpy as np
from written_home import records

from edgeprint.packets.table import UDP
from edgeprint.testbed import writer
from edgeprint.testbed.frames import ROW, Endpoint, Wire

NEAR, FAR = Endpoint(2, bytes([192, 168, 1, 20])), Endpoint(3, bytes([192, 0, 2, 7]))
MIDNIGHT = datetime(2025, 2, 12)


def rows_of(wire, payloads):
    rows = np.zeros(len(payloads), ROW)
    rows["flow"], rows["up"], rows["whole"] = wire.open(NEAR, FAR, UDP, 9, 9), True, True
    rows["time"] = np.arange(len(payloads)) * 1_500_000
    rows["tail"] = [wire.keep(payload)[0] for payload in payloads]
    rows["length"] = [len(payload) for payload in payloads]
    return rows


def written(path, payloads):
    wire = Wire()
    rows = rows_of(wire, payloads)
    return writer.write(path, MIDNIGHT, wire.seal(), rows)


def test_payloads_of_any_length_land_behind_their_headers(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "CHUNK", 7)
    payloads = [bytes([i]) * (i * 37 % 200) for i in range(50)]
    written(tmp_path / "day.pcap", payloads)
    found = records(tmp_path / "day.pcap")
    assert [r.data[42:] for r in found] == payloads
    assert [r.wire_len for r in found] == [42 + len(p) for p in payloads]


def test_times_count_from_midnight_utc(tmp_path):
    written(tmp_path / "day.pcap", [b"a", b"b"])
    assert [r.time for r in records(tmp_path / "day.pcap")] == [1739318400.0, 1739318401.5]


def test_the_file_header_says_ethernet_and_microseconds(tmp_path):
    written(tmp_path / "day.pcap", [b"a"])
    head = struct.unpack("<IHHiIII", (tmp_path / "day.pcap").read_bytes()[:24])
    assert head == (0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def test_the_size_is_that_of_the_file_and_nothing_else_is_left(tmp_path):
    assert written(tmp_path / "day.pcap", [b"abc"]) == (tmp_path / "day.pcap").stat().st_size == 24 + 16 + 45
    assert [p.name for p in tmp_path.iterdir()] == ["day.pcap"]


def test_a_day_without_packets_is_an_empty_capture(tmp_path):
    written(tmp_path / "day.pcap", [])
    assert records(tmp_path / "day.pcap") == []
