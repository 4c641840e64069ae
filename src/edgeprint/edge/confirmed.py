"""What a household says of its devices: the list it wrote, and what people confirmed since on the page.

    home = Confirmed(inventory, labels)
    home.take("06:..", mac="06:..", label="phone")      # a stranger is the phone, or a new device so named
    home.take("hub", mac=None, label="hue-bridge")      # a listed device is judged as what it is
    home.inventory, home.models                         # with the phone's address; {"hub": "hue-bridge"}

The list goes first: an address that it names later is no longer whoever people said, and a device with a
model of its own keeps it. Pure values; the labels themselves are in the agent's history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from edgeprint.packets.inventory import Device, Inventory, mac_number

NAMED_HERE = "named here"  # category of a device that only people named

T = TypeVar("T")


class Said(Protocol):
    """As `history_schema.Label`."""

    @property
    def device(self) -> str: ...
    @property
    def mac(self) -> str | None: ...
    @property
    def label(self) -> str: ...


class Confirmed:
    """The effective inventory of an agent."""

    def __init__(self, listed: Inventory, said: Iterable[Said] = ()) -> None:
        """`said`: the labels so far, the oldest first."""
        self._listed = listed
        self._owner: dict[int, str] = {}  # of addresses that the list does not name
        self._alias: dict[str, str] = {}  # of listed devices
        for label in said:
            self.take(label.device, label.mac, label.label)

    def take(self, device: str, mac: str | None, label: str) -> None:
        """A person says that the device, or the stranger of that MAC, is `label`."""
        if mac is not None:
            self._owner[mac_number(mac)] = label
        elif device in self._listed.devices:
            self._alias[device] = label
        else:
            self._owner |= {mac: label for mac, owner in self._owner.items() if owner == device}

    @property
    def inventory(self) -> Inventory:
        devices, listed = dict(self._listed.devices), self._listed.by_mac
        for mac, name in self._owner.items():
            if mac not in listed:
                before = devices.get(name, Device(name, NAMED_HERE, True, frozenset()))
                devices[name] = replace(before, macs=before.macs | {mac})
        return Inventory(devices)

    @property
    def models(self) -> dict[str, str]:
        """By device, whose model judges it where it has none of its own."""
        return {device: label for device, label in self._alias.items() if label != device}

    @property
    def wanted(self) -> list[str]:
        """Whose models this household can use."""
        return sorted({*self.inventory.iot, *self.models.values()})

    def by_device(self, found: Mapping[str, T]) -> dict[str, T]:
        """What there is under the models' names, given to the devices that use it."""
        own = {device: found[device] for device in self.inventory.devices if device in found}
        return {**{d: found[label] for d, label in self.models.items() if label in found}, **own}
