"""The 219 columns of papers/cclp section IV as one table: what `features.extract` fills, in this order.

The paper names the groups and not the columns; this reading of the groups adds up to its 219:
96 time intervals, 72 + 8 traffic volume, 35 protocol, 8 TLS.
"""

from __future__ import annotations

import functools

from edgeprint.schema import Column, FeatureSchema

SECTION = "papers/cclp IV."
DIRECTIONS = ("in", "out", "both")
NAMES_COUNTED = 10
PROTOCOLS = ("icmp", "ipv4", "ipv6", "tcp", "udp", "ntp", "dns", "dhcp")
PORT_RANGES = ((0, 500), (501, 1023), (1024, 49151), (49152, 65535))
STATISTICS = ("min", "q1", "median", "q3", "max", "mean", "variance", "skewness", "kurtosis")
EXTENT = ("min", "max", "mean")
REACTION = ("min", "q1", "median", "q3", "max", "mean", "std")
ADF = ("statistic", "pvalue", "critical_1", "critical_5", "critical_10")
DIMENSIONLESS = {"skewness", "kurtosis"}

# What a column holds where the paper's definition gives no number, and how its terms were read.
DEFINED = (
    ("windows", "aligned to the epoch; a row for each window with at least one packet in any direction"),
    ("interval", "between packets that follow each other in the window and direction, by capture time"),
    ("empty series", "0 in every statistic and extent, entropy 0, flow duration 0: see the packet counts"),
    (
        "statistics",
        "linear quartiles; population variance; biased skewness and excess kurtosis, 0 if constant",
    ),
    (
        "entropy",
        "natural logarithm; 10 bins from minimum to maximum, the last closed; 0 if constant",
    ),
    ("adf", "statsmodels adfuller(x) of the series and its first and second difference: constant, AIC lag"),
    ("adf undefined", "constant, under 4 points or a perfect fit: 0, p-value 1, asymptotic critical values"),
    ("flow", "duration: last packet less first; rate: bytes by duration, 0 where the duration is 0"),
    ("length", "of the frame on the wire, link header included"),
    ("ntp, dns, dhcp", "by port: UDP 123; UDP or TCP 53; UDP 67, 68, 546 and 547"),
    ("ttl", "TTL or hop limit of IP packets, 0 if none; tcp_window likewise of TCP headers, not scaled"),
    ("df_ratio", "packets with don't fragment by all packets of the window"),
    ("dns_name", "occurrences of the n-th most frequent name that the device asked for, 0 beyond the last"),
    ("dns_queries", "packets with a question that the device sent; dns_name_entropy is over all names asked"),
    ("tls_reaction", "client's packet after the server's certificate less that; -1 without handshake"),
    ("tls 1.3", "hides the certificate: end of the server's first flight to the client's next flight"),
    ("tls window", "of the client's packet; a handshake is the device's where it sent the ClientHello"),
)


def _adf(series: str, direction: str, section: str) -> list[Column]:
    return [
        Column(f"{series}_{direction}_adf_d{difference}_{value}", "1", direction, section)
        for difference in range(3)
        for value in ADF
    ]


def _statistics(series: str, unit: str, direction: str, section: str) -> list[Column]:
    units = dict.fromkeys(DIMENSIONLESS, "1") | {"variance": f"{unit}^2"}
    return [Column(f"{series}_{direction}_{s}", units.get(s, unit), direction, section) for s in STATISTICS]


def _time_intervals(direction: str) -> list[Column]:
    section = SECTION + "A"
    extents = [f"{what}_interval_{direction}_{s}" for what in ("ntp", "dns") for s in EXTENT]
    return [
        *_statistics("interval", "s", direction, section),
        Column(f"interval_{direction}_entropy", "1", direction, section),
        *_adf("interval", direction, section),
        *(Column(name, "s", direction, section) for name in extents),
        Column(f"flow_duration_{direction}", "s", direction, section),
    ]


def _volume(direction: str) -> list[Column]:
    section = SECTION + "B"
    return _statistics("length", "byte", direction, section) + _adf("length", direction, section)


def _flow(direction: str) -> list[Column]:
    units = {"flow_rate": "byte/s", "packets": "count", "bytes": "byte", "bytes_per_packet": "byte"}
    return [Column(f"{name}_{direction}", unit, direction, SECTION + "B") for name, unit in units.items()]


def _protocols() -> list[Column]:
    units = {f"{name}_packets": "count" for name in PROTOCOLS}
    units |= (
        {f"ttl_{s}": "1" for s in EXTENT} | {f"tcp_window_{s}": "byte" for s in EXTENT} | {"df_ratio": "1"}
    )
    units |= {f"{end}_ports_{a}_{b}": "count" for end in ("src", "dst") for a, b in PORT_RANGES}
    names = {f"dns_name_{n}": "count" for n in range(1, NAMES_COUNTED + 1)}
    names |= {"dns_name_entropy": "1", "dns_queries": "count"}
    columns = [Column(name, unit, "both", SECTION + "C") for name, unit in units.items()]
    return columns + [Column(name, unit, "out", SECTION + "C") for name, unit in names.items()]


def _tls() -> list[Column]:
    reactions = [Column(f"tls_reaction_{s}", "s", "both", SECTION + "D") for s in REACTION]
    return [*reactions, Column("tls_handshakes", "count", "both", SECTION + "D")]


@functools.cache
def schema(window_minutes: int = 30) -> FeatureSchema:
    """The columns for windows of that many minutes; its settings say how each is defined."""
    columns = [c for direction in DIRECTIONS for c in _time_intervals(direction)]
    columns += [c for direction in DIRECTIONS for c in _volume(direction)]
    columns += [c for direction in ("in", "out") for c in _flow(direction)]
    columns += _protocols() + _tls()
    return FeatureSchema("cclp", tuple(columns), (("window_minutes", window_minutes), *DEFINED))
