from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edgeprint import params
from edgeprint.errors import BadParams
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn.features import (
    CATEGORIES,
    COLUMNS,
    MINUTE_NS,
    PROTOCOLS,
    STATISTICS,
    extract,
    length_statistics,
    schema,
    windows,
)
from edgeprint.packets.table import DevicePackets, PacketTable

T = 5 * MINUTE_NS
ALL = list(COLUMNS)


def packets(rows: list[dict], sent: list[bool] | None = None) -> DevicePackets:
    """A device's packets from one dict of columns a packet."""
    names = {name for row in rows for name in row} | {"time_ns"}
    columns = {name: np.array([row.get(name, 0) for row in rows]) for name in names}
    return DevicePackets(
        "plug", PacketTable.from_columns(columns), np.array(sent or [True] * len(rows), bool)
    )


def ip(time_ns: int, length: int, proto: int, src: int = 0, dst: int = 0) -> dict:
    ports = {"has_ports": proto in (6, 17), "src_port": src, "dst_port": dst}
    return {"time_ns": time_ns, "wire_len": length, "ip_version": 4, "ip_proto": proto, **ports}


def features(device: DevicePackets) -> list[dict]:
    """Every column of every segment, by name."""
    _, values = extract(device, segment_minutes=5, columns=ALL)
    return [dict(zip(ALL, row.tolist(), strict=True)) for row in values]


def test_every_feature_of_the_paper_has_a_column():
    lengths = {f"{category}_length_{statistic}" for category in CATEGORIES for statistic in STATISTICS}
    counts = {f"{name}_packets" for name in ("total", *CATEGORIES, *PROTOCOLS)}
    assert len(lengths) == 32 and set(ALL) == lengths | counts


def test_the_default_columns_are_all_with_the_papers_six_first(section):
    columns = params.load(Path(__file__).parents[2] / "params.yaml").lstm_cnn.features.columns
    assert columns[:6] == section.features.columns
    assert sorted(columns) == sorted(COLUMNS)


def test_an_unknown_column_is_refused_by_name():
    with pytest.raises(BadParams, match="'user_pakets' is no segment feature; known: total_packets"):
        schema(5, ["user_packets", "user_pakets"])


def test_the_schema_changes_with_columns_and_minutes():
    hashes = {schema(m, c).hash for m in (1, 5) for c in (["tcp_packets"], ["tcp_packets", "udp_packets"])}
    assert len(hashes) == 4


def test_user_and_control_packets_divide_the_segment():
    arp = {"time_ns": 5, "wire_len": 42, "ethertype": 0x0806}
    control = [ip(0, 70, 17, dst=53), ip(1, 90, 17, src=123), ip(2, 98, 1), ip(3, 300, 17, src=68), arp]
    (found,) = features(packets([*control, ip(6, 1500, 6, dst=443), ip(7, 200, 17, dst=9999)]))
    assert (found["control_packets"], found["user_packets"], found["total_packets"]) == (5, 2, 7)
    assert (found["user_length_mean"], found["control_length_max"]) == (850, 300)


def test_a_silence_of_a_day_is_zeros_and_a_longer_one_a_gap():
    day = 24 * 60 // 5
    start_ns, values = extract(
        packets([ip(0, 60, 6), ip(day * T, 60, 6), ip((2 * day + 1) * T, 60, 6)]),
        segment_minutes=5,
        columns=["total_packets"],
    )
    assert (start_ns // T).tolist() == [*range(day + 1), 2 * day + 1]
    assert values[:, 0].tolist() == [1, *[0] * (day - 1), 1, 1]


def test_a_clock_that_was_set_costs_no_rows():
    start_ns, _ = extract(
        packets([ip(0, 60, 6), ip(2**62, 60, 6)]), segment_minutes=5, columns=["tcp_packets"]
    )
    assert len(start_ns) == 2


def test_protocols_are_counted():
    rows = [ip(0, 70, 17, dst=53), ip(1, 70, 6, dst=53), ip(2, 90, 17, dst=5353), ip(3, 60, 6, dst=443)]
    (found,) = features(packets([*rows, {"time_ns": 4, "wire_len": 42, "ethertype": 0x0806}]))
    counts = {
        name: found[f"{name}_packets"] for name in ("dns", "mdns", "tls", "tcp", "udp", "arp", "ipv4", "ipv6")
    }
    assert counts == {"dns": 2, "mdns": 1, "tls": 1, "tcp": 2, "udp": 2, "arp": 1, "ipv4": 4, "ipv6": 0}


def test_direction_is_seen_from_the_device():
    (found,) = features(packets([ip(0, 100, 6), ip(1, 700, 6), ip(2, 900, 6)], sent=[True, False, False]))
    assert (found["sent_packets"], found["sent_length_sum"]) == (1, 100)
    assert (found["received_packets"], found["received_length_sum"]) == (2, 1600)


def test_segments_are_aligned_to_the_epoch_and_silent_ones_are_zeros():
    start = 1_600_000_000 * 10**9
    starts, values = extract(
        packets([ip(start, 60, 6), ip(start + 3 * T, 60, 6)]), segment_minutes=5, columns=ALL
    )
    assert (starts % T == 0).all() and (np.diff(starts) == T).all()
    assert starts[0] <= start < starts[0] + T and len(starts) == 4
    assert not values[1:3].any() and values[[0, 3]].any(axis=1).all()


def test_no_packet_no_segment():
    starts, values = extract(packets([]), segment_minutes=5, columns=["tcp_packets"])
    assert starts.shape == (0,) and values.shape == (0, 1)


def test_columns_come_in_the_order_asked_for():
    device = packets([ip(0, 60, 6), ip(1, 80, 17)])
    _, values = extract(device, segment_minutes=5, columns=["user_length_max", "total_packets"])
    assert values.tolist() == [[80, 2]] and values.dtype == np.float32


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(14, 1600)), max_size=60))
def test_statistics_are_scipys(rows):
    segment, length = np.array(rows, "i8").reshape(-1, 2).T
    found = length_statistics(segment, length.astype("f8"), 4)
    assert list(found) == list(STATISTICS)
    for one in range(4):
        x = length[segment == one].astype("f8")
        some, varied = len(x) > 0, len(set(x)) > 1
        expected = [f(x) if some else 0.0 for f in (np.max, np.min, np.mean, np.sum, np.std, np.var)]
        expected += [f(x) if varied else 0.0 for f in (stats.skew, stats.kurtosis)]
        np.testing.assert_allclose([values[one] for values in found.values()], expected, rtol=1e-8, atol=1e-8)


def segment_table(starts: list[int], device: str = "plug", capture: str = "monday") -> FeatureTable:
    values = np.array(starts)[:, None]
    return FeatureTable.of(schema(5, ["tcp_packets"]), device, capture, np.array(starts) * T, values)


def test_windows_overlap_by_half():
    _, starts, x = windows(segment_table(list(range(12))), window=6, overlap=3)
    assert (starts // T).tolist() == [0, 3, 6]
    assert x.shape == (3, 6, 1) and x[1, :, 0].tolist() == [3, 4, 5, 6, 7, 8]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 30), unique=True, max_size=25), st.integers(2, 5), st.integers(0, 1))
def test_a_window_holds_consecutive_segments_of_one_device_and_capture(starts, window, overlap):
    tables = [segment_table(sorted(starts), device, capture) for device in "ab" for capture in "cd"]
    device, begin, x = windows(FeatureTable.concatenate(tables), window, overlap)
    assert (x[:, :, 0] == begin[:, None] / T + np.arange(window)).all()
    assert (device == "a").sum() == (device == "b").sum() == len(device) / 2


def test_another_capture_starts_a_new_run():
    monday, tuesday = segment_table([0, 1]), segment_table([2, 3], capture="tuesday")
    assert len(windows(FeatureTable.concatenate([monday, tuesday]), window=3, overlap=0)[1]) == 0


def test_a_gap_starts_a_new_run():
    assert len(windows(segment_table([0, 1, 2, 4, 5]), window=3, overlap=0)[1]) == 1


def test_no_run_long_enough_gives_no_window():
    device, starts, x = windows(segment_table([0, 1]), window=3, overlap=0)
    assert (len(device), len(starts), x.shape) == (0, 0, (0, 3, 1))


def test_an_overlap_as_long_as_the_window_is_refused():
    with pytest.raises(BadParams, match="overlap = 6 must be smaller than window = 6"):
        windows(segment_table([0]), window=6, overlap=6)
