"""Watch a network: packets in, at every tick a verdict on each device that spoke.

    watch = Watch(inventory, bank, streak=5, on_verdict=print)
    for batch in source:
        watch.take(batch)
    watch.finish()
    watch.summary()

Ticks are a hop apart and aligned to the epoch, so that they end when spectrogram frames end: one column and
one inference a device and tick. Time is that of the packets, never that of a clock. Where it goes forward by
years, the silence costs no tick; where it goes back, what was open is closed and ticks begin anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary.features import ColumnStream, SpectrogramSpec
from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import Batch
from edgeprint.edge.verdicts import Judgement, Standing, Summary, Verdict
from edgeprint.edge.watched import Watched
from edgeprint.packets.inventory import Inventory, mac_number, mac_text

MOST_STRANGERS = 64  # MACs followed one by one; a flood of made-up ones only raises a count
GROUP_BIT = np.uint64(1 << 40)  # of multicast and broadcast MACs

OnVerdict = Callable[[Verdict], None]
OnTick = Callable[[int], None]
OnColumns = Callable[[str, NDArray[np.int64], NDArray[np.float32]], None]


class Watch:
    """Watches the devices of an inventory with the models of a bank; strangers are named, not judged."""

    def __init__(
        self,
        inventory: Inventory,
        bank: Bank,
        *,
        streak: int,
        on_verdict: OnVerdict,
        on_columns: OnColumns | None = None,
        on_tick: OnTick | None = None,
    ) -> None:
        """`streak` is for models whose card names none of their own.

        `on_columns` gets each device's new frame numbers [m] and columns [m, h] as they are made, `on_tick`
        the end of a tick (ns) after its verdicts.
        """
        self._bank, self._streak = bank, streak
        self._on_verdict, self._on_columns, self._on_tick = on_verdict, on_columns, on_tick
        specs = [member.spec for member in bank.members.values()] or [SpectrogramSpec()]
        self._spec = specs[0]  # of columns that no model reads: of strangers, for a person to name
        self._watched = [self._watch(name) for name in inventory.devices]
        self._strangers: dict[int, Watched] = {}
        self.packets_beyond = 0  # of strangers beyond the most that are followed
        order = {watched.device: index for index, watched in enumerate(self._watched)}
        owners = sorted(inventory.by_mac.items())
        self._macs = np.array([mac for mac, _ in owners], "u8")
        self._owner = np.array([order[device] for _, device in owners], "i8")
        hops = [spec.hop_ns for spec in specs]
        self._step_ns = math.gcd(*hops)
        self._settled_ns = 2 * max(hops)  # after the last packet: then no frame is open
        self._tick: int | None = None  # the open one
        self._last_ns = 0
        self._now_ns = 0

    def _watch(self, device: str) -> Watched:
        member = self._bank.members.get(device)
        if member is None:
            return self._unknown(device)
        judgement = Judgement(member.threshold, member.streak or self._streak)
        return Watched(device, judgement, ColumnStream(member.spec))

    def _unknown(self, device: str, mac: str | None = None) -> Watched:
        """One without a model: its columns are made and shown, not judged."""
        judgement = Judgement(1, self._streak, Standing.UNKNOWN)
        return Watched(device, judgement, ColumnStream(self._spec), mac)

    @property
    def spec(self) -> SpectrogramSpec:
        """Of columns that no model reads."""
        return self._spec

    @property
    def everyone(self) -> list[Watched]:
        """The inventory's devices in its order, then the strangers as they appeared."""
        return [*self._watched, *self._strangers.values()]

    @property
    def clock(self) -> tuple[int | None, int, int]:
        """Begin of the open tick (None before the first), time of the last packet and of now, ns."""
        return None if self._tick is None else self._tick * self._step_ns, self._last_ns, self._now_ns

    @clock.setter
    def clock(self, times: tuple[int | None, int, int]) -> None:
        begin_ns, self._last_ns, self._now_ns = times
        self._tick = None if begin_ns is None else begin_ns // self._step_ns

    def again(self, device: str, mac: str | None) -> Watched | None:
        """A device or stranger of an earlier watch: followed from now on; None for one no longer listed."""
        if mac is None:
            return next((watched for watched in self._watched if watched.device == device), None)
        number = mac_number(mac)
        if number in self._macs or len(self._strangers) >= MOST_STRANGERS:
            return None
        return self._strangers.setdefault(number, self._unknown(device, mac))

    def take(self, batch: Batch) -> None:
        """Packets in time order, and how far time has come; closes every tick that is over."""
        if batch.now_ns < self._now_ns:
            self._begin_anew()
        self._now_ns = int(batch.now_ns)
        ticks = batch.time_ns // self._step_ns
        for tick in np.unique(ticks).tolist():
            self._close_until(tick)
            self._push(batch, ticks == tick)
        self._close_until(batch.now_ns // self._step_ns)

    def finish(self) -> None:
        """Close the ticks that are open when no packet will follow."""
        self._close_until((self._last_ns + self._settled_ns) // self._step_ns + 1)

    def _begin_anew(self) -> None:
        """The clock was set back: without this, all that comes would be late until it is where it was."""
        self.finish()
        for watched in self.everyone:
            watched.stream = ColumnStream(watched.stream.spec)
        self._tick, self._last_ns = None, 0

    def adopt(self, device: str) -> None:
        """The bank has another model of a listed device, or none any more: judge by it from now on.

        Counts go on, and so do open bins and standing where they mean the same as before.
        """
        index = next(i for i, watched in enumerate(self._watched) if watched.device == device)
        before, member = self._watched[index], self._bank.members.get(device)
        judgement = Judgement(1, self._streak, Standing.UNKNOWN)
        if member:
            judgement = Judgement(member.threshold, member.streak or self._streak)
            if before.judgement.standing is not Standing.UNKNOWN:
                judgement = judgement.as_it_was(before.judgement.standing, before.judgement.run)
        spec = member.spec if member else self._spec
        stream = before.stream if before.stream.spec == spec else ColumnStream(spec)
        self._watched[index] = replace(before, judgement=judgement, stream=stream)
        hops = [self._spec.hop_ns, *(each.spec.hop_ns for each in self._bank.members.values())]
        clock = self.clock
        self._step_ns, self._settled_ns = math.gcd(*hops), 2 * max(hops)
        self.clock = clock

    def summary(self) -> list[Summary]:
        """A row for each of `everyone`."""
        return [watched.summary() for watched in self.everyone]

    def _push(self, batch: Batch, rows: NDArray[np.bool_]) -> None:
        """Give each device its packets of one tick; a packet between two of them counts for both."""
        time_ns, src = batch.time_ns[rows], batch.src[rows]
        size = batch.wire_len[rows].astype("i8")
        sender, receiver = self._owners(src), self._owners(batch.dst[rows])
        for owner in np.setdiff1d([sender, receiver], -1).tolist():
            sent = sender == owner
            mine = sent | (receiver == owner)
            self._watched[owner].take(time_ns[mine], np.where(sent, size, -size)[mine])
        strange = (sender < 0) & (src > 0) & ((src & GROUP_BIT) == 0)  # 0: a link layer without MACs
        self._meet(src[strange])
        self._follow(time_ns, src, batch.dst[rows], size)
        self._last_ns = max(self._last_ns, int(time_ns.max()))

    def _owners(self, macs: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The watched device of each MAC [n], -1 where there is none."""
        at = np.minimum(np.searchsorted(self._macs, macs), len(self._macs) - 1)
        return np.where(self._macs[at] == macs, self._owner[at], -1)

    def _meet(self, src: NDArray[np.uint64]) -> None:
        """Count what strangers sent [k]: each of the first, all others in one sum, were they a million."""
        macs, packets = np.unique(src, return_counts=True)
        known = np.isin(macs, np.array(list(self._strangers), "u8"))
        fresh = np.flatnonzero(~known)[: MOST_STRANGERS - len(self._strangers)]
        rows = np.union1d(np.flatnonzero(known), fresh)
        self.packets_beyond += len(src) - int(packets[rows].sum())
        for mac, count in zip(macs[rows].tolist(), packets[rows].tolist(), strict=True):
            if mac not in self._strangers:
                self._strangers[mac] = self._unknown(mac_text(mac), mac_text(mac))
            self._strangers[mac].packets += count
            self._strangers[mac].spoke = True

    def _follow(
        self,
        time_ns: NDArray[np.int64],
        src: NDArray[np.uint64],
        dst: NDArray[np.uint64],
        size: NDArray[np.int64],
    ) -> None:
        """Give the strangers that are followed their packets, sent and received."""
        strangers = np.array(list(self._strangers), "u8")
        for mac in np.intersect1d(strangers, np.concatenate([src, dst])).tolist():
            sent = src == mac
            mine = sent | (dst == mac)
            self._strangers[mac].stream.push(time_ns[mine], np.where(sent, size, -size)[mine])

    def _close_until(self, tick: int) -> None:
        """Close all ticks before `tick`; silence in which nothing is open is skipped."""
        if self._tick is None:
            self._tick = tick
        while self._tick < tick:
            if self._tick * self._step_ns >= self._last_ns + self._settled_ns:
                self._tick = tick
                return
            self._tick += 1
            self._close(self._tick * self._step_ns)

    def _close(self, now_ns: int) -> None:
        """All columns that a tick has made, then all inferences, then the verdicts."""
        everyone = self.everyone
        fresh = [watched.device for watched in everyone if self._advance(watched, now_ns)]
        confidence = self._bank.predict(device for device in fresh if device in self._bank.members)
        for watched in everyone:
            unknown = watched.judgement.standing is Standing.UNKNOWN
            if watched.device in confidence or (unknown and watched.spoke):
                self._on_verdict(watched.judge(now_ns, confidence.get(watched.device)))
            watched.spoke = False
        if self._on_tick:
            self._on_tick(now_ns)

    def _advance(self, watched: Watched, now_ns: int) -> bool:
        """Move the columns that have ended into the device's ring; whether there were any."""
        frames, columns = watched.stream.advance(now_ns)
        for column in columns if watched.device in self._bank.members else ():
            self._bank.append(watched.device, column)
        watched.columns += len(frames)
        if self._on_columns and len(frames):
            self._on_columns(watched.device, frames, columns)
        return len(frames) > 0
