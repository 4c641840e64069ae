"""What every device does beside its purpose: DHCP, ARP, NTP, pings, IPv6 neighbours, multicast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.table import ICMP, ICMPV6, UDP
from edgeprint.testbed import messages as m
from edgeprint.testbed.frames import Endpoint, Wire
from edgeprint.testbed.host import PREFIX, ROUTER, ROUTER_LINK, Host
from edgeprint.testbed.profiles import Announce
from edgeprint.testbed.schedule import ticks
from edgeprint.testbed.tape import Tape

LEASE = 7200.0  # seconds; renewed after half
BROADCAST = 0xFFFFFFFFFFFF
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
HOP_BY_HOP = 0


def _rows(data: bytes, n: int) -> NDArray[np.uint8]:
    return np.tile(np.frombuffer(data, "u1"), (n, 1))


def boot(host: Host, begin: float) -> float:
    """An address by DHCP, and IPv6 autoconfiguration where the device speaks it; when the device is up."""
    name, mac, own = host.profile.name, host.mac, host.ipv4.ip
    everyone = Endpoint(BROADCAST, b"\xff" * 4)
    asking = host.tape.wire.open(Endpoint(mac, bytes(4)), everyone, UDP, 68, 67)
    answering = host.open(ROUTER, UDP, 1, 67, near_port=68)
    transaction = host.rng.integers(0, 256, 4)
    waits = (0.0, 0.04, 0.012, 0.03)
    kinds = (m.DISCOVER, m.OFFER, m.REQUEST, m.ACK)
    time = begin + np.cumsum(np.array(waits) * host.rng.uniform(0.7, 1.6, 4))
    for i, kind in enumerate(kinds):
        up = kind in (m.DISCOVER, m.REQUEST)
        payload = _rows(m.dhcp(kind, mac, own, ROUTER.ip, name), 1)
        payload[:, 4:8] = transaction
        host.tape.say(time[i : i + 1], asking if up else answering, up, payload)
    _arp_exchange(host, time[-1:] + 0.05)
    if host.profile.ipv6 != "none":
        _autoconfigure(host, time[-1] + 0.1)
    return float(time[-1]) + 1.2


def renew(host: Host, begin: float, end: float) -> None:
    """DHCP renewals, by unicast."""
    time = ticks(host.rng, begin + LEASE / 2, end, LEASE / 2, 0.001)
    args = host.mac, host.ipv4.ip, ROUTER.ip, host.profile.name
    request = _rows(m.dhcp(m.REQUEST, *args, renewing=True), len(time))
    answer = _rows(m.dhcp(m.ACK, *args, renewing=True), len(time))
    request[:, 4:8] = answer[:, 4:8] = host.rng.integers(0, 256, (len(time), 4))
    flow = host.open(ROUTER, UDP, 1, 67, near_port=68)
    host.ask(time, flow, request, answer, host.rng.uniform(0.004, 0.02, len(time)))


def _arp_exchange(host: Host, time: NDArray, *, by_device: bool = True) -> None:
    near, far = Endpoint(host.mac), Endpoint(ROUTER.mac)
    sides = [(host.mac, host.ipv4.ip), (ROUTER.mac, ROUTER.ip)]
    asker, asked = sides if by_device else sides[::-1]
    flow = host.tape.wire.open(near, far)
    host.tape.say(time, flow, by_device, m.arp(1, *asker, 0, asked[1]))
    delay = host.rng.uniform(0.0005, 0.006, len(time))
    host.tape.say(time + delay, flow, not by_device, m.arp(2, *asked, *asker))


def resolve(host: Host, begin: float, end: float) -> None:
    """ARP between device and router, asked now by one and now by the other; the same over IPv6."""
    time = ticks(host.rng, begin, end, host.profile.arp, 0.25)
    mine = host.rng.random(len(time)) < 0.5
    _arp_exchange(host, time[mine])
    _arp_exchange(host, time[~mine], by_device=False)
    if host.profile.ipv6 != "none":
        _neighbours(host, ticks(host.rng, begin, end, 2 * host.profile.arp, 0.25))


def _neighbours(host: Host, time: NDArray) -> None:
    mine, other = host.link.ip, ROUTER_LINK.ip
    flow = host.tape.wire.open(host.link, ROUTER_LINK, ICMPV6)
    request = m.neighbour_solicitation(mine, other, other, host.mac)
    host.ask(time, flow, request, m.neighbour_advertisement(other, mine, ROUTER.mac), np.array(0.001))


def _group(ip: bytes) -> Endpoint:
    return Endpoint(m.multicast_mac(ip), ip)


def _autoconfigure(host: Host, begin: float) -> None:
    """Duplicate address detection, listener reports and a router solicitation (RFC 4862)."""
    own, node = host.link.ip, m.solicited_node(host.link.ip)
    nobody = Endpoint(host.mac, bytes(16), ttl=255)
    listener = Endpoint(host.mac, own, ttl=1)
    probe = m.neighbour_solicitation(nobody.ip, node, own, host.mac)
    report = m.mld_report(own, node)
    steps = (
        (nobody, _group(node), ICMPV6, probe, 0.0),
        (listener, _group(m.MLD_REPORTS), HOP_BY_HOP, report, 0.3),
        (host.link, _group(m.ALL_ROUTERS), ICMPV6, m.router_solicitation(own, host.mac), 1.1),
        (listener, _group(m.MLD_REPORTS), HOP_BY_HOP, report, 1.6),
    )
    for near, far, proto, tail, wait in steps:
        host.tape.say(np.array([begin + wait]), host.tape.wire.open(near, far, proto), True, tail)


def keep_time(host: Host, begin: float, end: float) -> None:
    """NTP with the device's own period, after a DNS query at the start."""
    clock = host.profile.clock
    time = ticks(host.rng, begin, end, clock.period, clock.jitter)
    if not len(time):
        return
    host.lookup(clock.name, time[:1] - 0.08)
    n, far = len(time), host.server(clock.name)
    flow = host.open(far, UDP, n if clock.ephemeral else 1, 123, near_port=0 if clock.ephemeral else 123)
    request, answer = _rows(m.ntp(3, 0), n), _rows(m.ntp(4, 2), n)
    stamps = np.stack([time // 1 + NTP_EPOCH, time % 1 * (1 << 32)], 1).astype(">u4").view("u1")
    for column in (slice(24, 32), slice(32, 40), slice(40, 48)):
        answer[:, column] = stamps
    request[:, 40:] = stamps
    host.ask(time, flow, request, answer, 0.018 + host.rng.gamma(2, 0.003, n))


def ping(host: Host, begin: float, end: float) -> None:
    """Pings of the router, for devices that watch their own connection."""
    if host.profile.ping:
        time = ticks(host.rng, begin, end, host.profile.ping, 0.02)
        flow = host.open(ROUTER, ICMP, 1, 0)
        delay = host.rng.uniform(0.0003, 0.002, len(time))
        host.ask(time, flow, m.echo(False, 56), m.echo(True, 56), delay)


def announce(host: Host, kind: Announce, begin: float, end: float) -> None:
    """Multicast DNS, over IPv6 too where the device speaks it, or SSDP."""
    time = ticks(host.rng, begin, end, kind.period, kind.jitter)
    if kind.kind == "mdns":
        _mdns(host, host.ipv4, m.MDNS_4, time)
        if host.profile.ipv6 != "none":
            _mdns(host, host.link, m.MDNS_6, time)
        return
    own, target = ".".join(map(str, host.ipv4.ip)), "urn:schemas-upnp-org:device:MediaRenderer:1"
    agent = f"Linux/5.4 UPnP/1.1 {host.profile.name}/1.0"
    notify = m.ssdp_notify(f"http://{own}:8008/description.xml", target, agent)
    payload = notify if kind.kind == "notify" else m.ssdp_search(target)
    sender = Endpoint(host.mac, host.ipv4.ip, ttl=4)
    flow = host.tape.wire.open(sender, _group(m.SSDP_4), UDP, host.ports(1), 1900)
    for wait in (0.0, 0.11):  # said twice, as UDP may be lost
        host.tape.say(time + wait, flow, True, payload)


def _mdns(host: Host, near: Endpoint, group: bytes, time: NDArray) -> None:
    """A question for the device's own service and the announcement of its own."""
    service = "_tv._tcp" if host.profile.category == "media" else "_home._tcp"
    text = f"id={host.mac:012x}".encode()
    flow = host.tape.wire.open(Endpoint(near.mac, near.ip, ttl=255), _group(group), UDP, 5353, 5353)
    host.tape.say(time, flow, True, m.dns_query(f"{service}.local", m.PTR, flags=0))
    announcement = m.mdns_announcement(host.profile.name, service, near.ip, text)
    host.tape.say(time + 0.11, flow, True, announcement)


def router_day(wire: Wire, rng: np.random.Generator, begin: float, end: float) -> NDArray:
    """The router's own multicast: router advertisements and SSDP, to nobody in particular."""
    tape = Tape(wire, rng)
    flow = wire.open(ROUTER_LINK, _group(m.ALL_NODES), ICMPV6)
    advertisement = m.router_advertisement(ROUTER_LINK.ip, ROUTER.mac, PREFIX + bytes(8))
    tape.say(ticks(rng, begin, end, 240, 0.3), flow, True, advertisement)
    flow = wire.open(Endpoint(ROUTER.mac, ROUTER.ip, ttl=4), _group(m.SSDP_4), UDP, 40001, 1900)
    target = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
    notify = m.ssdp_notify("http://192.168.1.1:1900/igd.xml", target, "Linux/5.10 UPnP/1.1 router/2.1")
    tape.say(ticks(rng, begin, end, 900, 0.05), flow, True, notify)
    return tape.finish(begin, end, 0.0)


CHORES: tuple[Callable[[Host, float, float], None], ...] = (renew, resolve, keep_time, ping)
