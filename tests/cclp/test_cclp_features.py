import csv
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprint.cclp.features import SCHEMA, extract
from edgeprint.cclp.stationarity import NOTHING_TO_TEST, adf
from edgeprint.cclp.statistics import nine
from edgeprint.packets.table import DevicePackets, DnsTable, HandshakeTable, PacketTable

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ME, ROUTER = 0x020000000001, 0x020000000002
SECOND, WINDOW = 10**9, 1800 * 10**9
START = 1_600_000_200 * SECOND // WINDOW * WINDOW


def _device(seconds, sent, dns=None, handshakes=None, **columns):
    """Packets of one device at the given seconds after START; `sent` is 1 for each that it sent."""
    sent = np.array(sent, bool)
    time_ns = START + np.round(np.array(seconds) * SECOND).astype("i8")
    macs = {"src": np.where(sent, ME, ROUTER), "dst": np.where(sent, ROUTER, ME)}
    sides = {"dns": dns or DnsTable.empty(), "handshakes": handshakes or HandshakeTable.empty()}
    table = PacketTable.from_columns({"time_ns": time_ns, **macs, **columns}, **sides)
    return DevicePackets("me", table, sent)


def _row(packets, **options):
    """The only window of some packets, by column name."""
    _, values = extract(packets, **options)
    assert len(values) == 1
    return dict(zip(SCHEMA.names, values[0], strict=True))


def _values(row, prefix, names):
    return [row[f"{prefix}_{name}"] for name in names.split()]


def test_windows_are_aligned_to_the_epoch_and_only_those_with_packets_count():
    start_ns, values = extract(_device([0, 1799.9, 1800, 9000], [1, 0, 1, 1]))
    assert ((start_ns - START) // WINDOW).tolist() == [0, 1, 5]
    assert start_ns[0] % WINDOW == 0
    assert values[:, SCHEMA.names.index("packets_out")].tolist() == [1, 1, 1]


def test_the_window_is_as_long_as_asked():
    start_ns, _ = extract(_device([0, 59, 60, 200], [1, 1, 1, 1]), window_minutes=1)
    assert ((start_ns - START) // SECOND).tolist() == [0, 60, 180]


def test_no_packet_gives_no_row():
    start_ns, values = extract(_device([], []))
    assert start_ns.shape == (0,)
    assert values.shape == (0, 219)


def test_a_window_does_not_depend_on_its_neighbours():
    seconds, sent = np.cumsum(np.random.default_rng(0).exponential(60, 200)), np.resize([1, 0, 0], 200)
    sizes = np.random.default_rng(1).integers(60, 1500, 200)
    _, whole = extract(_device(seconds, sent, wire_len=sizes))
    for row, number in zip(whole, np.unique(seconds // 1800), strict=True):
        mine = seconds // 1800 == number
        _, alone = extract(_device(seconds[mine], sent[mine], wire_len=sizes[mine]))
        assert (alone[0] == row).all()


def test_intervals_are_between_neighbours_of_one_direction():
    row = _row(_device([0, 1, 3, 4, 9], [1, 0, 1, 0, 1]))
    assert _values(row, "interval_out", "min q1 median q3 max mean variance") == [
        3,
        3.75,
        4.5,
        5.25,
        6,
        4.5,
        2.25,
    ]
    assert _values(row, "interval_in", "min max mean variance") == [3, 3, 3, 0]
    assert _values(row, "interval_both", "min max mean") == [1, 5, 2.25]
    assert _values(row, "flow_duration", "in out both") == [3, 9, 9]
    assert row["interval_out_entropy"] == pytest.approx(math.log(2))


def test_lengths_and_flow_are_of_one_direction():
    row = _row(_device([0, 1, 3, 5], [1, 0, 1, 0], wire_len=[100, 60, 300, 80]))
    assert _values(row, "length_out", "min median max mean variance") == [100, 200, 300, 200, 10_000]
    assert _values(row, "length_in", "min max") == [60, 80]
    assert row["length_both_mean"] == 135
    flow = [row[f"{name}_out"] for name in ("flow_rate", "packets", "bytes", "bytes_per_packet")]
    assert flow == [400 / 3, 2, 400, 200]
    assert row["flow_rate_in"] == 140 / 4


def test_stationarity_is_of_the_series_and_its_differences():
    rng = np.random.default_rng(5)
    seconds, sizes = np.cumsum(rng.exponential(2, 80)), rng.integers(60, 1500, 80)
    row = _row(_device(seconds, [1] * 80, wire_len=sizes))
    names = "statistic pvalue critical_1 critical_5 critical_10"
    for n in range(3):
        assert tuple(_values(row, f"length_out_adf_d{n}", names)) == adf(np.diff(sizes.astype(float), n=n))
        exact = np.diff(START + np.round(seconds * SECOND).astype("i8")) / 1e9
        assert tuple(_values(row, f"interval_out_adf_d{n}", names)) == adf(np.diff(exact, n=n))


def test_an_empty_direction_is_zeros_and_nothing_to_test():
    row = _row(_device([0, 5, 6], [1, 1, 1], wire_len=[60, 70, 80]))
    incoming = {name: value for name, value in row.items() if name.split("_")[-1] == "in" or "_in_" in name}
    assert len(incoming) == 60
    tested = {name for name in incoming if "_adf_" in name}
    assert all(value == 0 for name, value in incoming.items() if name not in tested)
    assert _values(row, "length_in_adf_d2", "statistic pvalue") == [0, 1]
    assert row["length_in_adf_d0_critical_1"] == NOTHING_TO_TEST.critical_1


def test_a_single_packet_has_a_length_but_no_interval_and_no_rate():
    row = _row(_device([7], [0], wire_len=[90]))
    assert _values(row, "length_in", "min q1 max mean variance kurtosis") == [90, 90, 90, 90, 0, 0]
    assert [row["interval_in_mean"], row["flow_duration_both"], row["flow_rate_in"]] == [0, 0, 0]


def test_two_packets_of_one_instant_have_no_rate():
    row = _row(_device([7, 7], [1, 1], wire_len=[90, 90]))
    assert [row["flow_rate_out"], row["bytes_out"], row["interval_out_max"]] == [0, 180, 0]


def test_ntp_and_dns_intervals_go_by_port():
    udp = {"ip_version": [4] * 6, "ip_proto": [17] * 6, "has_ports": [True] * 6}
    ports = {"src_port": [123, 123, 53, 9, 53, 53], "dst_port": [123, 123, 9, 53, 9, 9]}
    row = _row(_device([0, 64, 70, 71, 73, 74], [1, 1, 0, 1, 0, 0], **udp, **ports))
    assert _values(row, "ntp_interval_out", "min max mean") == [64, 64, 64]
    assert _values(row, "dns_interval_in", "min max mean") == [1, 3, 2]
    assert _values(row, "dns_interval_both", "min max mean") == pytest.approx([1, 2, 4 / 3])
    assert _values(row, "ntp_interval_in", "min max mean") == [0, 0, 0]
    assert [row["ntp_packets"], row["dns_packets"], row["udp_packets"]] == [2, 4, 6]


def test_protocols_are_counted_over_both_directions():
    columns = {
        "ip_version": [4, 6, 4, 4, 0, 4],
        "ip_proto": [1, 58, 6, 17, 0, 6],
        "ttl": [64, 255, 128, 1, 0, 64],
        "df": [True, False, True, False, False, False],
        "has_ports": [False, False, True, True, False, False],
        "src_port": [0, 0, 443, 68, 0, 0],
        "dst_port": [0, 0, 50000, 67, 0, 0],
        "tcp_window": [0, 0, 1000, 0, 0, 0],
    }
    row = _row(_device(range(6), [1, 0, 1, 0, 1, 0], **columns))
    counts = [row[f"{p}_packets"] for p in ("icmp", "ipv4", "ipv6", "tcp", "udp", "ntp", "dns", "dhcp")]
    assert counts == [2, 4, 1, 2, 1, 0, 0, 1]
    assert _values(row, "ttl", "min max mean") == [1, 255, 512 / 5]
    assert _values(row, "tcp_window", "min max mean") == [1000, 1000, 1000]
    assert row["df_ratio"] == 2 / 6


def test_ports_are_counted_by_range_up_to_its_ends():
    ports = [0, 500, 501, 1023, 1024, 49151, 49152, 65535, 7]
    seen = [True] * 8 + [False]
    row = _row(_device(range(9), [1] * 9, has_ports=seen, src_port=ports, dst_port=[53] * 9))
    ranges = "0_500 501_1023 1024_49151 49152_65535"
    assert _values(row, "src_ports", ranges) == [2, 2, 2, 2]
    assert _values(row, "dst_ports", ranges) == [8, 0, 0, 0]


def test_dns_names_are_those_that_the_device_asked_for():
    names = ["a.net"] * 3 + ["b.net"] + ["c.net", "d.net"]
    response = np.array([0, 0, 0, 0, 1, 0], bool)
    packet = np.array([0, 1, 2, 2, 3, 4])  # packet 2 asks two questions, 4 asks the device
    dns = DnsTable(packet, response, np.ones(6, "u2"), np.array(names, object))
    row = _row(_device(range(5), [1, 1, 1, 1, 0], dns=dns))
    assert [row[f"dns_name_{n}"] for n in (1, 2, 3, 10)] == [3, 1, 0, 0]
    assert row["dns_queries"] == 3
    assert row["dns_name_entropy"] == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))


def test_only_the_ten_most_frequent_names_have_a_column():
    names = [f"{n}.net" for n in range(12) for _ in range(n + 1)]
    dns = DnsTable(np.arange(78), np.zeros(78, "?"), np.ones(78, "u2"), np.array(names, object))
    row = _row(_device(range(78), [1] * 78, dns=dns))
    assert [row[f"dns_name_{n}"] for n in range(1, 11)] == list(range(12, 2, -1))


def _handshakes(client, reactions, at=10.0):
    n = len(reactions)
    start = np.full(n, START + int(at * SECOND))
    end = start + (np.array(reactions) * SECOND).astype("i8")
    macs = np.full(n, client, "u8"), np.full(n, ROUTER, "u8")
    return HandshakeTable(*macs, start, start, end, np.full(n, 0x0303, "u2"))


def test_tls_reactions_are_seconds_from_certificate_to_key_exchange():
    row = _row(_device([0, 10, 20], [1, 0, 1], handshakes=_handshakes(ME, [0.1, 0.2, 0.6])))
    expected = [0.1, 0.15, 0.2, 0.4, 0.6, 0.3, np.std([0.1, 0.2, 0.6])]
    assert _values(row, "tls_reaction", "min q1 median q3 max mean std") == pytest.approx(expected)
    assert row["tls_handshakes"] == 3


def test_a_handshake_of_another_client_is_not_the_devices():
    row = _row(_device([0, 10], [1, 0], handshakes=_handshakes(ROUTER, [0.1])))
    assert _values(row, "tls_reaction", "min q1 median q3 max mean std") == [-1] * 7
    assert row["tls_handshakes"] == 0


def test_a_handshake_belongs_to_the_window_of_the_clients_packet():
    handshakes = _handshakes(ME, [2.0], at=1799)
    _, values = extract(_device([0, 1799, 1801], [1, 0, 1], handshakes=handshakes))
    assert values[:, -1].tolist() == [0, 1]


PACKET = st.tuples(
    st.floats(0, 4000).map(lambda s: round(s, 3)),
    st.booleans(),
    st.sampled_from([0, 42, 60, 1514, 2**32 - 1]),
    st.sampled_from([0, 4, 6]),
    st.sampled_from([0, 1, 6, 17, 58]),
    st.sampled_from([0, 53, 67, 123, 443, 50000]),
    st.integers(0, 255),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(PACKET, max_size=40).map(sorted))
def test_any_small_table_gives_finite_values_without_warnings(rows):
    seconds, sent, size, version, protocol, port, ttl = zip(*rows, strict=True) if rows else ((),) * 7
    columns = {"wire_len": size, "ip_version": version, "ip_proto": protocol, "src_port": port, "ttl": ttl}
    ports = np.array(port, int) > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, values = extract(_device(seconds, sent, has_ports=ports, **columns))
    assert values.shape[1] == 219
    assert np.isfinite(values.astype("f4")).all()


def _captured(name):
    from edgeprint.packets.decode import decode
    from edgeprint.packets.inventory import mac_number

    if not DATA.exists():
        pytest.skip("needs ../shared/data")
    with (DATA / "captures.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["path"] == name)
    table = decode(DATA / name)[0].in_time_order()
    sent = table.src == mac_number(row["mac"])
    mine = sent | (table.dst == mac_number(row["mac"]))
    return DevicePackets(row["device"], table.select(mine), sent[mine])


def test_a_real_capture_gives_what_its_packets_say():
    packets = _captured("fit-week/blink-cam-01.pcap")
    start_ns, values = extract(packets)
    assert np.isfinite(values.astype("f4")).all()
    names, time_ns = SCHEMA.names, packets.table.time_ns
    assert values[:, names.index("packets_in")].sum() == (~packets.sent).sum()
    assert values[:, names.index("bytes_out")].sum() == packets.table.wire_len[packets.sent].sum()
    for start, row in zip(start_ns, values, strict=True):
        inside = (time_ns >= start) & (time_ns < start + WINDOW) & ~packets.sent
        assert tuple(row[:9]) == nine(np.sort(np.diff(time_ns[inside]) / 1e9))
