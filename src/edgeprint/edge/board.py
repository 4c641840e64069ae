"""What is known now: written by the agent's thread at each tick, read by the page, the metrics and MQTT.

    board = Board(inventory, models)
    watch = Watch(..., on_verdict=board.verdict, on_columns=board.columns)
    board.tick(now_ns, watch.summary())
    board.devices()                       # [Device, ...], the inventory's in its order, then strangers

All public functions may be called from any thread.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.edge.alarms import Alarm
from edgeprint.edge.rotation import Link
from edgeprint.edge.verdicts import Standing, Summary, Verdict
from edgeprint.packets.inventory import Inventory, is_randomised, mac_number, mac_text

RECENT = 120  # confidences of a device that its line is drawn from: a quarter of an hour at 7.5 s
STRANGER = "stranger"  # category of what the inventory does not list
MOST_ALARMS = 50  # that are over
NO_LINKS: Mapping[str, Link] = {}
COLUMNS = 60  # of a device in its picture and in a label, or as many as the widest model takes


@dataclass(frozen=True)
class Device:
    """One device or stranger as it stands; confidence in [0, 1], None where no inference was made."""

    name: str
    category: str  # STRANGER where the inventory does not list it
    macs: tuple[str, ...]
    has_model: bool
    randomised: bool  # one of its MACs was made up by the device itself
    verdict: Standing
    confidence: float | None
    run: int  # hits in a row, or misses in a row as a negative number
    packets: int
    columns: int  # of its spectrogram so far
    needed: int  # columns that make a first sample
    inferences: int
    seen_ns: int | None  # end of the last tick with a verdict
    recent: tuple[float, ...]
    probably: Link | None = None  # whose made-up address a stranger's is

    @property
    def words(self) -> str:
        """The verdict as a person would say it."""
        if self.probably:
            return f"Probably {self.probably.device} under a new made-up address"
        if self.category == STRANGER:
            return "Not in the list of devices" + (", with a made-up address" if self.randomised else "")
        if self.verdict is Standing.UNKNOWN:
            return "No model of this device yet"
        if self.verdict is Standing.RECOGNISED:
            return "Behaves like itself"
        if self.verdict is Standing.DEVIATES:
            run = self.run
            lately = f"{-run} unusual samples in a row" if run <= 0 else f"{run} usual ones since"
            return f"Does not behave like itself ({lately})"
        if self.columns < self.needed:
            return f"Not enough traffic yet: {self.columns} of {self.needed} columns"
        return "Not recognised so far"


@dataclass
class Seen:
    """What the board gathers of one device."""

    last: Verdict | None = None
    summary: Summary | None = None
    inferences: int = 0
    kept: int = COLUMNS

    def __post_init__(self) -> None:
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.columns: deque[NDArray[np.float32]] = deque(maxlen=self.kept)


class Board:
    """The household as the agent sees it."""

    def __init__(self, inventory: Inventory, widths: Mapping[str, int]) -> None:
        """`widths`: columns of a first sample, for each device that has a model."""
        self._lock = threading.Lock()
        self._inventory, self._widths = inventory, widths
        self._seen: dict[str, Seen] = {name: self._new() for name in inventory.devices}
        self._alarms: dict[tuple[str, int], Alarm] = {}
        self._links: Mapping[str, Link] = {}
        self.now_ns = 0  # end of the last tick, in the packets' time
        self.ticks = 0
        self.inferences = 0

    def verdict(self, verdict: Verdict) -> None:
        with self._lock:
            seen = self._seen.setdefault(verdict.device, self._new())
            seen.last = verdict
            if verdict.confidence is not None:
                seen.inferences += 1
                self.inferences += 1
                seen.recent.append(_finite(verdict.confidence))

    def columns(self, device: str, frames: NDArray[np.int64], columns: NDArray[np.float32]) -> None:
        """New columns [m, h] of a device.

        Copied, for they are views of an array of the whole tick: of a device that seldom speaks, each would
        keep what all others sent at that time.
        """
        with self._lock:
            self._seen.setdefault(device, self._new()).columns.extend(column.copy() for column in columns)

    def alarm(self, alarm: Alarm) -> None:
        """One that began, changed or ended; of those that ended the last are kept."""
        with self._lock:
            self._alarms[alarm.device, alarm.begin_ns] = alarm
            ended = sorted(key[::-1] for key, kept in self._alarms.items() if not kept.is_open)
            for begin_ns, device in ended[:-MOST_ALARMS]:
                del self._alarms[device, begin_ns]

    def follow(self, inventory: Inventory, widths: Mapping[str, int]) -> None:
        """Other devices and models from now on; a stranger that is one of them brings what is known of it."""
        with self._lock:
            gone = {*self._inventory.devices} - {*inventory.devices}
            before = {name: seen for name, seen in self._seen.items() if name not in gone}
            self._inventory, self._widths = inventory, widths
            guests = {
                device.name: [
                    seen for mac in sorted(device.macs) if (seen := before.pop(mac_text(mac), None))
                ]
                for device in inventory.devices.values()
            }
            listed = {name: before.pop(name, [*guests[name], Seen()][0]) for name in guests}
            self._seen = {**listed, **before}

    def forget(self, name: str) -> None:
        """A stranger that is not followed any more."""
        with self._lock:
            self._seen.pop(name, None)

    def tick(self, now_ns: int, summary: Sequence[Summary], links: Mapping[str, Link] = NO_LINKS) -> None:
        """A tick is over; `links` by address."""
        with self._lock:
            self._links = dict(links)
            self.now_ns, self.ticks = now_ns, self.ticks + 1
            for row in summary:
                self._seen.setdefault(row.device, self._new()).summary = row

    def devices(self) -> list[Device]:
        with self._lock:
            return [self._device(name, seen) for name, seen in self._seen.items()]

    def device(self, name: str) -> Device | None:
        with self._lock:
            return self._device(name, self._seen[name]) if name in self._seen else None

    def alarms(self) -> list[Alarm]:
        """The newest first."""
        with self._lock:
            return sorted(self._alarms.values(), key=lambda alarm: -alarm.begin_ns)

    def spectrogram(self, name: str) -> NDArray[np.float32] | None:
        """The device's last columns [w, h], the oldest first; None where there are none."""
        with self._lock:
            seen = self._seen.get(name)
            return np.array(seen.columns, "f4") if seen and seen.columns else None

    @property
    def enough(self) -> int:
        """Columns that make a sample of any model here."""
        return max(self._widths.values(), default=COLUMNS)

    def _new(self) -> Seen:
        return Seen(kept=max(COLUMNS, self.enough))

    def _device(self, name: str, seen: Seen) -> Device:
        listed = self._inventory.devices.get(name)
        macs = tuple(mac_text(mac) for mac in sorted(listed.macs)) if listed else (name,)
        last, row = seen.last, seen.summary
        standing = row.verdict if row else Standing.UNKNOWN
        return Device(
            name=name,
            category=listed.category if listed else STRANGER,
            macs=macs,
            has_model=name in self._widths,
            randomised=any(is_randomised(mac_number(mac)) for mac in macs),
            verdict=standing,
            confidence=None if last is None or last.confidence is None else _finite(last.confidence),
            run=last.run if last else 0,
            packets=row.packets if row else 0,
            columns=row.columns if row else 0,
            needed=self._widths.get(name, 0),
            inferences=seen.inferences,
            seen_ns=last.time_ns if last else None,
            recent=tuple(seen.recent),
            probably=self._links.get(name),
        )


def _finite(confidence: float) -> float:
    """Not a number is a miss, and no JSON either."""
    return 0.0 if math.isnan(confidence) else confidence
