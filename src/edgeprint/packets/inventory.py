"""devices.csv: which MAC is which device, of which category, IoT or not.

    mac,device,category,iot
    02:00:00:00:00:01,camera-a,camera,1

Several MACs may carry one device: three cameras of one model are one device to the models.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from edgeprint.errors import BadInventory, UnknownDevice
from edgeprint.packets.table import DevicePackets, PacketTable

HEADER = ("mac", "device", "category", "iot")
TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
DEVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # safe as a file, model and target name


def mac_number(text: str) -> int:
    """The 48 bits of a MAC such as 02:00:00:00:00:01 (or with dashes). Raises BadInventory."""
    if not re.fullmatch(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", text):
        raise BadInventory(f"{text!r} is not a MAC address")
    return int(text.replace(":", "").replace("-", ""), 16)


@lru_cache(4096)
def mac_text(number: int) -> str:
    """The colon form of a MAC's 48 bits."""
    return ":".join(f"{(int(number) >> shift) & 255:02x}" for shift in range(40, -8, -8))


def is_randomised(mac: int) -> bool:
    """Whether the MAC is locally administered (IEEE 802, 8.2): made up by the device, not its maker's."""
    return bool(mac >> 41 & 1)


@dataclass(frozen=True)
class Device:
    name: str
    category: str
    iot: bool
    macs: frozenset[int]


@dataclass(frozen=True)
class Inventory:
    """The devices of a network by name, in the order of devices.csv."""

    devices: dict[str, Device]

    def __getitem__(self, name: str) -> Device:
        if name not in self.devices:
            raise UnknownDevice(f"device {name!r} is not in the inventory")
        return self.devices[name]

    @property
    def iot(self) -> list[str]:
        """Names of the IoT devices, sorted: the classes of the models."""
        return sorted(d.name for d in self.devices.values() if d.iot)

    @property
    def by_mac(self) -> dict[int, str]:
        return {mac: device.name for device in self.devices.values() for mac in device.macs}

    def split(self, table: PacketTable) -> dict[str, DevicePackets]:
        """Each device's own packets in time order; a packet between two devices counts for both."""
        ordered = table.in_time_order()
        found = {}
        for device in self.devices.values():
            macs = np.array(sorted(device.macs), "u8")
            sent = np.isin(ordered.src, macs)
            mine = sent | np.isin(ordered.dst, macs)
            if mine.any():
                found[device.name] = DevicePackets(device.name, ordered.select(mine), sent[mine], device.macs)
        return found

    def strangers(self, table: PacketTable) -> dict[str, int]:
        """Packets sent by each unicast MAC that no device owns; the router is usually among them."""
        known = np.array(sorted(self.by_mac), "u8")
        unicast = ((table.src >> np.uint64(40)) & np.uint64(1)) == 0
        macs, counts = np.unique(table.src[unicast & ~np.isin(table.src, known)], return_counts=True)
        return {mac_text(mac): int(n) for mac, n in zip(macs, counts, strict=True)}


def read(path: Path | str) -> Inventory:
    """Read devices.csv. Raises BadInventory with the line and value that is wrong."""
    path = Path(path)
    try:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInventory(f"{path} cannot be read: {error}") from error
    if not rows:
        raise BadInventory(f"{path} lists no device")
    lacking = [column for column in HEADER if column not in rows[0]]
    if lacking:
        raise BadInventory(
            f"{path} lacks the column {', '.join(lacking)}; its header must be {','.join(HEADER)}"
        )
    devices: dict[str, Device] = {}
    owners: dict[int, str] = {}
    for line, row in enumerate(rows, 2):
        device = _device(f"{path}, line {line}", row)
        (mac,) = device.macs
        if owners.setdefault(mac, device.name) != device.name:
            raise BadInventory(f"{path}, line {line}: {row['mac']} already belongs to {owners[mac]}")
        before = devices.get(device.name, device)
        if (before.category, before.iot) != (device.category, device.iot):
            raise BadInventory(f"{path}, line {line}: {device.name} is a {before.category} elsewhere")
        devices[device.name] = Device(device.name, device.category, device.iot, before.macs | device.macs)
    return Inventory(devices)


def _device(where: str, row: dict) -> Device:
    values = {key: (row.get(key) or "").strip() for key in HEADER}
    if not DEVICE_NAME.fullmatch(values["device"]):
        raise BadInventory(f"{where}: {values['device']!r} is not a device name (letters, digits, - and _)")
    if values["iot"].lower() not in TRUTH:
        raise BadInventory(f"{where}: iot = {values['iot']!r}, expected 1 or 0")
    try:
        mac = mac_number(values["mac"])
    except BadInventory as error:
        raise BadInventory(f"{where}: {error}") from None
    return Device(
        values["device"], values["category"] or "unknown", TRUTH[values["iot"].lower()], frozenset({mac})
    )
