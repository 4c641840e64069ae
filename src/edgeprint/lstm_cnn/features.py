"""Segment features of a device's traffic (papers/lstm-cnn section III.B), and windows of segments.

start_ns, values = extract(packets, segment_minutes=5, columns=["user_packets", "user_length_mean"])
device, start_ns, x = windows(table, window=6, overlap=3)        # x [m, 6, d]

A segment is T minutes long (a fraction of one for short captures) and begins at a multiple of T since the
epoch. Control packets are those of supporting protocols (DNS with mDNS, NTP, DHCP) and all that are neither
TCP nor UDP (ARP, ICMP); the rest are user packets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.table import DevicePackets, PacketTable
from edgeprint.schema import Column, FeatureSchema

MINUTE_NS = 60 * 10**9
LONGEST_SILENCE_HOURS = 24  # a longer one is a gap of the capture, or a clock that was set
LONGEST_SILENCE = LONGEST_SILENCE_HOURS * 60 * MINUTE_NS
SOURCE = "papers/lstm-cnn section III.B"

STATISTICS = {  # of the wire lengths: unit
    "max": "byte",
    "min": "byte",
    "mean": "byte",
    "sum": "byte",
    "std": "byte",
    "variance": "byte^2",
    "skewness": "1",
    "kurtosis": "1",
}
PROTOCOLS: dict[str, Callable[[PacketTable], NDArray[np.bool_]]] = {
    "dns": lambda t: t.is_dns,
    "mdns": lambda t: t.is_udp & _port(t, 5353),
    "arp": lambda t: t.is_arp,
    "ntp": lambda t: t.is_ntp,
    "icmp": lambda t: t.is_icmp,
    "dhcp": lambda t: t.is_dhcp,
    "ssdp": lambda t: t.is_udp & _port(t, 1900),
    "http": lambda t: t.is_tcp & _port(t, 80, 8080),
    "tls": lambda t: t.is_tcp & _port(t, 443, 8443, 8883),
    "tcp": lambda t: t.is_tcp,
    "udp": lambda t: t.is_udp,
    "ipv4": lambda t: t.ip_version == 4,
    "ipv6": lambda t: t.ip_version == 6,
}
SUPPORTING = ("dns", "mdns", "ntp", "dhcp")
CATEGORIES = {"user": "both", "control": "both", "received": "in", "sent": "out"}


def _port(table: PacketTable, *ports: int) -> NDArray[np.bool_]:
    return table.has_ports & (np.isin(table.src_port, ports) | np.isin(table.dst_port, ports))


def _all_columns() -> dict[str, Column]:
    counts = [("total_packets", "both")]
    counts += [(f"{name}_packets", direction) for name, direction in CATEGORIES.items()]
    counts += [(f"{name}_packets", "both") for name in PROTOCOLS]
    columns = [Column(name, "count", direction, SOURCE) for name, direction in counts]
    for category, direction in CATEGORIES.items():
        columns += [Column(f"{category}_length_{s}", u, direction, SOURCE) for s, u in STATISTICS.items()]
    return {column.name: column for column in columns}


COLUMNS = _all_columns()


def segment_ns(segment_minutes: float) -> int:
    """The length of a segment, rounded to whole seconds: 0.1 minutes are six seconds."""
    return round(segment_minutes * 60) * 10**9


def schema(segment_minutes: float, columns: Sequence[str]) -> FeatureSchema:
    """The chosen columns in the order given. Raises BadParams for a name that is not in COLUMNS."""
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise BadParams(
            f"lstm_cnn.features.columns: {unknown[0]!r} is no segment feature; known: {', '.join(COLUMNS)}"
        )
    chosen = tuple(COLUMNS[name] for name in columns)
    minutes = segment_ns(segment_minutes) / MINUTE_NS
    shown = int(minutes) if minutes.is_integer() else minutes  # 5 and 5.0 are one schema
    settings = (("segment_minutes", shown), ("longest_silence_hours", LONGEST_SILENCE_HOURS))
    return FeatureSchema("lstm-cnn", chosen, settings)


def extract(
    packets: DevicePackets, *, segment_minutes: float, columns: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Segment starts [k] and features [k, d], one row a segment from the first packet to the last.

    A silent segment is all zeros (see fill_silence); so is a statistic of no packet, and skewness and
    kurtosis of equal lengths.
    """
    names = schema(segment_minutes, columns).names
    length = segment_ns(segment_minutes)
    if not len(packets):
        return np.empty(0, "i8"), np.empty((0, len(names)), "f4")
    places, place = np.unique(packets.table.time_ns // length, return_inverse=True)
    found = _count_and_measure(packets, place, len(places))
    values = np.stack([found[name] for name in names], axis=1).astype("f4")
    return fill_silence(places * length, values, segment_minutes)


def fill_silence(
    start_ns: NDArray[np.int64], values: NDArray[np.float32], segment_minutes: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows of zeros for the segments between those of one device [k], [k, d]; LONGEST_SILENCE stays a gap."""
    length = segment_ns(segment_minutes)
    step = np.diff(start_ns)
    rows = np.where(step <= LONGEST_SILENCE, step // length, 1)
    place = np.concatenate([[0], np.cumsum(rows)])[: len(start_ns)]
    owner = np.repeat(np.arange(len(start_ns)), np.append(rows, 1)[: len(start_ns)])
    filled = np.zeros((len(owner), values.shape[1]), "f4")
    filled[place] = values
    return start_ns[owner] + (np.arange(len(owner)) - place[owner]) * length, filled


def _count_and_measure(packets: DevicePackets, segment: NDArray, count: int) -> dict[str, NDArray]:
    """Every column of COLUMNS as an array [count]; `segment` [n] says where each packet belongs."""
    table = packets.table
    protocols = {name: rule(table) for name, rule in PROTOCOLS.items()}
    supporting = np.any([protocols[name] for name in SUPPORTING], axis=0)
    user = (table.is_tcp | table.is_udp) & ~supporting
    categories = {"user": user, "control": ~user, "received": ~packets.sent, "sent": packets.sent}
    rows = {"total": np.ones(len(table), bool), **categories, **protocols}
    found = {f"{name}_packets": np.bincount(segment[mask], minlength=count) for name, mask in rows.items()}
    for name, mask in categories.items():
        measured = length_statistics(segment[mask], table.wire_len[mask].astype("f8"), count)
        found |= {f"{name}_length_{statistic}": values for statistic, values in measured.items()}
    return found


def length_statistics(segment: NDArray, length: NDArray[np.float64], count: int) -> dict[str, NDArray]:
    """STATISTICS of the lengths [n] of each segment [count]; population moments, excess kurtosis."""
    packets = np.bincount(segment, minlength=count)
    divisor = np.maximum(packets, 1)
    total = np.bincount(segment, length, count)
    mean = total / divisor
    centred = length - mean[segment]
    variance, third, fourth = (np.bincount(segment, centred**p, count) / divisor for p in (2, 3, 4))
    largest = np.zeros(count)
    np.maximum.at(largest, segment, length)
    smallest = np.where(packets, np.inf, 0.0)
    np.minimum.at(smallest, segment, length)
    varied = variance > 1e-9
    spread = np.where(varied, variance, 1.0)
    return {
        "max": largest,
        "min": smallest,
        "mean": mean,
        "sum": total,
        "std": np.sqrt(variance),
        "variance": variance,
        "skewness": np.where(varied, third / spread**1.5, 0.0),
        "kurtosis": np.where(varied, fourth / spread**2 - 3.0, 0.0),
    }


def windows(
    table: FeatureTable, window: int, overlap: int
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.float32]]:
    """Device [m], start [m] and features [m, window, d] of every `window` consecutive segments.

    A window lies within one device and capture, and shares `overlap` segments with the next (section IV.B).
    Raises BadParams when the overlap is not smaller than the window.
    """
    if overlap >= window:
        raise BadParams(f"lstm_cnn.train.overlap = {overlap} must be smaller than window = {window}")
    ordered = table.in_stream_order()
    rows = np.array(
        [
            np.arange(start, start + window)
            for begin, end in _runs(ordered)
            for start in range(begin, end - window + 1, window - overlap)
        ],
        "i8",
    ).reshape(-1, window)
    return ordered.device[rows[:, 0]], ordered.start_ns[rows[:, 0]], ordered.values[rows]


def _runs(table: FeatureTable) -> list[tuple[int, int]]:
    """Row ranges of segments that follow one another without a gap, in one device and capture."""
    if not len(table):
        return []
    length = segment_ns(float(dict(table.schema.settings)["segment_minutes"]))
    same = (table.device[1:] == table.device[:-1]) & (table.capture[1:] == table.capture[:-1])
    breaks = np.flatnonzero(~(same & (np.diff(table.start_ns) == length))) + 1
    edges = [0, *breaks.tolist(), len(table)]
    return list(pairwise(edges))
