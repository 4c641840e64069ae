"""Who is who: what the list says, what people said since, and what a server thinks of the rest.

naming = Naming(inventory, labels, bank, pull=..., identifier=None, say=print)
naming.say(device, mac, "hue-bridge")           # from the page's thread
naming.adopt(watch, board)                      # from the agent's, between two batches
naming.identify(board)                          # at each tick
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial

from edgeprint.artifact import Artifact
from edgeprint.edge.adoption import Adoption
from edgeprint.edge.bank import Bank
from edgeprint.edge.board import Board, Device
from edgeprint.edge.confirmed import Confirmed, Said
from edgeprint.edge.identify import Identifier
from edgeprint.edge.ranking import Candidate
from edgeprint.edge.verdicts import Standing
from edgeprint.edge.watch import Watch
from edgeprint.errors import BadArtifact
from edgeprint.packets.inventory import Inventory


class Naming:
    """The inventory that is watched, and how it grows while the agent runs."""

    def __init__(
        self,
        listed: Inventory,
        labels: Iterable[Said],
        bank: Bank,
        *,
        pull: Callable[[str], Artifact | None],
        identifier: Identifier | None,
        say: Callable[[str], None],
    ) -> None:
        """`labels`: what people said in earlier runs, the oldest first; `pull` gets a model by its name."""
        self._bank, self._say, self.identifier = bank, say, identifier
        self._adoption = Adoption(pull, say=say)
        self._lock = threading.Lock()
        self._home = Confirmed(listed)
        self.labels: dict[str, str] = {}  # by device or MAC, and by what it is now
        for label in labels:
            self._take(label.device, label.mac, label.label)
        self.inventory = self._home.inventory

    @property
    def widths(self) -> dict[str, int]:
        """Columns of a first sample, by device with a model."""
        return {name: member.width for name, member in self._bank.members.items()}

    def say(self, device: str, mac: str | None, label: str) -> None:
        """A person says that the device, or the stranger of that MAC, is `label`.

        One with a model of its own keeps it: its label is for training alone.
        """
        with self._lock:
            self._take(device, mac, label)
        if device not in self._bank.members:
            known = label in self._bank.members
            (self._adoption.ready if known else self._adoption.want)(label)

    def adopt(self, watch: Watch, board: Board) -> None:
        """Watch what was said since the last batch, each by its model where that could be had."""
        arrived = self._adoption.arrived()
        if not arrived:
            return
        with self._lock:
            came = self._home.by_device({name: found for name, found in arrived.items() if found})
            self.inventory = self._home.inventory
        for device in came.keys() - self._bank.members.keys():
            try:
                self._bank.add(device, came[device])
            except BadArtifact as error:
                self._say(f"the model of {device} is not used: {error}")
        watch.follow(self.inventory)
        board.follow(self.inventory, self.widths)

    def identify(self, board: Board) -> None:
        """Offer those that stay unknown, and that nobody has named, to the server."""
        for device in board.devices() if self.identifier else ():
            # What was learnt here speaks first: a made-up address is tried on the home's own models.
            needed = board.enough * (2 if device.randomised else 1)
            if self.identifier and self._is_unknown(device) and device.columns >= needed:
                self.identifier.offer(device.name, partial(board.spectrogram, device.name))

    def candidates(self, device: Device) -> tuple[Candidate, ...]:
        """The server's, of one that is still unknown."""
        unknown = self.identifier and self._is_unknown(device)
        return self.identifier.candidates(device.name) if self.identifier and unknown else ()

    def forget(self, stranger: str) -> None:
        """One that is not followed any more."""
        if self.identifier:
            self.identifier.forget(stranger)

    def _is_unknown(self, device: Device) -> bool:
        """A laptop that is listed as one is known, though it has no model."""
        listed = self.inventory.devices.get(device.name)
        is_thing = listed is None or listed.iot
        is_told = device.name in self.labels or device.probably
        return device.verdict is Standing.UNKNOWN and is_thing and not is_told

    def _take(self, device: str, mac: str | None, label: str) -> None:
        self._home.take(device, mac, label)
        self.labels |= {device: label, label: label} if mac else {device: label}
