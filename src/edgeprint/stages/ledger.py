"""What was decided of one model, interval after interval: a file that lets a walk go on where it stopped.

    ledger = Ledger.read(path)
    key = ledger.key(2, "2025Q3", rows, numbers)
    if line := ledger.line(2, key): ...                  # decided before, of the very same
    champion = ledger.begin(2, key, champion)            # what it was when this step was first begun
    ledger.end(line, champion_afterwards)

A key hashes all that a decision stands on, the key before it included: where a number or a row changes, that
decision and all later ones are made anew. Code is not among it: history is not lived again for a new line of
code. The file is replaced in one step; a kill costs the step that was open, and that one begins from the
champion it began from before.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Ledger:
    """`steps`: key, line and the champion's version after it (None: there is none), in time order."""

    path: Path
    steps: list[dict[str, Any]] = field(default_factory=list)
    begun: dict[str, Any] | None = None
    rewritten: bool = False  # steps were dropped because something changed

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """What an earlier walk left; empty where there is none or it cannot be read."""
        try:
            found = json.loads(path.read_text())
            return cls(path, list(found["steps"]), found["begun"], bool(found["rewritten"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def key(self, place: int, *words: object) -> str:
        """Of a step, from the step before it and the words."""
        before = self.steps[place - 1]["key"] if place else ""
        return hashlib.sha256("\n".join([before, *map(repr, words)]).encode()).hexdigest()[:32]

    def champion_before(self, place: int) -> int | None:
        return self.steps[place - 1]["champion"] if place else None

    def line(self, place: int, key: str) -> dict[str, Any] | None:
        """The line of this very step, if it was taken before."""
        known = place < len(self.steps) and self.steps[place]["key"] == key
        return self.steps[place]["line"] if known else None

    def begin(self, place: int, key: str, champion: int | None) -> int | None:
        """Open a step; the champion's version that it begins from, the first try's if it was killed."""
        self.rewritten = self.rewritten or place < len(self.steps)
        self.steps = self.steps[:place]
        if self.begun is None or self.begun["key"] != key:
            self.begun = {"key": key, "champion": champion}
            self._write()
        return self.begun["champion"]

    def end(self, line: dict[str, Any], champion: int | None) -> None:
        """Close the open step."""
        assert self.begun is not None, "begin comes first"
        self.steps.append({"key": self.begun["key"], "line": line, "champion": champion})
        self.begun = None
        self._write()

    def caught_up(self) -> None:
        """All intervals are lived: from here on, what the registry says counts."""
        if self.rewritten:
            self.rewritten = False
            self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.begun")
        beside.write_text(
            json.dumps({"steps": self.steps, "begun": self.begun, "rewritten": self.rewritten}, indent=1)
        )
        beside.replace(self.path)
