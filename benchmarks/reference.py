"""The 219 features of papers/cclp section IV in plain pandas, scipy and statsmodels.

    features = extract(packets, window_minutes=30)      # a DataFrame, one row a window

It stands beside edgeprint.cclp.features to be read and to be timed; both give the same values. What counts a
packet is vectorised over all windows; what needs a whole series is a call a window.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tsa.stattools import adfuller

from edgeprint.packets.table import COLUMNS, DevicePackets

QUARTILES = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}
PORTS = {
    "0_500": (0, 500),
    "501_1023": (501, 1023),
    "1024_49151": (1024, 49151),
    "49152_65535": (49152, 65535),
}
NO_TEST = (0.0, 1.0, -3.43035, -2.86154, -2.56677)  # p-value 1 and MacKinnon's asymptotic critical values
REACTIONS = ("min", "q1", "median", "q3", "max", "mean", "std")


def extract(packets: DevicePackets, *, window_minutes: int = 30) -> pd.DataFrame:
    """The features by name; the index holds each window's start in ns since the epoch."""
    length = window_minutes * 60 * 10**9
    frame = with_protocols(packets).assign(window=lambda f: f.time_ns // length * length)
    directions = {"in": frame[~frame.sent], "out": frame[frame.sent], "both": frame}
    series: dict[int, dict[str, float]] = {start: {} for start in frame.window.unique()}
    for direction, part in directions.items():
        groups = dict(tuple(part.groupby("window")))
        for start, row in series.items():
            window = groups.get(start, part.iloc[:0])
            row |= intervals(window, direction) | lengths(window, direction)
            if direction != "both":
                row |= volume(window, direction)
    features = pd.DataFrame.from_dict(series, orient="index").join(protocols(frame))
    return features.join(names(packets, frame)).join(reactions(packets, features.index, length)).fillna(0.0)


def with_protocols(packets: DevicePackets) -> pd.DataFrame:
    """A row a packet: the columns of the decoder, the direction, and a flag a protocol."""
    table = packets.table
    frame = pd.DataFrame({name: getattr(table, name) for name in COLUMNS}).assign(sent=packets.sent)
    ip, ports = frame.ip_version > 0, frame[["src_port", "dst_port"]].where(frame.has_ports, -1)
    icmp = ((frame.ip_version == 4) & (frame.ip_proto == 1)) | (
        (frame.ip_version == 6) & (frame.ip_proto == 58)
    )
    udp = ip & (frame.ip_proto == 17)
    return frame.assign(
        icmp=icmp,
        ipv4=frame.ip_version == 4,
        ipv6=frame.ip_version == 6,
        tcp=ip & (frame.ip_proto == 6),
        udp=udp,
        ntp=udp & (ports == 123).any(axis=1),
        dns=(ports == 53).any(axis=1),
        dhcp=udp & ports.isin([67, 68, 546, 547]).any(axis=1),
    )


def intervals(window: pd.DataFrame, direction: str) -> dict[str, float]:
    """Section IV.A of a window's packets in one direction: 32 columns."""
    seconds = seconds_between(window)
    prefix = f"interval_{direction}"
    row = statistics(seconds, prefix) | {f"{prefix}_entropy": entropy_of_bins(seconds)} | adf(seconds, prefix)
    for protocol in ("ntp", "dns"):
        row |= extent(seconds_between(window[window[protocol]]), f"{protocol}_{prefix}")
    return row | {f"flow_duration_{direction}": seconds.sum()}


def seconds_between(window: pd.DataFrame) -> pd.Series:
    return window.time_ns.diff().iloc[1:] / 1e9


def lengths(window: pd.DataFrame, direction: str) -> dict[str, float]:
    """Section IV.B, the series of wire lengths: 24 columns."""
    length = window.wire_len.astype("f8")
    return statistics(length, f"length_{direction}") | adf(length, f"length_{direction}")


def volume(window: pd.DataFrame, direction: str) -> dict[str, float]:
    """Section IV.B, the flow: 4 columns."""
    size, packets, duration = window.wire_len.sum(), len(window), seconds_between(window).sum()
    return {
        f"flow_rate_{direction}": size / duration if duration > 0 else 0.0,
        f"packets_{direction}": packets,
        f"bytes_{direction}": size,
        f"bytes_per_packet_{direction}": size / max(packets, 1),
    }


def statistics(x: pd.Series, prefix: str) -> dict[str, float]:
    """Quartiles, moments; skewness and kurtosis of a constant series are NaN here and 0 in the end."""
    row = {name: x.quantile(q) for name, q in QUARTILES.items()}
    row |= {"mean": x.mean(), "variance": x.var(ddof=0)}
    row |= {"skewness": stats.skew(x), "kurtosis": stats.kurtosis(x)}
    return {f"{prefix}_{name}": value for name, value in row.items()}


def extent(x: pd.Series, prefix: str) -> dict[str, float]:
    return {f"{prefix}_min": x.min(), f"{prefix}_max": x.max(), f"{prefix}_mean": x.mean()}


def entropy_of_bins(x: pd.Series) -> float:
    """Equation (1): ten bins between the extremes."""
    return stats.entropy(np.histogram(x, bins=10)[0]) if len(x) else 0.0


def adf(x: pd.Series, prefix: str) -> dict[str, float]:
    """The augmented Dickey-Fuller test of a series and of its first and second difference: 15 columns."""
    row: dict[str, float] = {}
    for difference in range(3):
        statistic, pvalue, at_1, at_5, at_10 = adf_test(np.diff(x, difference))
        found = {"statistic": statistic, "pvalue": pvalue}
        found |= {"critical_1": at_1, "critical_5": at_5, "critical_10": at_10}
        row |= {f"{prefix}_adf_d{difference}_{name}": value for name, value in found.items()}
    return row


def adf_test(x: np.ndarray) -> tuple[float, ...]:
    """Statistic, p-value and critical values; NO_TEST where there is nothing to test."""
    try:
        statistic, pvalue, _, _, critical, _ = adfuller(x, result_object=False)
    except ValueError:  # constant, or too short
        return NO_TEST
    return (statistic, pvalue, *critical.values()) if abs(statistic) < 1e38 else NO_TEST


def protocols(frame: pd.DataFrame) -> pd.DataFrame:
    """Section IV.C from packet headers: 23 columns."""
    by_window = frame.groupby("window")
    flags = ["icmp", "ipv4", "ipv6", "tcp", "udp", "ntp", "dns", "dhcp"]
    counts = by_window[flags].sum().add_suffix("_packets")
    ttl = by_extent(frame.ttl.where(frame.ip_version > 0), frame.window, "ttl")
    size = by_extent(frame.tcp_window.where(frame.tcp & frame.has_ports), frame.window, "tcp_window")
    df = by_window.df.mean().rename("df_ratio")
    ports = {
        f"{end}_ports_{name}": (frame.has_ports & frame[f"{end}_port"].between(*bounds))
        .groupby(frame.window)
        .sum()
        for end in ("src", "dst")
        for name, bounds in PORTS.items()
    }
    return pd.concat([counts, ttl, size, df, pd.DataFrame(ports)], axis=1)


def by_extent(values: pd.Series, window: pd.Series, prefix: str) -> pd.DataFrame:
    return values.groupby(window).agg(["min", "max", "mean"]).add_prefix(f"{prefix}_")


def names(packets: DevicePackets, frame: pd.DataFrame) -> pd.DataFrame:
    """Section IV.C, the names that the device asked for: 12 columns."""
    dns = packets.table.dns
    asked = pd.DataFrame({"packet": dns.packet, "name": dns.name})[~dns.response & packets.sent[dns.packet]]
    rows = {}
    for start, questions in asked.groupby(frame.window.to_numpy()[asked.packet]):
        counts = questions.name.value_counts()
        top = counts.head(10).reset_index(drop=True)
        rows[start] = {f"dns_name_{n + 1}": count for n, count in top.items()}
        rows[start] |= {"dns_name_entropy": stats.entropy(counts), "dns_queries": questions.packet.nunique()}
    columns = [*(f"dns_name_{n}" for n in range(1, 11)), "dns_name_entropy", "dns_queries"]
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns)


def reactions(packets: DevicePackets, starts: pd.Index, length: int) -> pd.DataFrame:
    """Section IV.D: 8 columns; -1 where a window has no handshake."""
    tls = packets.table.handshakes
    own = np.isin(tls.client, packets.table.src[packets.sent])
    seconds = pd.Series((tls.client_ns - tls.server_ns)[own] / 1e9)
    groups = seconds.groupby(tls.client_ns[own] // length * length)
    found = pd.DataFrame({name: groups.quantile(q) for name, q in QUARTILES.items()})
    found = found.assign(mean=groups.mean(), std=groups.std(ddof=0))
    found = found.reindex(starts).fillna(-1.0).add_prefix("tls_reaction_")
    return found.assign(tls_handshakes=groups.size().reindex(starts).fillna(0))
