"""Everybody's new address in the one home: the same for the same machine, wherever it occurs.

    addresses = Addresses(recordings)
    addresses.mac(0x7811DC000001)
    addresses.ipv4(folder, number, renewal="")
    addresses.ipv6(folder, octets, renewal="")

Listed devices get locally administered MACs in the order of the recordings; whoever carries public addresses
becomes the home's one router; other machines of the old networks stay neighbours. Private IPv4 addresses move
to one network that no source uses, by the machine that sends from them; public ones to 198.18.0.0/15
(RFC 2544) and 2001:db8:ffff::/48 (RFC 3849), one for each server and `renewal`. Group addresses stay, but for
solicited-node groups, which show the end of an address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams
from edgeprint.testbed.host import LOCAL, PREFIX, ROUTER, interface, mac_of
from edgeprint.testbed.layout import ARP, IPV4, IPV6
from edgeprint.testbed.pool import number
from edgeprint.testbed.sources import Recording

PRIVATE = ((0x0A000000, 8), (0xAC100000, 12), (0xC0A80000, 16), (0x64400000, 10))
UNTOUCHED = ((0x00000000, 8), (0x7F000000, 8), (0xE0000000, 3))  # this host, loopback, groups and broadcast
LINK_LOCAL = (0xA9FE0000, 16)
NOT_SERVERS = (*PRIVATE, *UNTOUCHED, LINK_LOCAL)
NETWORKS = [0x0A000000 + (second << 16) for second in range(200, 256)]  # 10.200.0.0/16 and on
SERVERS = 0xC6120000  # 198.18.0.0/15
SERVERS6 = bytes.fromhex("20010db8ffff") + bytes(6)
SOLICITED = bytes.fromhex("ff02000000000000000000 01ff")  # RFC 4291: followed by an address's last 24 bits
NEIGHBOUR = 0x020000010000  # MAC of the first machine that no inventory lists
Key = tuple[int, int | bytes]


def within(address: int, nets: Iterable[tuple[int, int]]) -> bool:
    """Whether an IPv4 address lies in one of the (network, prefix length)."""
    return any(address >> (32 - bits) == net >> (32 - bits) for net, bits in nets)


def sides(recording: Recording, kind: int) -> list[tuple[NDArray, NDArray]]:
    """(frames [n], places [n] in the pool) of the source and destination addresses in its headers."""
    frames = recording.frames
    layout = {IPV4: (20, 12, 16), IPV6: (40, 8, 24), ARP: (28, 14, 24)}
    size, source, destination = layout[kind]
    mine = frames[(frames["kind"] == kind) & (frames["kept"] >= frames["network"] + size)]
    start = mine["at"] + mine["network"]
    return [(mine, start + source), (mine, start + destination)]


def _talkers(recording: Recording, kind: int, side: int) -> Counter[tuple[Key, int]]:
    """How many frames each MAC has sent from (side 0) or got for (side 1) each address."""
    frames, at = sides(recording, kind)[side]
    parts = [number(recording.pool, frames["at"] + (6, 0)[side], 6), frames["folder"].astype("u8")]
    parts += [number(recording.pool, at + i, 8) for i in (0, 8)] if kind == IPV6 else []
    parts += [number(recording.pool, at, 4)] if kind != IPV6 else []
    rows, counts = np.unique(np.stack(parts, 1), axis=0, return_counts=True)
    found: Counter[tuple[Key, int]] = Counter()
    for (mac, folder, *words), count in zip(rows.tolist(), counts.tolist(), strict=True):
        address = b"".join(word.to_bytes(8, "big") for word in words) if kind == IPV6 else words[0]
        found[(folder, address), mac] = count
    return found


class Addresses:
    """New addresses for the machines in recordings; raises BadParams for more than 200 MACs of devices."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        macs = [mac for recording in recordings for mac in sorted(recording.device.macs)]
        if len(macs) > 200:
            raise BadParams(f"{len(macs)} MACs of devices: one home has room for 200")
        self._devices = {mac: mac_of(place) for place, mac in enumerate(macs)}
        senders: Counter[tuple[Key, int]] = Counter()
        self._routers: set[int] = set()
        self._machines: set[int] = set()
        seen: set[int] = set()
        for recording in recordings:
            seen |= self._census(recording, senders)
        self.machines = sorted(self._machines | set(macs))  # the old MACs of all that are in the frames
        self._owners: dict[Key, int] = {}
        for (key, mac), _ in sorted(senders.items(), key=lambda item: (item[1], item[0][1])):
            self._owners[key] = mac
        free = [net for net in NETWORKS if not any(within(address, [(net, 16)]) for address in seen)]
        if not free:
            raise BadParams("the captures use all of 10.200.0.0 to 10.255.0.0: no network is left")
        self.network = free[0]
        self._neighbours: dict[int | Key, int] = {}
        self._servers: dict[tuple[str, int], int] = {}
        self._servers6: dict[tuple[str, bytes], int] = {}
        self._ends: dict[bytes, bytes] = {}  # the last octets of IPv6 addresses, for solicited-node groups
        for folder, address in self._owners:
            if isinstance(address, bytes):
                self._ends[address[-3:]] = self.ipv6(folder, address)[-3:]

    def _census(self, recording: Recording, senders: Counter[tuple[Key, int]]) -> set[int]:
        """Count who sends from which address, find machines and routers; all IPv4 addresses seen."""
        seen: set[int] = set()
        for side in (0, 6):
            macs = np.unique(number(recording.pool, recording.frames["at"] + side, 6)).tolist()
            self._machines |= {mac for mac in macs if mac and not mac >> 40 & 1}
        for kind in (IPV4, ARP, IPV6):
            source, destination = (_talkers(recording, kind, side) for side in (0, 1))
            senders.update(source)
            pairs = [(mac, key[1]) for key, mac in (*source, *destination) if isinstance(key[1], int)]
            seen |= {address for _, address in pairs}
            outside = {mac for mac, address in pairs if not within(address, NOT_SERVERS)}
            self._routers |= {mac for mac in outside - set(self._devices) if not mac >> 40 & 1}
        return seen

    def mac(self, old: int) -> int:
        """A machine's new MAC; groups keep theirs."""
        if old >> 40 & 1:
            if old >> 24 != 0x3333FF:
                return old
            end = self._solicited((old & 0xFFFFFF).to_bytes(3, "big"))
            return 0x3333FF000000 | int.from_bytes(end, "big")
        if old in self._devices:
            return self._devices[old]
        return ROUTER.mac if old in self._routers or old == 0 else NEIGHBOUR + self._neighbour(old)

    def ipv4(self, folder: int, old: int, renewal: str = "") -> int:
        """The new IPv4 address; a server's depends on `renewal`."""
        if within(old, UNTOUCHED):
            return old
        if within(old, [LINK_LOCAL]):
            return LINK_LOCAL[0] | (256 + self._neighbour((folder, old)) & 0xFFFF)
        if not within(old, PRIVATE):
            known = self._servers.setdefault((renewal, old), len(self._servers))
            return SERVERS + 1 + known % 0x1FFFE
        owner = self._owners.get((folder, old))
        if owner is None:
            last = old & 255 == 255
            return self.network + (0xFFFF if last else 0x400 + self._neighbour((folder, old)))
        if owner in self._devices:
            return self.network + 20 + self._devices[owner] - mac_of(0)
        return self.network + (1 if owner in self._routers else 0x400 + self._neighbour(owner))

    def ipv6(self, folder: int, old: bytes, renewal: str = "") -> bytes:
        """The new IPv6 address [16 octets]; a server's depends on `renewal`."""
        if old[0] == 0xFF:
            return old[:13] + self._solicited(old[13:]) if old[:13] == SOLICITED else old
        if old[:15] == bytes(15):  # unspecified, loopback
            return old
        owner = self._owners.get((folder, old))
        if old[0] == 0xFE and old[1] & 0xC0 == 0x80:
            known = NEIGHBOUR + self._neighbour((folder, old)) if owner is None else self.mac(owner)
            return LOCAL + interface(known)
        if owner is not None and owner not in self._routers:
            return PREFIX + interface(self.mac(owner))
        place = self._servers6.setdefault((renewal, old), len(self._servers6))
        return SERVERS6 + (place + 1).to_bytes(4, "big")

    def _solicited(self, end: bytes) -> bytes:
        if end not in self._ends:
            self._ends[end] = (0x010000 + self._neighbour((-1, end))).to_bytes(3, "big")
        return self._ends[end]

    def _neighbour(self, key: int | Key) -> int:
        return self._neighbours.setdefault(key, len(self._neighbours))
