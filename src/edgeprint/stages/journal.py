"""What the walk through the intervals has lived through: each step once, with all that decided it.

    journal = Journal(Walk(trainer, runs))
    line = journal.recall(name, index) or journal.step(name, index)
    journal.amend(name, index, line)          # a person has approved of it since
    journal.settle()                          # at the end: forget what is no part of this history

A step is known by a chain of hashes: the rows and numbers of its interval, what agents saw in it, MLflow's
store, and the step before it. So a run that was killed goes on with the next model, a new quarter is decided
alone, and no alias of the registry moves for what was decided before. Code is not among it: history is not
lived again for a new line of code.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.stages.retrain import Walk
from edgeprint.stages.train import entry
from edgeprint.whole_file import write_whole

OTHER_SECTIONS = {"testbed", "extract", "servers", "agent"}  # decide nothing here


class Journal:
    """The steps of one method under state/journal/<key>, a small JSON file each."""

    def __init__(self, walk: Walk) -> None:
        self.walk, self.trainer = walk, walk.trainer
        self.folder = self.trainer.workspace.state / "journal" / self.trainer.key
        self.folder.mkdir(parents=True, exist_ok=True)
        self._rows: dict[int, str] = {}
        self._taken: dict[tuple[str, int], str] = {}  # the hash of each step, recalled or lived
        self._numbers = self.trainer.context.params.model_dump_json(exclude=OTHER_SECTIONS)

    def recall(self, name: str, index: int) -> dict[str, Any] | None:
        """The line of a step that was lived through, its champion in place again; None where it was not."""
        key = self._key(name, index)
        path = self._path(name, index, key)
        if not path.is_file():
            return None
        kept = json.loads(path.read_text())
        if kept["champion"] and not self._restore(name, index, kept["champion"]):
            return None
        self._taken[name, index] = key
        return kept["line"]

    def step(self, name: str, index: int) -> dict[str, Any]:
        """Live through one step and remember it; without a past, from the champion in the registry."""
        key = self._key(name, index)
        if name not in self.walk.champions and not self._has_past(name):
            self.walk.adopt(name)
        line = self.walk.step(name, index)
        self._taken[name, index] = key
        self.amend(name, index, line)
        return line

    def amend(self, name: str, index: int, line: dict[str, Any]) -> None:
        """Write a step that was taken: all of it, or nothing."""
        champion = None
        if line["promoted"]:
            trained = self.walk.champions[name]
            champion = entry(trained, self.trainer.workspace)
            champion |= {"digest": artifact.digest(trained.artifact), "interval": trained.interval}
        kept = json.dumps({"line": line, "champion": champion})
        write_whole(self._path(name, index, self._taken[name, index]), kept.encode())

    def settle(self) -> None:
        """Forget every step of another history: of other rows or numbers."""
        mine = {self._path(name, index, key) for (name, index), key in self._taken.items()}
        for path in set(self.folder.iterdir()) - mine:
            path.unlink()

    def _has_past(self, name: str) -> bool:
        step = re.compile(rf"{re.escape(name)}-\d+-[0-9a-f]{{16}}\.json")
        return any(step.fullmatch(path.name) for path in self.folder.iterdir())

    def _path(self, name: str, index: int, key: str) -> Path:
        return self.folder / f"{name}-{index}-{key}.json"

    def _key(self, name: str, index: int) -> str:
        trainer, interval = self.trainer, self.trainer.data.names[index]
        who = sorted((d.name, d.category, d.iot) for d in trainer.context.inventory.devices.values())
        seen, before = self.walk.seen.get(interval, {}), self._taken.get((name, index - 1))
        words = (name, interval, before, self._numbers, trainer.store, who, seen, self._rows_of(index))
        return hashlib.sha256("\n".join(map(repr, words)).encode()).hexdigest()[:16]

    def _rows_of(self, index: int) -> str:
        """Hash of an interval's rows, and of which of them are held out."""
        if index not in self._rows:
            data = self.trainer.data
            mine = data.interval == index
            rows = data.table.select(mine)
            digest = hashlib.sha256("\n".join([rows.schema.hash, *rows.device, *rows.capture]).encode())
            digest.update(rows.start_ns.tobytes() + rows.values.tobytes() + data.held_out[mine].tobytes())
            self._rows[index] = digest.hexdigest()
        return self._rows[index]

    def _restore(self, name: str, index: int, champion: dict) -> bool:
        """The champion of a step put back; False where its folder is gone or holds another model."""
        try:
            folder = self.trainer.workspace.root / champion["folder"]
            if artifact.digest(folder / "artifact") != champion["digest"]:
                return False
        except (BadArtifact, OSError):
            return False
        self.walk.champions[name] = self.trainer.load(name, champion["interval"], champion)
        return True
