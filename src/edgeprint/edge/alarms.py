"""Alarms: from when to when a device was not itself. One alarm a deviation, however many ticks it lasts.

    book = AlarmBook()
    alarm = book.after(verdict)      # the alarm that this verdict began, changed or ended; None otherwise

A deviation begins with the first miss of its streak and is noticed when the streak is long enough; both times
are kept. What decides is `verdicts.Judgement`; nothing is judged here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from edgeprint.edge.verdicts import Standing, Verdict


@dataclass(frozen=True)
class Alarm:
    """One deviation of one device; `end_ns` is None while it lasts."""

    device: str
    begin_ns: int  # end of the tick of the first miss
    noticed_ns: int  # end of the tick in which the streak was long enough
    end_ns: int | None
    longest: int  # misses in a row
    lowest: float  # confidence since it began

    @property
    def is_open(self) -> bool:
        return self.end_ns is None

    @property
    def reason(self) -> str:
        """`8 samples in a row were not taken for kitchen-camera (confidence down to 0.02)`"""
        samples = "sample" if self.longest == 1 else f"{self.longest} samples in a row"
        verb = "was" if self.longest == 1 else "were"
        return f"{samples} {verb} not taken for {self.device} (confidence down to {self.lowest:.2f})"


@dataclass(frozen=True)
class Misses:
    """The misses in a row of a device that does not deviate yet."""

    begin_ns: int
    lowest: float


class AlarmBook:
    """The open alarms by device, and what the next ones would begin with."""

    def __init__(self, still_open: Iterable[Alarm] = ()) -> None:
        """`still_open`: those that lasted when the agent was stopped."""
        self.open = {alarm.device: alarm for alarm in still_open if alarm.is_open}
        self._misses: dict[str, Misses] = {}
        self.count: dict[str, int] = {}  # alarms begun since the start, by device

    def after(self, verdict: Verdict) -> Alarm | None:
        """Take a verdict of an inference; one without a confidence changes nothing."""
        if verdict.confidence is None:
            return None
        device, alarm = verdict.device, self.open.get(verdict.device)
        confidence = 0.0 if math.isnan(verdict.confidence) else verdict.confidence
        if verdict.verdict is not Standing.DEVIATES:
            self._follow(verdict, confidence)
            return self.close(device, verdict.time_ns) if alarm else None
        if alarm:
            longest, lowest = max(alarm.longest, -verdict.run), min(alarm.lowest, confidence)
            later = replace(alarm, longest=longest, lowest=lowest)
            if later == alarm:
                return None
        else:
            first = self._misses.pop(device, Misses(verdict.time_ns, confidence))
            lowest = min(first.lowest, confidence)
            later = Alarm(device, first.begin_ns, verdict.time_ns, None, max(1, -verdict.run), lowest)
            self.count[device] = self.count.get(device, 0) + 1
        self.open[device] = later
        return later

    def close(self, device: str, now_ns: int) -> Alarm:
        """End the device's open alarm."""
        return replace(self.open.pop(device), end_ns=now_ns)

    def _follow(self, verdict: Verdict, confidence: float) -> None:
        """Remember where the misses in a row began."""
        if verdict.run >= 0:
            self._misses.pop(verdict.device, None)
            return
        before = self._misses.get(verdict.device, Misses(verdict.time_ns, confidence))
        self._misses[verdict.device] = replace(before, lowest=min(before.lowest, confidence))
