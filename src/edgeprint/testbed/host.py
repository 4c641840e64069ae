"""A device at its place in the home: its addresses, ports and connections, as the router sees them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.table import TCP, UDP
from edgeprint.testbed import messages
from edgeprint.testbed.frames import Endpoint
from edgeprint.testbed.profiles import Profile, Server
from edgeprint.testbed.tape import Tape
from edgeprint.testbed.tcp import Handshake, connect

PREFIX = bytes.fromhex("20010db800070000")  # the home's IPv6 network
LOCAL = bytes.fromhex("fe80000000000000")
FIRST_PORT = 32768  # of those that devices take for themselves


def interface(mac: int) -> bytes:
    """The lower half of an IPv6 address from a MAC (modified EUI-64, RFC 4291)."""
    octets = mac.to_bytes(6, "big")
    return bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]


ROUTER = Endpoint(0x0200000000FE, bytes([192, 168, 1, 1]))
ROUTER_LINK = Endpoint(ROUTER.mac, LOCAL + interface(ROUTER.mac), ttl=255)


def mac_of(number: int) -> int:
    """Locally administered MAC of a home's device."""
    return 0x020000000001 + number


class Host:
    """One device on one day: where its rows go and how it reaches others."""

    def __init__(self, number: int, profile: Profile, tape: Tape) -> None:
        self.profile, self.tape, self.rng = profile, tape, tape.rng
        self.mac = mac_of(number)
        own = {"ttl": profile.ttl, "window": profile.window, "df": profile.df}
        self.ipv4 = Endpoint(self.mac, bytes([192, 168, 1, 20 + number]), **own)  # type: ignore[arg-type]
        self.ipv6 = Endpoint(self.mac, PREFIX + interface(self.mac), **own)  # type: ignore[arg-type]
        self.link = Endpoint(self.mac, LOCAL + interface(self.mac), ttl=255)
        self._port = int(self.rng.integers(0, 1 << 14))

    def ports(self, n: int) -> NDArray[np.int64]:
        """The next n ephemeral ports."""
        self._port += n
        return FIRST_PORT + (self._port - n + np.arange(n)) % (1 << 15)

    def open(self, far: Endpoint, proto: int, n: int, far_port: int, near_port: int = 0) -> NDArray[np.int32]:
        near = self.ipv4 if len(far.ip) == 4 else self.ipv6
        return self.tape.wire.open(near, far, proto, near_port or self.ports(n), far_port)

    def server(self, name: str) -> Endpoint:
        """A server on the Internet: seen behind the router's MAC, some hops away."""
        version = 6 if self.profile.ipv6 == "global" and zlib.crc32(name.encode()) % 2 else 4
        hops = 7 + zlib.crc32(name[::-1].encode()) % 12
        return Endpoint(ROUTER.mac, messages.address(name, version), ttl=64 - hops, window=64240)

    def ask(
        self, time: NDArray, flow: NDArray, request: bytes | NDArray, answer: bytes | NDArray, delay: NDArray
    ) -> None:
        """A request at `time` [n] and its answer `delay` later; one payload for all, or rows [n, length]."""
        self.tape.say(time, flow, True, request)
        self.tape.say(time + delay, flow, False, answer)

    def lookup(self, name: str, time: NDArray) -> NDArray:
        """Ask the router's DNS for the name at `time` [n]; the times [n] of the last answers."""
        n, delay = len(time), 0.002 + self.rng.gamma(1.2, 0.009, len(time))
        kinds = (messages.A,) if self.profile.ipv6 != "global" else (messages.A, messages.AAAA)
        for kind in kinds:
            version = 4 if kind == messages.A else 6
            known = version == 4 or len(self.server(name).ip) == 16
            data = messages.address(name, version) if known else b""
            request = np.tile(np.frombuffer(messages.dns_query(name, kind), "u1"), (n, 1))
            answer = np.tile(np.frombuffer(messages.dns_answer(name, kind, data, 300), "u1"), (n, 1))
            request[:, :2] = answer[:, :2] = self.rng.integers(0, 256, (n, 2))
            self.ask(time, self.open(ROUTER, UDP, n, 53), request, answer, delay)
            time = time + 0.0004
        return time + delay

    def dial(self, server: Server, time: NDArray) -> tuple[NDArray, NDArray]:
        """New TLS connections at `time` [n]: their flows [n] and when each is ready [n]."""
        profile = self.profile
        asking = self.rng.random(len(time)) >= profile.remembers
        asking[:1] = True
        start = time.copy()
        start[asking] = self.lookup(server.name, time[asking]) + profile.wifi_ms / 1e3
        flow = self.open(self.server(server.name), TCP, len(time), server.port)
        shake = Handshake(
            server=server.name,
            modern=profile.modern,
            ciphers=profile.ciphers,
            hello_size=profile.hello_size,
            chain=server.chain,
            hello_ms=profile.hello_ms,
            react_ms=profile.react_ms,
            wifi_ms=profile.wifi_ms,
            rtt_ms=server.rtt_ms,
        )
        return flow, connect(self.tape, start, flow, shake)

    def normal(self, spread: Sequence[float], n: int) -> NDArray:
        return self.rng.normal(spread[0], spread[1], n)

    def lognormal(self, spread: Sequence[float], n: int) -> NDArray:
        """Values [n] around a median, with the deviation of their logarithm."""
        return spread[0] * np.exp(self.rng.normal(0, spread[1], n))
