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

from edgeprint.binary.features import ColumnStream, SpectrogramSpec, advance_all, push_all
from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import NOTHING, Batch, Packets
from edgeprint.edge.strangers import Strangers, unjudged
from edgeprint.edge.verdicts import Judgement, Standing, Summary, Verdict
from edgeprint.edge.watched import Watched
from edgeprint.packets.inventory import Inventory, mac_number

MOST_WAITING = 4096  # packets of an open tick that are kept to be counted together

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
        on_forget: Callable[[str], None] | None = None,
    ) -> None:
        """`streak` is for models whose card names none of their own.

        `on_columns` gets each device's new frame numbers [m] and columns [m, h] as they are made, `on_tick`
        the end of a tick (ns) after its verdicts, `on_forget` a stranger that is not followed any more.
        """
        self._bank, self._streak = bank, streak
        self._on_verdict, self._on_columns, self._on_tick = on_verdict, on_columns, on_tick
        specs = [member.spec for member in bank.members.values()] or [SpectrogramSpec()]
        self._spec = specs[0]  # of columns that no model reads: of strangers, for a person to name
        self.strangers = Strangers(bank, self._spec, streak, on_forget=on_forget)
        self._watched: list[Watched] = []
        self._step_ns = 1
        self._tick: int | None = None  # the open one
        self._last_ns = 0
        self._now_ns = 0
        self._waiting: list[Packets] = []
        self.follow(inventory)

    def follow(self, inventory: Inventory) -> None:
        """Watch these devices from now on; whoever was watched before, listed or not, goes on."""
        self.settle()
        clock, before = self.clock, {watched.device: watched for watched in self._watched}
        self._watched = [
            self._watch(device.name, before.get(device.name), [*map(self.strangers.drop, device.macs)])
            for device in inventory.devices.values()
        ]
        order = {watched.device: index for index, watched in enumerate(self._watched)}
        owners = sorted(inventory.by_mac.items())
        self._macs = np.array([mac for mac, _ in owners], "u8")
        self._owner = np.array([order[device] for _, device in owners], "i8")
        self._time_ticks()
        self.clock = clock

    def _time_ticks(self) -> None:
        """Ticks as far apart as the models' frames, all of them; and whose columns are made together."""
        hops = [spec.hop_ns for spec in {self._spec, *(m.spec for m in self._bank.members.values())}]
        self._step_ns = math.gcd(*hops)
        self._settled_ns = 2 * max(hops)  # after the last packet: then no frame is open
        specs = [watched.stream.spec for watched in self._watched]
        self._alike = {spec: np.array([each == spec for each in specs]) for spec in {*specs}}

    def _watch(self, device: str, before: Watched | None, strangers: list[Watched | None]) -> Watched:
        """A device as it was, or with what is known of the strangers that it turned out to be."""
        member, guests = self._bank.members.get(device), [guest for guest in strangers if guest]
        known = before or next(iter(guests), None) or unjudged(device, self._bank, self._spec)
        if member is None:
            return replace(known, device=device, mac=None)
        for one in [known, *(guest for guest in guests if guest is not known)]:
            if one.ring and one.stream.spec == member.spec:
                for column in one.ring.last():
                    member.ring.append(column)
        if known is before and not known.ring:
            return known
        stream = known.stream if known.stream.spec == member.spec else ColumnStream(member.spec)
        judgement = Judgement(member.threshold, member.streak or self._streak)
        return replace(known, device=device, mac=None, judgement=judgement, stream=stream, ring=None)

    @property
    def spec(self) -> SpectrogramSpec:
        """Of columns that no model reads."""
        return self._spec

    @property
    def everyone(self) -> list[Watched]:
        """The inventory's devices in its order, then the strangers as they appeared."""
        return [*self._watched, *self.strangers.everyone]

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
        return None if number in self._macs else self.strangers.again(device, number)

    def take(self, batch: Batch) -> None:
        """Packets in time order, and how far time has come; closes every tick that is over."""
        if batch.now_ns < self._now_ns:
            first_ns = int(batch.time_ns.min(initial=batch.now_ns))
            self._begin_anew(moved_ns=first_ns - 1 - self._now_ns)
        self._now_ns, tick = int(batch.now_ns), int(batch.now_ns) // self._step_ns
        self._waiting.append(Packets(batch.time_ns, batch.wire_len, batch.src, batch.dst))
        if tick != self._tick:
            rest = self._settle(before=tick)
            self._close_until(tick)
            self._waiting = [rest]
        elif sum(len(packets.time_ns) for packets in self._waiting) > MOST_WAITING:
            self.settle()

    def settle(self) -> None:
        """Count the packets that wait for their tick to end: a tick's cost little more than a batch's."""
        self._settle()

    def _settle(self, before: int | None = None) -> Packets:
        """Count those that wait, of ticks before that one; the others, which nobody waits with any more."""
        packets = Packets(*map(np.concatenate, zip(NOTHING, *self._waiting, strict=True)))
        self._waiting = []
        ticks = packets.time_ns // self._step_ns
        for tick in sorted({*ticks[:1].tolist(), *ticks[1:][ticks[1:] != ticks[:-1]].tolist()}):
            if before is not None and tick >= before:
                return packets.select(ticks >= before)
            self._close_until(tick)
            self._push(packets.select(ticks == tick))
        return NOTHING

    def finish(self) -> None:
        """Close the ticks that are open when no packet will follow."""
        self.settle()
        self._close_until((self._last_ns + self._settled_ns) // self._step_ns + 1)

    def _begin_anew(self, moved_ns: int) -> None:
        """The clock was set back: without this, all that comes would be late until it is where it was."""
        self.finish()
        for watched in self.everyone:
            watched.stream = ColumnStream(watched.stream.spec)
            watched.heard = watched.heard.moved(moved_ns) if watched.heard else None
        self._tick, self._last_ns = None, 0

    def adopt(self, device: str) -> None:
        """The bank has another model of a listed device, or none any more: judge by it from now on.

        Counts go on, and so do open bins and standing where they mean the same as before.
        """
        self.settle()
        index = next(i for i, watched in enumerate(self._watched) if watched.device == device)
        before, member = self._watched[index], self._bank.members.get(device)
        judgement = Judgement(1, self._streak, Standing.UNKNOWN)
        if member:
            judgement = Judgement(member.threshold, member.streak or self._streak)
            if before.judgement.standing is not Standing.UNKNOWN:
                judgement = judgement.as_it_was(before.judgement.standing, before.judgement.run)
        spec = member.spec if member else self._spec
        stream = before.stream if before.stream.spec == spec else ColumnStream(spec)
        ring = None if member else unjudged(device, self._bank, self._spec).ring
        self._watched[index] = replace(before, judgement=judgement, stream=stream, ring=ring)
        clock = self.clock
        self._time_ticks()
        self.clock = clock

    def summary(self) -> list[Summary]:
        """A row for each of `everyone`."""
        self.settle()
        return [watched.summary() for watched in self.everyone]

    def _push(self, packets: Packets) -> None:
        """Give each device its packets of one tick; a packet between two of them counts for both."""
        time_ns, src, size = packets.time_ns, packets.src, packets.wire_len.astype("i8")
        sender, receiver = np.split(self._owners(np.concatenate([src, packets.dst])), 2)
        sent, got = np.flatnonzero(sender >= 0), np.flatnonzero((receiver >= 0) & (receiver != sender))
        owner, rows = np.concatenate([sender[sent], receiver[got]]), np.concatenate([sent, got])
        self._take(owner, time_ns[rows], np.concatenate([size[sent], -size[got]]))
        last, first = (
            dict(zip(sender[some].tolist(), some.tolist(), strict=True)) for some in (sent, sent[::-1])
        )
        for index, row in last.items():
            self._watched[index].hear(int(src[row]), int(time_ns[first[index]]), int(time_ns[row]))
        self.strangers.take(time_ns, src, packets.dst, size, sender < 0)
        self._last_ns = max(self._last_ns, int(time_ns.max()))

    def _take(self, owner: NDArray[np.int64], time_ns: NDArray[np.int64], size: NDArray[np.int64]) -> None:
        """Packets [k] of devices by their index, signed as they sent or received them."""
        streams = [watched.stream for watched in self._watched]
        for alike in self._alike.values():
            theirs = alike[owner]
            push_all(streams, owner[theirs], time_ns[theirs], size[theirs])
        for index, packets in enumerate(np.bincount(owner).tolist()):
            if packets:
                self._watched[index].packets += packets
                self._watched[index].spoke = True

    def _owners(self, macs: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The watched device of each MAC [n], -1 where there is none."""
        at = np.minimum(np.searchsorted(self._macs, macs), len(self._macs) - 1)
        return np.where(self._macs[at] == macs, self._owner[at], -1)

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
        fresh = self._advance(now_ns)
        confidence = self._bank.predict(w.device for w in fresh if w.device in self._bank.members)
        for watched in everyone:
            unknown = watched.judgement.standing is Standing.UNKNOWN
            if watched.device in confidence or (unknown and watched.spoke):
                self._on_verdict(watched.judge(now_ns, confidence.get(watched.device)))
            watched.spoke = False
        self.strangers.rotate(fresh, self._watched, now_ns)
        if self._on_tick:
            self._on_tick(now_ns)

    def _advance(self, now_ns: int) -> list[Watched]:
        """Move the columns that have ended into the devices' rings; who has any."""
        groups = {
            spec: [self._watched[row] for row in np.flatnonzero(alike)] for spec, alike in self._alike.items()
        }
        groups.setdefault(self._spec, []).extend(self.strangers.everyone)
        return [
            watched
            for group in groups.values()
            for watched, ended in zip(group, advance_all([w.stream for w in group], now_ns), strict=True)
            if self._grow(watched, *ended)
        ]

    def _grow(self, watched: Watched, frames: NDArray[np.int64], columns: NDArray[np.float32]) -> bool:
        """Take new columns [m, h]; whether there are any."""
        if not len(frames):
            return False
        member = self._bank.members.get(watched.device)
        if ring := member.ring if member else watched.ring:
            for column in columns:
                ring.append(column)
        watched.columns += len(frames)
        if self._on_columns:
            self._on_columns(watched.device, frames, columns)
        return True
