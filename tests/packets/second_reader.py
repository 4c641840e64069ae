"""The PacketTable against what another program reads in the same capture, packet by packet, all columns.

What differs must be explained by a rule: a sentence and a predicate that holds for these differences only.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.decode import decode
from edgeprint.packets.link_layer import LINK_TYPES
from edgeprint.packets.table import COLUMNS

Question = tuple[str, int, bool]  # name, type, of a response


@dataclass(frozen=True)
class Row:
    """What a reader says of one packet."""

    columns: dict[str, int]  # those it knows
    payload: bytes | None  # of the transport, as far as captured; None where it does not say
    questions: list[Question]
    words: Any = None  # what the other program said, for the rules


@dataclass(frozen=True)
class Difference:
    """One packet in which the readers differ, with all values that do: {column: (ours, theirs)}."""

    file: str
    packet: int  # counted from 1, as tshark does
    values: dict[str, tuple[Any, Any]]
    link_type: int
    frame: bytes
    ours: Row
    theirs: Row

    def __str__(self) -> str:
        values = ", ".join(f"{name} {ours!r} ≠ {theirs!r}" for name, (ours, theirs) in self.values.items())
        return f"{self.file}, packet {self.packet}: {values}"


@dataclass(frozen=True)
class Rule:
    """Why the readers may differ in `columns`, where the predicate holds."""

    reason: str
    columns: set[str]
    holds: Callable[[Difference], bool]

    def explains(self, difference: Difference, column: str) -> bool:
        return column in self.columns and self.holds(difference)


def our_rows(path: Path) -> Iterator[tuple[int, bytes, Row | None]]:
    """(link type, frame, row) of each packet of a capture; no row where the link type is not supported."""
    table, _ = decode(path)
    columns = {name: getattr(table, name).tolist() for name in COLUMNS}
    asked: dict[int, list[Question]] = {}
    sides = (getattr(table.dns, name).tolist() for name in ("packet", "name", "qtype", "response"))
    for packet, *question in zip(*sides, strict=True):
        asked.setdefault(packet, []).append(tuple(question))
    row = -1
    for frames in CaptureFile(path):
        for i, link_type in enumerate(frames.link_type.tolist()):
            frame = frames[i]
            if link_type not in LINK_TYPES:
                yield link_type, frame, None
                continue
            row += 1
            mine = {name: values[row] for name, values in columns.items()}
            start = mine["payload_offset"]
            payload = frame[start : start + mine["payload_len"]] if start else b""
            yield link_type, frame, Row(mine, payload, asked.get(row, []))


def differences(path: Path, files: list[str], theirs: Iterable[Row]) -> Iterator[Difference]:
    """Where the other program's rows of a capture differ from ours; `files` names the packets."""
    rows = zip(files, our_rows(path), theirs, strict=True)
    for packet, (file, (link_type, frame, mine), other) in enumerate(rows, 1):
        if mine is None:
            continue
        found = {
            name: (mine.columns[name], value)
            for name, value in other.columns.items()
            if mine.columns[name] != value
        }
        if other.payload is not None and mine.payload != other.payload:
            found["payload"] = (mine.payload, other.payload)
        if mine.questions != other.questions:
            found["questions"] = (mine.questions, other.questions)
        if found:
            yield Difference(file, packet, found, link_type, frame, mine, other)


def explain(found: Iterable[Difference], rules: dict[str, Rule]) -> tuple[list[str], Counter[str]]:
    """What no rule explains, in words, and in how many packets each rule was needed."""
    unexplained, used = [], Counter[str]()
    for difference in found:
        names = {
            column: next((n for n, rule in rules.items() if rule.explains(difference, column)), None)
            for column in difference.values
        }
        if None in names.values():
            unexplained.append(str(difference))
        used.update({name for name in names.values() if name})
    return unexplained, used
