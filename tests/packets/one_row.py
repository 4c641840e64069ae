"""The row that the decoder makes of one frame.

Frames are built by scapy, whose authors' reading of each protocol is not ours.
"""

import numpy as np
from scapy.layers.inet import IP, UDP
from scapy.packet import raw

from edgeprint.packets.decode import Decoder
from edgeprint.packets.frames import Frames
from edgeprint.packets.table import COLUMNS

A, B, C = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"
UDP_PACKET = IP(src="10.0.0.1", dst="10.0.0.2", ttl=77) / UDP(sport=1111, dport=2222) / b"hello"


def row(packet, link_type=1, captured=None, wire=None, malformed=0):
    """The one row of a packet, of which `captured` bytes are kept."""
    whole = raw(packet)
    data = np.frombuffer(whole[:captured], "u1")
    lengths = np.array([len(data)], "i8"), np.array([wire or len(whole)], "u4")
    frames = Frames(data, np.zeros(1, "i8"), *lengths, np.zeros(1, "i8"), np.array([link_type], "u4"))
    decoder = Decoder()
    table = decoder.decode(frames)
    assert decoder.malformed == malformed
    return {name: getattr(table, name)[0] for name in COLUMNS}


def is_udp_packet(found, at):
    values = ("ip_version", "ip_proto", "ttl", "src_port", "dst_port", "payload_offset", "payload_len")
    return [int(found[v]) for v in values] == [4, 17, 77, 1111, 2222, at + 28, 5]
