"""The 219 features of papers/cclp section IV: one row a window of one device.

    start_ns, values = extract(packets, window_minutes=30)      # int64 [k], float64 [k, 219]
    names = schema(30).names

Windows are counted from the epoch. What each column means, and what it holds where there is nothing to
measure, stands in the schema's settings (columns.DEFINED).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.cclp.columns import NAMES_COUNTED, PORT_RANGES, schema
from edgeprint.cclp.series import ENTROPY, describe, extents
from edgeprint.cclp.statistics import entropy
from edgeprint.packets.table import DevicePackets, PacketTable

__all__ = ["SCHEMA", "extract", "schema"]

SCHEMA = schema()
SECOND = 1e9  # nanoseconds
NO_HANDSHAKE = -1.0


@dataclass(frozen=True)
class _Windows:
    """The windows that have packets: their numbers since the epoch [k] and first rows of the table [k]."""

    length_ns: int
    numbers: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, time_ns: NDArray[np.int64], length_ns: int) -> _Windows:
        number = time_ns // length_ns
        first = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
        return cls(length_ns, number[first], first)

    def count(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the table [n] that hold in each window [k]."""
        return np.add.reduceat(mask, self.first, dtype="i8")

    def pieces(self, mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each window's part of the selection [mask.sum()] of the table's rows begins and ends [k]."""
        counts = self.count(mask)
        end = np.cumsum(counts)
        return end - counts, end


def extract(
    packets: DevicePackets, *, window_minutes: int = 30
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Window starts [k] (ns since the epoch) and features [k, 219]; no window without a packet.

    Every value is finite, also as float32.
    """
    if not len(packets):
        return np.empty(0, "i8"), np.empty((0, len(SCHEMA.columns)))
    windows = _Windows.of(packets.table.time_ns, window_minutes * 60 * 10**9)
    directions = (~packets.sent, packets.sent, np.ones(len(packets), bool))
    groups = [_time_intervals(packets.table, mask, windows) for mask in directions]
    groups += [_lengths(packets.table, mask, windows) for mask in directions]
    groups += [_flow(packets.table, mask, windows) for mask in directions[:2]]
    groups += [_protocols(packets.table, windows), _ports(packets.table, windows)]
    groups += [_dns_names(packets, windows), _tls(packets, windows)]
    return windows.numbers * windows.length_ns, np.hstack(groups)


def _time_intervals(table: PacketTable, mask: NDArray[np.bool_], windows: _Windows) -> NDArray[np.float64]:
    """Section IV.A of one direction [k, 32]."""
    own, ntp, dns = (_intervals(table, m, windows) for m in (mask, mask & table.is_ntp, mask & table.is_dns))
    return np.hstack([describe(*own), extents(*ntp), extents(*dns), _duration(table, mask, windows)])


def _intervals(
    table: PacketTable, mask: NDArray[np.bool_], windows: _Windows
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Seconds between the selected packets, and where those of each window begin and end."""
    begin, end = windows.pieces(mask)
    return np.diff(table.time_ns[mask]) / SECOND, begin, np.maximum(end - 1, begin)


def _duration(table: PacketTable, mask: NDArray[np.bool_], windows: _Windows) -> NDArray[np.float64]:
    """Seconds from the first to the last selected packet of each window [k, 1]; 0 where there is none."""
    time_ns = table.time_ns[mask]
    begin, end = windows.pieces(mask)
    found = np.zeros((len(begin), 1))
    some = end > begin
    found[some, 0] = (time_ns[end[some] - 1] - time_ns[begin[some]]) / SECOND
    return found


def _lengths(table: PacketTable, mask: NDArray[np.bool_], windows: _Windows) -> NDArray[np.float64]:
    """Section IV.B of one direction [k, 24]."""
    found = describe(table.wire_len[mask].astype("f8"), *windows.pieces(mask))
    return np.delete(found, ENTROPY, axis=1)


def _flow(table: PacketTable, mask: NDArray[np.bool_], windows: _Windows) -> NDArray[np.float64]:
    """Rate, packets, bytes and bytes per packet of one direction [k, 4] (section IV.B)."""
    packets = windows.count(mask)
    size = np.add.reduceat(np.where(mask, table.wire_len, 0), windows.first, dtype="f8")
    duration = _duration(table, mask, windows)[:, 0]
    rate = np.divide(size, duration, out=np.zeros(len(size)), where=duration > 0)
    return np.column_stack([rate, packets, size, size / np.maximum(packets, 1)])


def _protocols(table: PacketTable, windows: _Windows) -> NDArray[np.float64]:
    """Packets by protocol, TTL, TCP window and don't-fragment ratio [k, 15] (section IV.C)."""
    version = table.ip_version
    masks = [table.is_icmp, version == 4, version == 6, table.is_tcp, table.is_udp]
    masks += [table.is_ntp, table.is_dns, table.is_dhcp]
    ttl = _extent(table.ttl, version > 0, windows)
    window = _extent(table.tcp_window, table.is_tcp & table.has_ports, windows)
    df_ratio = windows.count(table.df) / windows.count(np.ones(len(table), bool))
    return np.column_stack([*map(windows.count, masks), ttl, window, df_ratio])


def _extent(values: NDArray, valid: NDArray[np.bool_], windows: _Windows) -> NDArray[np.float64]:
    """Minimum, maximum and mean of the valid rows of each window [k, 3], zeros where there is none."""
    found = windows.count(valid)
    x = values.astype("f8")
    low = np.minimum.reduceat(np.where(valid, x, np.inf), windows.first)
    high = np.maximum.reduceat(np.where(valid, x, 0), windows.first)
    mean = np.add.reduceat(np.where(valid, x, 0), windows.first) / np.maximum(found, 1)
    return np.column_stack([np.where(found > 0, low, 0), high, mean])


def _ports(table: PacketTable, windows: _Windows) -> NDArray[np.float64]:
    """Source, then destination ports by range [k, 8] (section IV.C)."""
    counts = [
        windows.count(table.has_ports & (lowest <= port) & (port <= highest))
        for port in (table.src_port, table.dst_port)
        for lowest, highest in PORT_RANGES
    ]
    return np.column_stack(counts).astype("f8")


def _dns_names(packets: DevicePackets, windows: _Windows) -> NDArray[np.float64]:
    """Occurrences of the ten names most asked, entropy of all, query packets [k, 12] (section IV.C)."""
    dns = packets.table.dns
    asked = ~dns.response & packets.sent[dns.packet]
    names: dict[int, Counter] = defaultdict(Counter)
    window = np.searchsorted(windows.first, dns.packet[asked], "right") - 1
    for row, name in zip(window.tolist(), dns.name[asked], strict=True):
        names[row][name] += 1
    values = np.zeros((len(windows.first), NAMES_COUNTED + 2))
    for row, counter in names.items():
        top = [count for _, count in counter.most_common(NAMES_COUNTED)]
        values[row, : len(top)] = top
        values[row, NAMES_COUNTED] = entropy(np.array(list(counter.values())))
    query = np.zeros(len(packets), bool)
    query[dns.packet[asked]] = True
    values[:, -1] = windows.count(query)
    return values


def _tls(packets: DevicePackets, windows: _Windows) -> NDArray[np.float64]:
    """Quartiles, mean and deviation of the reaction in handshakes, and their number [k, 8] (section IV.D)."""
    handshakes = packets.table.handshakes
    macs = np.array(sorted(packets.macs), "u8") if packets.macs else packets.table.src[packets.sent]
    mine = np.isin(handshakes.client, macs)
    number = handshakes.client_ns[mine] // windows.length_ns
    order = np.argsort(number, kind="stable")
    reaction = (handshakes.client_ns[mine] - handshakes.server_ns[mine])[order] / SECOND
    begin, end = (np.searchsorted(number[order], windows.numbers, side) for side in ("left", "right"))
    found = describe(reaction, begin, end)[:, :7]
    found[:, 6] = np.sqrt(found[:, 6])
    found[begin == end] = NO_HANDSHAKE
    return np.column_stack([found, end - begin])
