"""What each device does, read from profiles.toml: the cast of a home and its firmware quarter by quarter.

    for member in cast(8):
        member.profile(quarter=3)

A profile is data; a firmware update is a set of dotted keys that change from a quarter on; further devices
of a kind are variants of those listed, with periods, sizes and reaction times of their own.
"""

from __future__ import annotations

import copy
import tomllib
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

Spread = tuple[float, float]  # mean and standard deviation


@dataclass(frozen=True, kw_only=True)
class Server:
    """A host on the Internet that a device talks to."""

    name: str
    port: int = 443
    rtt_ms: float = 24.0
    chain: int = 2600  # bytes of certificates


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Keep-alives on a connection that stays open."""

    server: Server
    periods: tuple[float, ...]  # seconds; the server picks one for each connection
    up: Spread  # bytes of the TLS record
    down: Spread
    jitter: float = 0.06  # deviation, as a share of the period
    wander: float = 0.0  # deviation in bytes from connection to connection
    hours: float = 0.8  # mean life of a connection


@dataclass(frozen=True, kw_only=True)
class Report:
    """Short connections that carry one request and its answer."""

    server: Server
    period: float
    up: Spread
    down: Spread
    jitter: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Now and then a connection full of media: motion, music, films."""

    server: Server
    per_hour: float  # while people are awake and at home
    seconds: Spread  # median and deviation of the logarithm
    rate: float  # frames or chunks a second
    size: Spread  # bytes of one: median and deviation of the logarithm
    up: bool
    night: float = 0.2  # share of the rate when nobody is awake


@dataclass(frozen=True, kw_only=True)
class Datagram:
    """A request and its answer over UDP, again and again."""

    server: Server
    period: float
    up: Spread
    down: Spread
    jitter: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Web:
    """A person: visits of several pages, each from several connections."""

    servers: tuple[Server, ...]
    per_hour: float
    pages: float  # mean of a visit
    connections: float  # mean of a page
    up: Spread
    size: Spread  # bytes of an answer: median and deviation of the logarithm
    night: float = 0.02


@dataclass(frozen=True, kw_only=True)
class Announce:
    """Multicast on the local network."""

    kind: str  # mdns, search or notify
    period: float
    jitter: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Clock:
    """NTP."""

    name: str
    period: float
    jitter: float = 0.02
    ephemeral: bool = False  # a new port each time rather than 123


Activity = Beat | Report | Stream | Datagram | Web | Announce
KINDS: dict[str, Any] = {
    "beat": Beat,
    "report": Report,
    "stream": Stream,
    "datagram": Datagram,
    "web": Web,
    "announce": Announce,
}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """All that one device does and how its network stack behaves, with one firmware."""

    name: str
    category: str
    activities: tuple[Activity, ...]
    clock: Clock
    iot: bool = True
    modern: bool = False  # TLS 1.3 rather than 1.2
    ciphers: int = 8
    hello_size: int = 200
    hello_ms: Spread = (4.0, 1.0)
    react_ms: Spread = (40.0, 5.0)
    wifi_ms: float = 3.0
    ttl: int = 64
    window: int = 29200
    df: bool = True
    ipv6: str = "none"  # none, link (local only) or global
    arp: float = 120.0  # seconds between ARP exchanges
    ping: float = 0.0  # seconds between pings of the router, 0 for none
    remembers: float = 0.5  # share of connections without a DNS query first
    reboots: float = 0.5  # a day
    loss: float = 0.002  # of TCP data segments


@dataclass(frozen=True)
class Member:
    """One device of a home: its place, which fixes its addresses and randomness, and its raw profile."""

    number: int
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        return self.raw["name"]

    def updates(self, quarter: int) -> list[dict[str, Any]]:
        """Firmware updates out by a quarter (1 is the first)."""
        return [update for update in self.raw.get("update", []) if update["quarter"] <= quarter]

    def profile(self, quarter: int) -> Profile:
        raw = copy.deepcopy({key: value for key, value in self.raw.items() if key != "update"})
        for update in self.updates(quarter):
            for path, value in update["set"].items():
                _put(raw, path.split("."), value)
        activities = tuple(
            KINDS[kind](**_with_servers(entry)) for kind in KINDS for entry in raw.pop(kind, [])
        )
        return Profile(**{**raw, "activities": activities, "clock": Clock(**raw["clock"])})


def _put(raw: Any, path: list[str], value: Any) -> None:
    for key in path[:-1]:
        raw = raw[int(key) if isinstance(raw, list) else key]
    raw[path[-1]] = value


def _with_servers(entry: dict[str, Any]) -> dict[str, Any]:
    if "server" in entry:
        return entry | {"server": Server(**entry["server"])}
    if "servers" in entry:
        return entry | {"servers": tuple(Server(**server) for server in entry["servers"])}
    return entry


@lru_cache(1)
def _listed() -> dict[str, Any]:
    return tomllib.loads(files("edgeprint.testbed").joinpath("profiles.toml").read_text("utf-8"))


def cast(devices: int) -> list[Member]:
    """The first `devices` IoT devices, and after them the people's own: a laptop and a phone.

    The same device has the same number whatever the size of the home.
    """
    listed = _listed()["device"]
    members = [
        Member(i, listed[i] if i < len(listed) else _variant(listed, i // len(listed), i % len(listed)))
        for i in range(devices)
    ]
    return members + [Member(200 + i, raw) for i, raw in enumerate(_listed()["person"])]


def _variant(listed: list[dict], generation: int, index: int) -> dict[str, Any]:
    """A further model of a listed device: plug-c after plug-a and plug-b, speaker-b after speaker."""
    stem = listed[index]["name"].split("-")[0]
    kin = [i for i, raw in enumerate(listed) if raw["name"].split("-")[0] == stem]
    letter = "abcdefghijklmnopqrstuvwxyz"[generation * len(kin) + kin.index(index)]
    name = f"{stem}-{letter}"
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    varied = _varied(listed[index], rng)
    what = f"an update like that of {listed[index]['name']}"
    updates = [update | {"what": what} for update in varied.get("update", []) if rng.random() < 0.5]
    return varied | {"name": name, "update": updates}


VARIED = (
    "period",
    "periods",
    "up",
    "down",
    "size",
    "rate",
    "per_hour",
    "react_ms",
    "hello_ms",
    "rtt_ms",
    "chain",
    "arp",
)


def _varied(value: Any, rng: np.random.Generator, key: str = "") -> Any:
    """The same data with the numbers under VARIED keys changed by up to a half."""
    if isinstance(value, dict):
        return {name: _varied(each, rng, name.split(".")[-1]) for name, each in value.items()}
    if isinstance(value, list) and not (key in VARIED and isinstance(value[0], (int, float))):
        return [_varied(each, rng, key) for each in value]
    if key not in VARIED or isinstance(value, (bool, str)):
        return value
    factor = float(np.exp(rng.uniform(-0.4, 0.4)))
    if key == "periods":
        return [round(each * factor, 3) for each in value]
    if isinstance(value, list):
        return [round(value[0] * factor, 3), value[1]]
    return type(value)(round(value * factor, 3))
