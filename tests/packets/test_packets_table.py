import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.packets.table import (
    COLUMNS,
    DevicePackets,
    DnsTable,
    HandshakeTable,
    PacketTable,
)


def dns(*packets):
    n = len(packets)
    names = np.array([f"n{p}" for p in packets], object)
    return DnsTable(np.array(packets, "i8"), np.zeros(n, "?"), np.ones(n, "u2"), names)


def handshakes(*times):
    macs, version = np.ones(len(times), "u8"), np.full(len(times), 0x0303, "u2")
    return HandshakeTable(macs, macs, *[np.array(times, "i8")] * 3, version)


def table(n, *questions, **columns):
    return PacketTable.from_columns({"time_ns": np.arange(n), **columns}, dns=dns(*questions))


def test_columns_have_the_documented_types_and_missing_ones_are_zero():
    made = table(3)
    assert {name: getattr(made, name).dtype for name in COLUMNS} == COLUMNS
    assert made.src.tolist() == [0, 0, 0]


def test_an_empty_table_has_no_rows():
    assert len(PacketTable.empty()) == len(PacketTable.concatenate([])) == 0
    assert len(PacketTable.from_columns({})) == 0


def test_concatenation_renumbers_questions_and_keeps_handshakes():
    first = PacketTable.from_columns({"time_ns": np.arange(2)}, dns=dns(1), handshakes=handshakes(5))
    second = PacketTable.from_columns({"time_ns": np.arange(3)}, dns=dns(0, 2), handshakes=handshakes(6))
    both = PacketTable.concatenate([first, second])
    assert both.time_ns.tolist() == [0, 1, 0, 1, 2]
    assert both.dns.packet.tolist() == [1, 2, 4]
    assert both.handshakes.start_ns.tolist() == [5, 6]


def test_selection_keeps_the_questions_of_its_rows():
    chosen = table(4, 0, 2, 2, 3).select(np.array([False, False, True, True]))
    assert chosen.time_ns.tolist() == [2, 3]
    assert (chosen.dns.packet.tolist(), chosen.dns.name.tolist()) == ([0, 0, 1], ["n2", "n2", "n3"])


@given(st.permutations(range(6)))
def test_selection_by_order_moves_questions_along(order):
    chosen = table(6, 1, 4).select(np.array(order))
    assert [f"n{chosen.time_ns[p]}" for p in chosen.dns.packet] == chosen.dns.name.tolist()


def test_time_order_is_stable_and_costs_nothing_where_it_holds():
    made = table(200, time_ns=np.arange(200) % 2, ttl=np.arange(200))
    assert made.in_time_order().ttl.tolist() == [*range(0, 200, 2), *range(1, 200, 2)]
    ordered = table(3)
    assert ordered.in_time_order() is ordered


PORTS = {"has_ports": np.ones(1), "ip_version": [4]}


@pytest.mark.parametrize(
    ("fact", "columns"),
    [
        ("is_arp", {"ethertype": [0x806]}),
        ("is_tcp", {"ip_version": [6], "ip_proto": [6]}),
        ("is_udp", {"ip_version": [4], "ip_proto": [17]}),
        ("is_icmp", {"ip_version": [4], "ip_proto": [1]}),
        ("is_icmp", {"ip_version": [6], "ip_proto": [58]}),
        ("is_dns", {**PORTS, "ip_proto": [6], "src_port": [53]}),
        ("is_ntp", {**PORTS, "ip_proto": [17], "dst_port": [123]}),
        ("is_dhcp", {**PORTS, "ip_proto": [17], "src_port": [68]}),
    ],
)
def test_protocols_are_told_by_headers_and_ports(fact, columns):
    assert getattr(table(1, **columns), fact).tolist() == [True]


@pytest.mark.parametrize(
    ("fact", "columns"),
    [
        ("is_tcp", {"ip_proto": [6]}),
        ("is_icmp", {"ip_version": [6], "ip_proto": [1]}),
        ("is_dns", {"src_port": [53], "ip_version": [4]}),
        ("is_ntp", {**PORTS, "ip_proto": [6], "dst_port": [123]}),
    ],
)
def test_protocols_are_not_told_by_half_of_the_facts(fact, columns):
    assert getattr(table(1, **columns), fact).tolist() == [False]


def test_sizes_are_signed_by_direction():
    made = table(2, wire_len=np.array([60, 4_000_000_000]))
    device = DevicePackets("camera", made, np.array([True, False]))
    assert device.signed_size.tolist() == [60, -4_000_000_000]
    assert len(device) == 2
