"""What agents in the field saw of each device: the share of ticks it deviated, and what people said.

    lines = read(Path("field/"))                   # verdicts (agent --out) and labels (agent-labels), mixed
    signals = gather(lines, since_ns=..., until_ns=...)
    signals["camera-a"].deviating_share, signals["camera-a"].corrected

A tick counts where an inference was made. Lines of devices that no model knows are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from edgeprint.errors import BadParams

JUDGED = ("recognised", "deviates")
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class FieldSignals:
    """Of one device: ticks with a verdict, those it deviated at, how often that began, days between the first
    and the last tick; labels of people that agreed with the device's name, and that named another.
    """

    ticks: int = 0
    deviating: int = 0
    streaks: int = 0
    days: float = 0.0
    confirmed: int = 0
    corrected: int = 0

    @property
    def deviating_share(self) -> float | None:
        return self.deviating / self.ticks if self.ticks else None

    @property
    def streaks_a_day(self) -> float | None:
        return self.streaks / self.days if self.days else None

    def to_dict(self) -> dict[str, Any]:
        rates = {"deviating_share": self.deviating_share, "streaks_a_day": self.streaks_a_day}
        return {**asdict(self), **rates}


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Every line of a file, or of the *.jsonl files of a folder. Raises BadParams with the line at fault."""
    if not path.exists():
        raise BadParams(f"drift.field = {str(path)!r} is neither a file nor a folder of agents' JSON lines")
    for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
        with file.open(encoding="utf-8", errors="replace") as text:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield _parsed(line, f"{file}, line {number}")


def _parsed(line: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
        int(found["time_ns"]), str(found["device"]), str(found["verdict"])
        return found
    except (ValueError, KeyError, TypeError) as error:
        raise BadParams(f"{where} is no line of an agent: {line.strip()[:80]!r}") from error


def gather(
    lines: Iterable[dict[str, Any]], *, since_ns: int = -(1 << 62), until_ns: int = 1 << 62
) -> dict[str, FieldSignals]:
    """Signals by device, from the lines of [since_ns, until_ns) in any order."""
    inside = [line for line in lines if since_ns <= line["time_ns"] < until_ns]
    verdicts: dict[str, list[tuple[int, bool]]] = {}
    labels: dict[str, list[bool]] = {}
    for line in inside:
        if "label" in line:
            labels.setdefault(line["device"], []).append(line["label"] == line["device"])
        elif line["verdict"] in JUDGED and line.get("confidence") is not None:
            verdicts.setdefault(line["device"], []).append((line["time_ns"], line["verdict"] == JUDGED[1]))
    return {
        device: _signals(sorted(verdicts.get(device, [])), labels.get(device, []))
        for device in sorted({*verdicts, *labels})
    }


def _signals(ticks: list[tuple[int, bool]], labels: list[bool]) -> FieldSignals:
    deviates = [deviating for _, deviating in ticks]
    begun = sum(now and not before for before, now in pairwise([False, *deviates]))
    days = (ticks[-1][0] - ticks[0][0]) / DAY_NS if ticks else 0.0
    right = sum(labels)
    return FieldSignals(len(ticks), sum(deviates), begun, days, right, len(labels) - right)
