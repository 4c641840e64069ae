"""What tshark reads in a capture, packet by packet, in the columns of the PacketTable.

tshark dissects the layers of which the table has columns and no others, so that neither the packet quoted in
an ICMP error nor a tunnel's inner packet is mixed with the outer one, and nothing is put together from
several packets.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from second_reader import Question, Row

from edgeprint.packets.inventory import mac_number
from edgeprint.packets.table import TCP, UDP

FIELDS = """
frame.protocols frame.encap_type frame.time_epoch frame.len eth.src eth.dst
wlan.sa wlan.da wlan.ta wlan.ra wlan.fc.version wlan.fc.type_subtype wlan.fc.ds
wlan.qos.amsdupresent radiotap.flags.fcs sll.src.eth
vlan.id ieee8021ad.id eth.type vlan.etype ieee8021ah.etype llc.type sll.etype
ip.proto ip.ttl ip.flags.df ip.dst ip.len ip.hdr_len ip.frag_offset
ipv6.nxt ipv6.hlim ipv6.dst ipv6.plen ipv6.hopopts.nxt ipv6.hopopts.len ipv6.dstopts.nxt ipv6.dstopts.len
ipv6.routing.nxt ipv6.routing.len ipv6.opt.jumbo ipv6.fraghdr.nxt ipv6.fraghdr.offset ah.next_header ah.length
tcp.srcport tcp.dstport tcp.window_size_value tcp.flags tcp.urgent_pointer tcp.len tcp.hdr_len tcp.payload
udp.srcport udp.dstport udp.length udp.checksum udp.payload data.data
dns.flags.response dns.flags.opcode dns.count.queries dns.qry.name dns.qry.type
""".split()  # noqa: SIM905
LAYERS = """
eth vlan ieee8021ad sll null raw loop wlan wlan_radio radiotap llc ip ipv6 ipv6.hopopts ipv6.dstopts
ipv6.fraghdr ipv6.routing ah mipv6 tcp udp dns data
""".split()  # noqa: SIM905
ONE_PACKET_AT_A_TIME = [
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "tcp.no_subdissector_on_error:FALSE",
    "wlan.defragment:FALSE",
    "ipv6.tso_support:TRUE",
]
AGGREGATOR = "\x1f"
EXTENSIONS = {  # layer: fields of its next header and length, bytes of a unit, units not counted
    "ipv6.hopopts": ("ipv6.hopopts.nxt", "ipv6.hopopts.len", 8, 1),
    "ipv6.dstopts": ("ipv6.dstopts.nxt", "ipv6.dstopts.len", 8, 1),
    "ipv6.routing": ("ipv6.routing.nxt", "ipv6.routing.len", 8, 1),
    "ipv6.fraghdr": ("ipv6.fraghdr.nxt", None, 8, 1),
    "ah": ("ah.next_header", "ah.length", 4, 2),
}
TAGS = {"vlan": ("vlan.id", "vlan.etype"), "ieee8021ad": ("ieee8021ad.id", "ieee8021ah.etype")}
TRUE = ("1", "True")  # tshark up to 4.0 and after
WORDS = {"<Root>": ""}  # of tshark, for a name


def needs_tshark() -> str:
    """The path of tshark; the test that asks is skipped where there is none."""
    return shutil.which("tshark") or pytest.skip("needs tshark (Debian: apt-get install tshark)")


def settings(folder: Path) -> dict[str, str]:
    """The environment of a tshark without the user's settings, that knows only LAYERS."""
    known = subprocess.run([needs_tshark(), "-G", "protocols"], capture_output=True, text=True, check=True)
    names = [line.split("\t")[2] for line in known.stdout.splitlines()]
    folder.mkdir(exist_ok=True)
    off = [name for name in names if name not in (*LAYERS, "frame") and not name.startswith("_ws")]
    (folder / "disabled_protos").write_text("\n".join(off) + "\n")
    return {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder)}


def fields(path: Path, names: list[str], *, options: list[str] = (), env=None) -> Iterator[list[list[str]]]:
    """The values of these fields in each packet of a capture, each a list of all its occurrences."""
    command = [needs_tshark(), "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t"]
    command += ["-E", "occurrence=a", "-E", f"aggregator={AGGREGATOR}", *options]
    command += [word for name in names for word in ("-e", name)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
    ) as run:
        for line in run.stdout:
            yield [value.split(AGGREGATOR) if value else [] for value in line.rstrip("\n").split("\t")]
    assert run.returncode == 0, f"tshark ended with {run.returncode} on {path}"


def rows(path: Path, env: dict[str, str]) -> Iterator[Row]:
    """tshark's reading of each packet; pcapng's records that are no packets are left out."""
    options = [word for setting in ONE_PACKET_AT_A_TIME for word in ("-o", setting)]
    for values in fields(path, FIELDS, options=options, env=env):
        words = Words(zip(FIELDS, values, strict=True))
        if words["frame.encap_type"]:
            yield words.row()


class Words(dict[str, list[str]]):
    """The fields of one packet: lists of strings, the outermost first."""

    def number(self, name: str, nth: int = 0) -> int:
        return int(self[name][nth], 0) if len(self[name]) > nth else 0

    def true(self, name: str) -> bool:
        return self[name][:1] in (["1"], ["True"])  # up to tshark 4.0 and after

    def mac(self, *names: str) -> int:
        return next((mac_number(self[name][0]) for name in names if self[name]), 0)

    def row(self) -> Row:
        layers = self["frame.protocols"][0].split(":") if self["frame.protocols"] else []
        at = next((i for i, layer in enumerate(layers) if layer in ("ip", "ipv6")), len(layers))
        ip, behind = self.ip(layers[at:])
        transport = self.transport(behind, ip["payload_len"])
        if ip["ip_proto"] in (TCP, UDP) and not self.later_fragment and not transport["has_ports"]:
            transport["payload_len"] = 0  # behind a header that is cut
        columns = {"time_ns": self.time_ns(), "wire_len": self.number("frame.len")}
        columns |= self.link(layers[:at], layers[at : at + 1]) | ip | transport
        columns["payload_len"] = max(columns["payload_len"], 0)
        dns = 53 in (transport["src_port"], transport["dst_port"])
        payload = self.payload(behind, columns["payload_len"]) if ip["ip_version"] else b""
        return Row(columns, payload, self.questions() if dns else [], self)

    def time_ns(self) -> int:
        """A pcapng simple packet has no time."""
        seconds, rest = self["frame.time_epoch"][0].split(".") if self["frame.time_epoch"] else ("0", "0")
        nanoseconds = int(rest.ljust(9, "0"))
        return int(seconds) * 10**9 + (-nanoseconds if seconds.startswith("-") else nanoseconds)

    @property
    def later_fragment(self) -> bool:
        return self.number("ip.frag_offset") > 0 or self.number("ipv6.fraghdr.offset") > 0

    def link(self, layers: list[str], network: list[str]) -> dict[str, int]:
        fields = ("eth.type",) if "eth" in layers else ("sll.etype", "llc.type")
        kinds = [self.number(name) for name in fields if self[name]]
        if not {"eth", "wlan"} & {*layers}:  # some link types tell the kind by other numbers, or not at all
            kinds += [{"ip": 0x0800, "ipv6": 0x86DD}[layer] for layer in network]
        ethertype = kinds[0] if kinds else 0
        tags = [layer for layer in layers if layer in TAGS]
        vlan = 0
        if tags:
            tag, following = TAGS[tags[-1]]
            nth = tags.count(tags[-1]) - 1
            vlan, ethertype = self.number(tag, nth), self.number(following, nth)
        addressed = {"eth", "wlan", "sll"} & {*layers}  # by the link layer, not by a frame inside IP
        return {
            "src": self.mac("eth.src", "wlan.sa", "wlan.ta", "sll.src.eth") if addressed else 0,
            "dst": self.mac("eth.dst", "wlan.da", "wlan.ra") if addressed else 0,
            "vlan": vlan,
            "ethertype": ethertype if ethertype >= 1536 else 0,
        }

    def ip(self, layers: list[str]) -> tuple[dict[str, int], list[str]]:
        """The columns of the outer IP header if all of it was captured, and the layers behind it."""
        version = {"ip": 4, "ipv6": 6}[layers[0]] if layers else 0
        if version == 4 and self["ip.dst"]:
            payload_len = self.number("ip.len") - self.number("ip.hdr_len")
            df = self.true("ip.flags.df")
            found = {"ip_proto": self.number("ip.proto"), "ttl": self.number("ip.ttl")}
            return {"ip_version": 4, **found, "df": df, "payload_len": payload_len}, layers[1:]
        if version == 6 and self["ipv6.dst"]:
            protocol, payload_len, behind = self.behind_extensions(layers[1:])
            found = {"ip_proto": protocol, "ttl": self.number("ipv6.hlim")}
            return {"ip_version": 6, **found, "df": False, "payload_len": payload_len}, behind
        return {"ip_version": 0, "ip_proto": 0, "ttl": 0, "df": False, "payload_len": 0}, []

    def behind_extensions(self, layers: list[str]) -> tuple[int, int, list[str]]:
        """(protocol, length, layers) behind IPv6's extension headers."""
        protocol = self.number("ipv6.nxt")
        length = self.number("ipv6.plen") or self.number("ipv6.opt.jumbo")
        for at, layer in enumerate(layers):
            if layer not in EXTENSIONS:
                return protocol, length, layers[at:]
            following, units, size, uncounted = EXTENSIONS[layer]
            nth = layers[:at].count(layer)
            if len(self[following]) <= nth:
                break
            protocol = self.number(following, nth)
            length -= size * ((self.number(units, nth) if units else 0) + uncounted)
        return protocol, length, []

    def transport(self, layers: list[str], room: int) -> dict[str, int]:
        """The columns of a TCP or UDP header if all of it was captured: its last field is there."""
        if layers[:1] == ["tcp"] and self["tcp.urgent_pointer"]:
            ports = {"src_port": self.number("tcp.srcport"), "dst_port": self.number("tcp.dstport")}
            window, flags = self.number("tcp.window_size_value"), self.number("tcp.flags") % 256
            whole = self["tcp.len"]  # not told of fragments
            payload_len = self.number("tcp.len") if whole else room - self.number("tcp.hdr_len")
        elif layers[:1] == ["udp"] and self["udp.checksum"]:
            ports = {"src_port": self.number("udp.srcport"), "dst_port": self.number("udp.dstport")}
            window, flags = 0, 0
            claimed = self.number("udp.length") or room  # 0: of a jumbogram
            payload_len = min(claimed, room) - 8  # a fragment has a part of its datagram
        else:
            return {"has_ports": False, "src_port": 0, "dst_port": 0, "tcp_window": 0, "tcp_flags": 0}
        return {
            "has_ports": True,
            **ports,
            "tcp_window": window,
            "tcp_flags": flags,
            "payload_len": payload_len,
        }

    def payload(self, layers: list[str], length: int) -> bytes | None:
        """None where a layer that is no transport's, or none, follows."""
        name = {"tcp": "tcp.payload", "udp": "udp.payload", "data": "data.data"}.get("".join(layers[:1]))
        if name is None:
            return None
        return bytes.fromhex(self[name][0])[:length] if self[name] else b""

    def questions(self) -> list[Question]:
        """The messages of one TCP segment stand one after the other, each with its number of questions."""
        found: list[Question] = []
        asked = list(zip(self["dns.qry.name"], self["dns.qry.type"], strict=False))
        for answered, count in zip(self["dns.flags.response"], self["dns.count.queries"], strict=False):
            here, asked = asked[: int(count)], asked[int(count) :]
            response = answered in TRUE
            found += [(WORDS.get(name, name.lower()), int(kind), response) for name, kind in here]
        return found
