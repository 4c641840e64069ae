"""Whose a made-up address probably is: a device's that fell silent before it came, and whose model takes it.

    rotation = Rotation()
    rotation.could_be("06:..", strangers, devices)        # {"phone": "02:.."}: by device, its former address
    rotation.after("06:..", "phone", "02:..", 0.97, now_ns, Judgement(0.5, streak=5))
    rotation.links                                        # {"06:..": Link}

A device that makes up its address (the locally administered bit, IEEE 802 8.2) changes it, but not its ways.
It never speaks under two addresses at once, and that is what rules most devices out without any inference:
whoever sent after the new address was first heard cannot be its owner. A link takes as many hits in a row as
an alarm takes misses, and as many misses to go. It is a guess, shown as one; the person confirms it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from edgeprint.edge.verdicts import Judgement

GIVE_UP = 4  # streaks of misses, after which a device is not tried on an address any more


class Heard(NamedTuple):
    """The address under which one last sent a frame, and when it sent its first and last (ns)."""

    address: str
    first_ns: int
    last_ns: int

    def moved(self, by_ns: int) -> Heard:
        """The same by a clock that was set."""
        return Heard(self.address, self.first_ns + by_ns, self.last_ns + by_ns)


@dataclass(frozen=True)
class Link:
    """A made-up address that is probably a device's."""

    address: str
    device: str
    former: str  # the device's address that fell silent
    since_ns: int  # end of the tick in which it was told
    confidence: float  # of the last sample


class Rotation:
    """The links, and how far each device has been tried on each made-up address."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self._tried: dict[tuple[str, str], Judgement] = {}  # by address and device

    def could_be(
        self, address: str, strangers: Mapping[str, Heard], devices: Mapping[str, Heard]
    ) -> dict[str, str]:
        """Devices that may have become the address, each with its former address; none that was given up.

        `strangers` are the made-up addresses, this one among them.
        """
        found = {}
        for device, heard in devices.items():
            if heard.last_ns >= strangers[address].first_ns:  # as most have: no further question
                continue
            tried = self._tried.get((address, device))
            if tried and tried.run <= -GIVE_UP * tried.streak:
                continue
            former = self._elsewhere(device, address, strangers, devices)
            if former.last_ns < strangers[address].first_ns:
                found[device] = former.address
        return found

    def _elsewhere(
        self, device: str, address: str, strangers: Mapping[str, Heard], devices: Mapping[str, Heard]
    ) -> Heard:
        """Where the device was last heard, other than under this address or one that came after it."""
        last_ns = strangers[address].last_ns
        others = [
            strangers[link.address]
            for link in self.links.values()
            if link.device == device and link.address != address and link.address in strangers
        ]
        before = [other for other in others if other.first_ns <= last_ns]
        return max([devices[device], *before], key=lambda each: each.last_ns)

    def after(
        self,
        address: str,
        device: str,
        former: str,
        confidence: float,
        now_ns: int,
        anew: Judgement,
    ) -> None:
        """Take what the device's model, of the threshold and streak of `anew`, says of the address."""
        tried = self._tried[address, device] = self._tried.get((address, device), anew).after(confidence)
        link = self.links.get(address)
        if link and link.device == device:
            if tried.run <= -tried.streak:
                del self.links[address]
            else:
                self.links[address] = Link(address, device, link.former, link.since_ns, confidence)
        elif tried.run >= tried.streak and (link is None or confidence > link.confidence):
            self.links[address] = Link(address, device, former, now_ns, confidence)

    def cut(self, strangers: Mapping[str, Heard], devices: Mapping[str, Heard]) -> None:
        """End the links of devices that were heard elsewhere since, and forget addresses that are gone."""
        links = [link for link in self.links.values() if link.address in strangers and link.device in devices]
        self.links = {link.address: link for link in links}
        self.links = {
            link.address: link
            for link in links
            if self._elsewhere(link.device, link.address, strangers, devices).last_ns
            < strangers[link.address].first_ns
        }
        self._tried = {key: tried for key, tried in self._tried.items() if key[0] in strangers}

    def state(self) -> list[dict[str, Any]]:
        """JSON values that `restore` takes."""
        return [asdict(link) for link in self.links.values()]

    def restore(self, links: Iterable[Mapping[str, Any]]) -> None:
        """Raises TypeError for what is no state."""
        self.links = {link.address: link for link in (Link(**values) for values in links)}
