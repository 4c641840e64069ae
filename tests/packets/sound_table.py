"""What holds of the table and the report of any capture, however damaged."""

from dataclasses import fields

import numpy as np

from edgeprint.packets.decode import CaptureReport
from edgeprint.packets.table import COLUMNS, TCP, UDP, DnsTable, HandshakeTable, PacketTable


def assert_sound(table: PacketTable, report: CaptureReport) -> None:
    assert {name: (getattr(table, name).dtype, getattr(table, name).shape) for name in COLUMNS} == {
        name: (dtype, (len(table),)) for name, dtype in COLUMNS.items()
    }
    headers_follow_each_other(table)
    payloads_are_inside_their_packets(table)
    side_tables_point_into_the_table(table)
    the_report_counts_all(table, report)


def headers_follow_each_other(table: PacketTable) -> None:
    ip, ports = table.ip_version > 0, table.has_ports
    assert set(np.unique(table.ip_version)) <= {0, 4, 6}
    assert np.all(table.ethertype[table.ip_version == 4] == 0x0800)
    assert np.all(table.ethertype[table.ip_version == 6] == 0x86DD)
    assert np.all((table.ethertype == 0) | (table.ethertype >= 1536))
    assert np.all(table.vlan < 4096) and np.all(table.src < 2**48) and np.all(table.dst < 2**48)
    assert not np.any(table.ip_proto[~ip]) and not np.any(table.ttl[~ip])
    assert not np.any(table.df[table.ip_version != 4])
    assert np.all(ip[ports] & np.isin(table.ip_proto[ports], (TCP, UDP)))
    assert not np.any(table.src_port[~ports]) and not np.any(table.dst_port[~ports])
    no_tcp = ~(ports & table.is_tcp)
    assert not np.any(table.tcp_window[no_tcp]) and not np.any(table.tcp_flags[no_tcp])


def payloads_are_inside_their_packets(table: PacketTable) -> None:
    assert np.array_equal(table.payload_len > 0, table.payload_offset > 0)
    assert np.all(table.payload_offset.astype("i8") + table.payload_len <= table.wire_len)
    behind = table.payload_len > 0
    assert np.all(table.payload_offset[behind] >= np.where(table.ip_version[behind] == 4, 20, 40))


def side_tables_point_into_the_table(table: PacketTable) -> None:
    for side, kind in ((table.dns, DnsTable), (table.handshakes, HandshakeTable)):
        assert len({len(getattr(side, field.name)) for field in fields(kind)}) == 1
    asked = table.dns.packet
    assert np.all((asked >= 0) & (asked < len(table)) & (np.diff(asked, prepend=0) >= 0))
    assert np.all(table.is_dns[asked] & (table.payload_len[asked] > 0))
    assert all(name.isascii() and name.isprintable() and name == name.lower() for name in table.dns.name)
    assert np.all(np.isin(table.handshakes.start_ns, table.time_ns[table.is_tcp]))


def the_report_counts_all(table: PacketTable, report: CaptureReport) -> None:
    assert len(table) + sum(report.unsupported.values()) == report.packets
    assert (report.first_ns is None) == (len(table) == 0)
    if len(table):
        assert (report.first_ns, report.last_ns) == (table.time_ns.min(), table.time_ns.max())
    assert report.malformed >= 0
    assert report.cut is None or " at byte " in report.cut
