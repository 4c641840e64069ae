"""Those whom the inventory does not list: named by their MAC, counted, and followed if they made it up.

    strangers = Strangers(bank, spec, streak)
    strangers.take(time_ns, src, dst, size, strange)         # the packets of a tick
    strangers.rotate(fresh, devices, now_ns)                 # after its columns
    strangers.rotation.links                                 # {"06:..": Link}: whose an address probably is

Their columns are made for a person to name them by, and for the models of devices that may have become them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary.features import ColumnStream, SpectrogramSpec
from edgeprint.edge.bank import Bank, ColumnRing
from edgeprint.edge.rotation import Heard, Rotation
from edgeprint.edge.verdicts import Judgement, Standing
from edgeprint.edge.watched import Watched
from edgeprint.packets.inventory import mac_text

COLUMNS = 60  # kept of each where no model says how many it takes
MOST = 64  # followed one by one; a flood of made-up MACs only raises a count
FORGOTTEN_NS = 3600 * 10**9  # of silence, after which one makes room for another
MOST_TRIES = 64  # inferences a tick on made-up addresses: about as many as the devices take
GROUP_BIT = np.uint64(1 << 40)  # of multicast and broadcast MACs


class Strangers:
    """The MACs that are followed, in bounded memory."""

    def __init__(
        self,
        bank: Bank,
        spec: SpectrogramSpec,
        streak: int,
        *,
        on_forget: Callable[[str], None] | None = None,
    ) -> None:
        """`spec` of their columns, which models of other specs cannot be tried on."""
        self._bank, self._spec, self._streak, self._on_forget = bank, spec, streak, on_forget
        self._followed: dict[int, Watched] = {}
        self.packets_beyond = 0  # of those beyond the most that are followed
        self.rotation = Rotation()

    @property
    def everyone(self) -> list[Watched]:
        """As they appeared."""
        return list(self._followed.values())

    def again(self, device: str, mac: int) -> Watched | None:
        """One that an earlier run knew; None where there is no room."""
        if len(self._followed) >= MOST:
            return None
        return self._followed.setdefault(mac, self._new(device))

    def drop(self, mac: int) -> Watched | None:
        """No stranger any more."""
        return self._followed.pop(mac, None)

    def take(
        self,
        time_ns: NDArray[np.int64],
        src: NDArray[np.uint64],
        dst: NDArray[np.uint64],
        size: NDArray[np.int64],
        strange: NDArray[np.bool_],
    ) -> None:
        """Packets [n] of a tick in time order; `strange` [n]: no device sent it."""
        strange = strange & (src > 0) & ((src & GROUP_BIT) == 0)  # 0: a link layer without MACs
        if not self._followed and not strange.any():
            return
        self._meet(src[strange], int(time_ns.max()))
        for mac in {*src.tolist(), *dst.tolist()} & self._followed.keys():
            sent = src == mac
            mine = sent | (dst == mac)
            self._followed[mac].take(time_ns[mine], np.where(sent, size, -size)[mine], src[mine])

    def rotate(self, fresh: Iterable[Watched], devices: Iterable[Watched], now_ns: int) -> None:
        """Try on made-up addresses with new columns the models of devices that may have become them.

        `fresh` are those with new columns, listed or not. Who was tried least comes first.
        """
        addresses = {w.device: w.heard for w in self._followed.values() if w.is_made_up and w.heard}
        if not addresses and not self.rotation.links:
            return
        heard = {w.device: w.heard for w in devices if w.heard and w.device in self._bank.members}
        self.rotation.cut(addresses, heard)
        tries = 0
        for stranger in sorted((w for w in fresh if w.device in addresses), key=lambda w: w.tries):
            if tries < MOST_TRIES:
                tries += self._try(stranger, addresses, heard, now_ns)

    def _try(
        self, stranger: Watched, addresses: Mapping[str, Heard], heard: Mapping[str, Heard], now_ns: int
    ) -> int:
        """How many models were tried."""
        ring, before = stranger.ring, stranger.tries
        could_be = self.rotation.could_be(stranger.device, addresses, heard) if ring else {}
        for device, former in could_be.items():
            member = self._bank.members[device]
            if ring and member.spec == self._spec and ring.holds(member.width):
                anew = Judgement(member.threshold, member.streak or self._streak)
                confidence = member.confidence(ring)
                self.rotation.after(stranger.device, device, former, confidence, now_ns, anew)
                stranger.tries += 1
        return stranger.tries - before

    def _meet(self, src: NDArray[np.uint64], now_ns: int) -> None:
        """Count what strangers sent [k]: each of the first, all others in one sum, were they a million."""
        packets = Counter(src.tolist())
        if wanted := sum(mac not in self._followed for mac in packets):
            self._make_room(wanted - (MOST - len(self._followed)), now_ns)
        for mac, count in packets.items():
            if mac not in self._followed:
                if len(self._followed) >= MOST:
                    self.packets_beyond += count
                    continue
                self._followed[mac] = self._new(mac_text(mac))
            self._followed[mac].packets += count
            self._followed[mac].spoke = True

    def _make_room(self, wanted: int, now_ns: int) -> None:
        """Forget those that were silent longest, no more than are wanted, and none within the hour."""
        last_ns = {mac: w.heard.last_ns if w.heard else 0 for mac, w in self._followed.items()}
        silent = sorted((last, mac) for mac, last in last_ns.items() if last < now_ns - FORGOTTEN_NS)
        for _, mac in silent[: max(0, wanted)]:
            forgotten = self._followed.pop(mac)
            if self._on_forget:
                self._on_forget(forgotten.device)

    def _new(self, device: str) -> Watched:
        return unjudged(device, self._bank, self._spec, mac=device)


def unjudged(device: str, bank: Bank, spec: SpectrogramSpec, mac: str | None = None) -> Watched:
    """One without a model: its columns are made, shown, and kept for a model that may come."""
    alike = [member.width for member in bank.members.values() if member.spec == spec]
    ring = ColumnRing(spec.height, max(alike, default=COLUMNS))
    return Watched(device, Judgement(1, 1, Standing.UNKNOWN), ColumnStream(spec), mac, ring=ring)
