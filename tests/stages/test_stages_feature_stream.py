"""Rows made while a capture is read are those of the whole capture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeprint import params as all_params
from edgeprint.errors import BadParams, NotACapture
from edgeprint.feature_table import FeatureTable, read_file
from edgeprint.packets.decode import decode, decode_chunks
from edgeprint.packets.inventory import Device, Inventory, read
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
    monkeypatch.setattr(feature_stream, "ENOUGH_PACKETS", ENOUGH)
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


def test_packets_of_one_window_are_put_together_once(capture, stream, monkeypatch):
    whole, _ = decode(capture)
    half_hour = whole.select(
        whole.time_ns < whole.time_ns.min() // (1800 * 10**9) * 1800 * 10**9 + 1800 * 10**9
    )
    assert len(half_hour) < len(whole)
    joined, concatenate = [], PacketTable.concatenate
    monkeypatch.setattr(PacketTable, "concatenate", lambda tables: joined.append(1) or concatenate(tables))
    made = stream()
    for _ in range(10):
        made.push(half_hour)
    assert not joined


def test_a_handshake_is_its_devices_whichever_of_its_macs_speaks(stream):
    hello = HandshakeTable(
        *(np.array([n], t) for n, t in ((5, "u8"), (9, "u8"), (0, "i8"), (1, "i8"), (2, "i8"), (771, "u2")))
    )
    table = PacketTable.from_columns({"time_ns": np.array([3]), "src": np.array([6])}, handshakes=hello)
    inventory = Inventory({"hub": Device("hub", "hub", True, frozenset({5, 6}))})
    found = FeatureStream("x", inventory, PARAMS)
    found.push(table)
    row = found.finish()["cclp"]
    assert row.values[0, row.schema.names.index("tls_handshakes")] == 1


def test_a_capture_that_breaks_while_it_is_read_leaves_no_rows(home, capture, monkeypatch, tmp_path):
    def breaking(path):
        yield from list(decode_chunks(path))[:-1]
        raise NotACapture(f"{path} cannot be read: input/output error")

    monkeypatch.setattr(feature_stream, "ENOUGH_PACKETS", ENOUGH)
    monkeypatch.setattr(extract, "decode_chunks", breaking)
    found = extract.extract_capture(capture, "x", read(home / "devices.csv"), PARAMS, tmp_path)
    assert "input/output error" in found.refused
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_name_that_is_not_unicode_is_shown_as_far_as_it_is(home, capture, tmp_path):
    name = b"caf\xe9.pcap".decode(errors="surrogateescape")
    assert (
        extract.extract_capture(capture, name, read(home / "devices.csv"), PARAMS, tmp_path).capture
        == "caf\ufffd.pcap"
    )


def test_a_wrong_column_is_refused_before_any_capture_is_read():
    wrong = PARAMS.lstm_cnn.features.model_copy(update={"columns": ["user_pakets"]})
    with pytest.raises(BadParams, match="user_pakets"):
        extract.check(
            PARAMS.model_copy(update={"lstm_cnn": PARAMS.lstm_cnn.model_copy(update={"features": wrong})})
        )


def test_a_flood_of_addresses_keeps_the_most_frequent():
    flood = {f"{n:012x}": 1 for n in range(3000)} | {"router": 50}
    kept = extract._most_frequent(flood)
    assert len(kept) == extract.MOST_STRANGERS and kept["router"] == 50


def test_no_packet_of_a_device_gives_no_rows(stream):
    assert rows(stream(), [PacketTable.empty()]) == {}
