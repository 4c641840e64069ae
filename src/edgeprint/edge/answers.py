"""What /devices and /devices/NAME/history answer: JSON values, the same that the page is drawn from.

/devices
    agent       time (of the last tick), backend, packets, dropped, ticks, models,
                reasons (why it is not healthy; [] when it is), notes (what else is to be known)
    devices     name, category, macs, stranger, randomised, has_model, verdict, words, confidence, run,
                packets, columns, needed, inferences, seen, recent (confidences, oldest first), label,
                probably (of a made-up address: device, former, since, confidence),
                candidates (the identify server's: device, confidence, category, iot; best first)
    alarms      device, begin, noticed, end, longest, lowest, reason; the last ones, newest first
    names       what a device may be called: the inventory's
/devices/NAME/history
    device, rows: time, verdict, confidence, columns, run; oldest first

Times are seconds since 1970, UTC; confidences are in [0, 1]; what is not known is null. `run` counts hits in
a row, or misses in a row below zero; `label` is what a person said that the device is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from edgeprint.edge import metrics
from edgeprint.edge.alarms import Alarm
from edgeprint.edge.board import STRANGER, Device
from edgeprint.edge.ranking import Candidate
from edgeprint.edge.rotation import Link


def agent(state: metrics.State, now_ns: int, now_s: float) -> dict[str, Any]:
    """`now_ns` in the packets' time, `now_s` by the clock of the state."""
    return {
        "time": seconds(now_ns or None),
        "backend": state.backend,
        "packets": state.packets,
        "dropped": state.dropped,
        "ticks": state.ticks,
        "models": state.models,
        "reasons": metrics.reasons(state, now_s),
        "notes": metrics.notes(state),
    }


def device(found: Device, label: str | None, candidates: Iterable[Candidate] = ()) -> dict[str, Any]:
    return {
        "name": found.name,
        "category": found.category,
        "macs": list(found.macs),
        "stranger": found.category == STRANGER,
        "randomised": found.randomised,
        "has_model": found.has_model,
        "verdict": found.verdict,
        "words": found.words,
        "confidence": found.confidence,
        "run": found.run,
        "packets": found.packets,
        "columns": found.columns,
        "needed": found.needed,
        "inferences": found.inferences,
        "seen": seconds(found.seen_ns),
        "recent": [round(value, 4) for value in found.recent],
        "label": label,
        "probably": None if found.probably is None else link(found.probably),
        "candidates": [asdict(candidate) for candidate in candidates],
    }


def link(found: Link) -> dict[str, Any]:
    return {
        "device": found.device,
        "former": found.former,
        "since": seconds(found.since_ns),
        "confidence": round(found.confidence, 4),
    }


def alarm(found: Alarm) -> dict[str, Any]:
    return {
        "device": found.device,
        "begin": seconds(found.begin_ns),
        "noticed": seconds(found.noticed_ns),
        "end": seconds(found.end_ns),
        "longest": found.longest,
        "lowest": found.lowest,
        "reason": found.reason,
    }


def history(rows: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Rows as the store gives them, one at a time: ten thousand at once would take megabytes a request."""
    names = ("time", "verdict", "confidence", "columns", "run")
    for time_ns, *rest in rows:
        yield dict(zip(names, (seconds(time_ns), *rest), strict=True))


def seconds(time_ns: int | None) -> float | None:
    return None if time_ns is None else round(time_ns / 1e9, 3)
