"""Frames of every link type and header that the decoder reads, whole and damaged, made by scapy.

They stand in for real captures where these are not at hand.
"""

from random import Random

from capture_bytes import Captured, pcap
from one_row import UDP_PACKET, A, B, C
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.dot11 import LLC, Dot11, Dot11Beacon, Dot11QoS, RadioTap
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.packet import raw

QUERY = DNS(id=1, qd=DNSQR(qname="Cam.Example.COM", qtype="AAAA"))
ANSWER = DNS(
    id=1, qr=1, qd=DNSQR(qname="cam.example.com"), an=DNSRR(rrname="cam.example.com", rdata="1.2.3.4")
)
TCP_SEGMENT = (
    TCP(sport=443, dport=50000, flags="PAE", window=777, options=[("NOP", None)] * 4) / b"hello world"
)
HEADERS = IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting(addresses=["::1", "::2"]) / IPv6ExtHdrDestOpt()
ADDRESS = bytes.fromhex(A.replace(":", "")) + bytes(2)


def tcp_dns(*messages: DNS) -> bytes:
    return b"".join(len(raw(message)).to_bytes(2, "big") + raw(message) for message in messages)


def wireless(**fields) -> Dot11:
    return Dot11(type=2, addr1=A, addr2=B, addr3=C, addr4="02:00:00:00:00:0d", **fields)


NETWORK = [
    UDP_PACKET,
    IP(src="10.0.0.1", dst="10.0.0.2", flags="DF", ttl=3) / TCP_SEGMENT,
    IP(options=b"\x94\x04\x00\x00") / UDP(sport=1111, dport=53) / QUERY,
    IP() / UDP(sport=53, dport=1111) / ANSWER,
    IP() / TCP(sport=4000, dport=53, flags="PA") / tcp_dns(QUERY, ANSWER),
    IP() / ICMP() / b"ping",
    IP(flags="MF", proto=17) / UDP(sport=5, dport=6, len=3000) / bytes(80),
    IP(frag=10, proto=17) / bytes(100),
    IPv6(hlim=9) / UDP(sport=1, dport=2) / b"abc",
    IPv6() / TCP_SEGMENT,
    IPv6() / HEADERS / AH(nh=17, payloadlen=4, icv=bytes(12)) / UDP(sport=1, dport=53) / QUERY,
    IPv6() / IPv6ExtHdrFragment(offset=5, nh=17) / bytes(24),
    IPv6() / IPv6ExtHdrFragment(m=1, nh=17) / UDP(sport=8, dport=9, len=64) / bytes(32),
    IPv6() / ICMPv6EchoRequest() / b"ping",
]
SNAPPED = LLC() / SNAP() / UDP_PACKET
FRAMES = {  # by link type
    0: [Loopback(type=2) / NETWORK[0], Loopback(type=30) / NETWORK[8]],
    1: [
        *(Ether(src=A, dst=B) / packet for packet in NETWORK),
        Ether(src=A, dst=B) / Dot1Q(vlan=5, prio=7) / UDP_PACKET,
        Ether(src=A, dst=B) / Dot1AD(vlan=100) / Dot1Q(vlan=7) / NETWORK[9],
        Ether(src=A, dst=B) / ARP(),
        Ether(src=A, dst=B, type=41) / LLC() / SNAP() / UDP_PACKET,
        Ether(src=A, dst=B) / IP(len=28) / UDP(len=8) / bytes(18),
    ],
    101: NETWORK,
    105: [
        *(wireless(FCfield=direction) / SNAPPED for direction in range(4)),
        wireless(subtype=8, FCfield=1) / Dot11QoS() / SNAPPED,
        wireless(FCfield=64 + 1) / b"encrypted",
        Dot11(type=0, subtype=8, addr1=A, addr2=B, addr3=C) / Dot11Beacon(),
        wireless(FCfield=1, SC=3) / SNAPPED,  # a later fragment
        wireless(FCfield=1) / LLC() / SNAP(OUI=0x00000C, code=0x2000) / b"CDP",
        Dot11(type=0, subtype=8, FCfield=3, addr1=A, addr2=B, addr3=C, addr4=B) / Dot11Beacon(),
        Dot11(type=1, subtype=13, addr1=A),
        Dot11(type=1, subtype=11, addr1=A, addr2=B),
    ],
    113: [CookedLinux(lladdrlen=6, src=ADDRESS, proto=0x800) / packet for packet in NETWORK[:4]],
    127: [RadioTap(present="TSFT+Flags", mac_timestamp=1) / wireless(FCfield=1) / SNAPPED],
    276: [CookedLinuxV2(lladdrlen=6, src=ADDRESS, proto=0x86DD) / packet for packet in NETWORK[8:11]],
}  # fmt: skip

AGGREGATE = raw(wireless(subtype=8, FCfield=1) / Dot11QoS(A_MSDU_Present=1)) + ADDRESS[:6] * 2 + b"\x00\x29"
ODD = {  # what the readers differ in by design, by link type
    0: [raw(Loopback(type=30) / IP() / UDP())],
    1: [
        raw(Ether(src=A, dst=B) / IP() / UDP() / DNS(opcode=4, qd=DNSQR(qname="zone.example"))),
        raw(Ether(src=A, dst=B) / IP(len=30) / TCP_SEGMENT),  # the header goes on behind the packet
    ],
    101: [Captured(0, raw(NETWORK[2])[:21], len(NETWORK[2])), Captured(0, raw(NETWORK[1])[:4], 55)],
    105: [
        AGGREGATE + raw(SNAPPED),
        raw(wireless(FCfield=1 + 2 + 4))[:24] + raw(SNAPPED),
        b"\x14" + raw(wireless() / SNAPPED)[1:],  # a control frame of a kind that is reserved
    ],
    127: [raw(RadioTap(present="TSFT+Flags", Flags="FCS") / wireless(FCfield=1) / SNAPPED)],
}


def captures(damaged: int = 0, seed: int = 0) -> dict[int, bytes]:
    """A pcap a link type: each frame whole, and cut or with bytes changed `damaged` times.

    DNS over TCP is not damaged: the copies would repeat its segment, whose questions count once.
    """
    chance = Random(seed)
    found = {}
    for link_type, packets in FRAMES.items():
        frames = [Captured(0, raw(packet)) for packet in packets]
        frames += [odd if isinstance(odd, Captured) else Captured(0, odd) for odd in ODD.get(link_type, ())]
        single = [raw(packet) for packet in packets if not (TCP in packet and packet[TCP].dport == 53)]
        frames += [damage(frame, chance) for frame in single for _ in range(damaged)]
        timed = [Captured(10**18 + i * 1000, frame.data, frame.wire) for i, frame in enumerate(frames)]
        found[link_type] = pcap(timed, link_type=link_type)
    return found


def damage(frame: bytes, chance: Random) -> Captured:
    """The frame with some bytes changed, cut now and then."""
    changed = bytearray(frame)
    for _ in range(chance.choice([0, 1, 1, 2, 5])):
        changed[chance.randrange(len(changed))] = chance.choice([0, 1, 255, chance.randrange(256)])
    kept = chance.randrange(len(frame) + 1) if chance.random() < 0.3 else len(frame)
    return Captured(0, bytes(changed[:kept]), chance.choice([len(frame), len(frame), kept]))
