"""What the walk through the intervals has lived through: each step once, with all that decided it.

    journal = Journal(Walk(trainer, runs))
    line = journal.recall(name, index) or journal.step(name, index)
    journal.settle()                          # at the end: forget what is no part of this history

A step is known by a chain of hashes: the rows and numbers of its interval, the code, MLflow's store, and the
step before it. So a run that was killed goes on with the next model, a new quarter is decided alone, and no
alias of the registry moves for what was decided before. Where a person has rolled a model back since, the
version in the registry is the champion that the next step compares with.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.registry import promote
from edgeprint.stages import checkpoints
from edgeprint.stages.retrain import Walk
from edgeprint.stages.train import entry

OTHER_SECTIONS = {"testbed", "extract", "servers", "agent"}  # decide nothing here


class Journal:
    """The steps of one method under state/journal/<key>, a small JSON file each."""

    def __init__(self, walk: Walk) -> None:
        self.walk, self.trainer = walk, walk.trainer
        self.folder = self.trainer.workspace.state / "journal" / self.trainer.key
        self.folder.mkdir(parents=True, exist_ok=True)
        self._rows: dict[int, str] = {}
        self._chain: dict[str, str] = {}  # of each model, the hash of its step before
        self._promoted: dict[str, dict[int, tuple[int, dict]]] = {}  # name: version: interval and entry
        self._used: set[str] = set()
        self._numbers = self.trainer.context.params.model_dump_json(exclude=OTHER_SECTIONS)

    def recall(self, name: str, index: int) -> dict[str, Any] | None:
        """The line of a step that was lived through, its champion in place again; None where it was not."""
        path = self._path(name, index)
        if not path.is_file():
            return None
        kept = json.loads(path.read_text())
        if kept["champion"] and not self._restore(name, index, kept):
            return None
        self._chain[name] = path.stem
        self._used.add(path.name)
        return kept["line"]

    def step(self, name: str, index: int) -> dict[str, Any]:
        """Live through one step and remember it."""
        self._heed_registry(name)
        line = self.walk.step(name, index)
        path, kept = self._path(name, index), {"line": line, "champion": None}
        if line["promoted"]:
            champion = self.walk.champions[name]
            kept["champion"] = {
                **entry(champion, self.trainer.workspace),
                "digest": artifact.digest(champion.artifact),
            }
            self._note(name, index, kept)
        begun = path.with_suffix(".part")
        begun.write_text(json.dumps(kept))
        begun.replace(path)
        self._chain[name] = path.stem
        self._used.add(path.name)
        return line

    def settle(self) -> None:
        """Forget every step of another history: of other rows, numbers or code."""
        for path in self.folder.iterdir():
            if path.name not in self._used:
                path.unlink()

    def _path(self, name: str, index: int) -> Path:
        words = (
            name,
            self.trainer.data.names[index],
            self._chain.get(name),
            self._numbers,
            self.trainer.store,
        )
        digest = checkpoints.fingerprint((*words, self._who(), self._rows_of(index)), [], None)
        return self.folder / f"{name}-{index}-{digest}.json"

    def _who(self) -> list[tuple]:
        return sorted((d.name, d.category, d.iot) for d in self.trainer.context.inventory.devices.values())

    def _rows_of(self, index: int) -> str:
        """Hash of an interval's rows, and of which of them are held out."""
        if index not in self._rows:
            data = self.trainer.data
            mine = data.interval == index
            digest = hashlib.sha256(data.held_out[mine].tobytes())
            digest.update(checkpoints.fingerprint((), [data.table.select(mine)], None).encode())
            self._rows[index] = digest.hexdigest()
        return self._rows[index]

    def _restore(self, name: str, index: int, kept: dict) -> bool:
        """The champion of a step put back; False where its folder is gone or holds another model."""
        champion = kept["champion"]
        try:
            if (
                artifact.digest(self.trainer.workspace.root / champion["folder"] / "artifact")
                != champion["digest"]
            ):
                return False
        except (BadArtifact, OSError):
            return False
        self.walk.champions[name] = self.trainer.load(name, index, champion)
        self._note(name, index, kept)
        return True

    def _note(self, name: str, index: int, kept: dict) -> None:
        self._promoted.setdefault(name, {})[kept["line"]["version"]] = (index, kept["champion"])

    def _heed_registry(self, name: str) -> None:
        """Compare with the version that is in use, where a person has chosen another one since."""
        known = self._promoted.get(name, {})
        current = promote.champion(name) if known else None
        if current is None or current.number not in known or current.number == list(known)[-1]:
            return
        index, champion = known[current.number]
        self.walk.champions[name] = self.trainer.load(name, index, champion)
