"""Rows made while a capture is read are those of the whole capture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeprint import params as all_params
from edgeprint.feature_table import FeatureTable, read_file
from edgeprint.packets.decode import decode, decode_chunks
from edgeprint.packets.inventory import read
from edgeprint.packets.table import HandshakeTable, PacketTable
from edgeprint.stages import extract, feature_stream
from edgeprint.stages.feature_stream import FeatureStream, OutOfOrder
from edgeprint.stages.methods import METHODS
from edgeprint.testbed.home import simulate

PARAMS = all_params.load(Path(__file__).resolve().parents[2] / "params.yaml")
ENOUGH = 2000


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A simulated home of four devices, six hours in one capture."""
    folder = tmp_path_factory.mktemp("home")
    simulate(folder, devices=4, quarters=1, hours=6, seed=3)
    return folder


@pytest.fixture(scope="module")
def capture(home):
    (path,) = home.glob("*.pcap*")
    return path


@pytest.fixture
def stream(home, monkeypatch):
    monkeypatch.setattr(feature_stream, "ENOUGH", ENOUGH)
    return lambda **options: FeatureStream("x", read(home / "devices.csv"), PARAMS, **options)


def rows(made, tables):
    """All rows that a stream gives, device by device and in time order."""
    found = [*(made.push(table) for table in tables), made.finish()]
    return {method: in_order([part[method] for part in found if method in part]) for method in found[-1]}


def in_order(parts):
    return FeatureTable.concatenate(parts).in_stream_order()


def assert_same(some, others):
    assert some.keys() == others.keys() == {"cclp", "lstm_cnn", "binary"}
    for method, table in some.items():
        assert table.schema == others[method].schema
        for column in ("device", "capture", "start_ns", "values"):
            assert (getattr(table, column) == getattr(others[method], column)).all(), (method, column)


def test_rows_in_pieces_are_those_of_the_whole_capture(capture, stream):
    chunks = [table for table, _ in decode_chunks(capture, block_bytes=100_000)]
    assert len(chunks) > 5
    made = stream()
    assert_same(rows(made, chunks), rows(stream(patient=True), [decode(capture)[0]]))
    assert made._done


def test_only_the_packets_of_open_windows_wait(capture, stream):
    made, most = stream(), 0
    for table, _ in decode_chunks(capture, block_bytes=20_000):
        made.push(table)
        most = max(most, sum(map(len, made._waiting)))
    busiest = np.bincount((decode(capture)[0].time_ns // (1800 * 10**9)) % 10_000).max()
    assert most < busiest + 2 * ENOUGH < len(decode(capture)[0])


def test_a_packet_of_a_window_that_is_done_is_refused(capture, stream):
    whole, _ = decode(capture)
    made = stream()
    made.push(whole)
    with pytest.raises(OutOfOrder):
        made.push(whole.select(np.array([0])))


def test_a_capture_out_of_order_gives_the_rows_of_its_packets_in_order(
    home, capture, stream, monkeypatch, tmp_path
):
    whole, report = decode(capture)
    first, second = np.array_split(np.arange(len(whole)), 2)
    earlier = replace(whole.select(first), handshakes=HandshakeTable.empty())  # select keeps all of them
    swapped = [whole.select(second), earlier, PacketTable.empty()]
    monkeypatch.setattr(extract, "decode_chunks", lambda path: ((table, report) for table in swapped))
    found = extract.extract_capture(capture, "x", read(home / "devices.csv"), PARAMS, tmp_path)
    assert found.packets == len(whole)
    parts = {
        method: [read_file(path) for path in tmp_path.glob(f"*/*/{method}/*.parquet")] for method in METHODS
    }
    assert_same({m: in_order(part) for m, part in parts.items()}, rows(stream(patient=True), [whole]))


def test_no_packet_of_a_device_gives_no_rows(stream):
    assert rows(stream(), [PacketTable.empty()]) == {}
