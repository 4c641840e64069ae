"""What was trained already: the model in training after its last epoch, and the last run's finished models.

    place = Place(folder(workspace, "cclp"), fingerprint(...))
    if place.restore(folder): ...            # a finished model's folder, put back as it was
    method.train(..., checkpoint=place.training)
    place.keep(folder, entry)
    settle(workspace, "cclp", "train", used)  # when the stage has ended

DVC removes the outputs of a stage before it runs again, so that what must outlive a kill lies under state/.
The name is a hash of all that decides a model: another parameter, row or line of code is another place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import edgeprint
from edgeprint.feature_table import FeatureTable
from edgeprint.stages.workspace import Workspace
from edgeprint.whole_file import replace_folder, write_whole


@dataclass(frozen=True)
class Place:
    """Where one model of a stage is kept until the stage has ended."""

    folder: Path
    name: str

    @property
    def training(self) -> Path:
        """The state after the last epoch."""
        return self.folder / f"{self.name}.ckpt"

    @property
    def finished(self) -> Path:
        return self.folder / self.name

    def keep(self, folder: Path, entry: dict[str, Any]) -> None:
        """Copy a finished model's folder with what must be remembered of it; complete or not there."""
        beside = self.finished.with_name(f".{self.name}.{os.getpid()}")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(folder, beside / "model")
        (beside / "entry.json").write_text(json.dumps(entry))
        replace_folder(beside, self.finished)

    def restore(self, folder: Path) -> dict[str, Any] | None:
        """Put a finished model back into `folder` and return its entry; None where there is none."""
        if not (self.finished / "entry.json").is_file():
            return None
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.finished / "model", folder)
        return json.loads((self.finished / "entry.json").read_text())


def fingerprint(words: Iterable[object], tables: Iterable[FeatureTable], initial: Path | None) -> str:
    """Hash of words and numbers, rows, the files of the model that training goes on from, and the code."""
    digest = hashlib.sha256(code())
    for word in words:
        digest.update(f"{word!r}\n".encode())
    for table in tables:
        digest.update(table.schema.hash.encode())
        for column in (table.device, table.capture):
            digest.update("\n".join(column).encode())
        digest.update(table.start_ns.tobytes() + table.values.tobytes())
    for path in sorted(initial.rglob("*")) if initial else ():
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def folder(workspace: Workspace, key: str) -> Path:
    """Of one method; train and retrain share what they finish."""
    return workspace.state / "checkpoints" / key


def settle(workspace: Workspace, key: str, stage: str, used: set[str]) -> None:
    """A stage has ended: what it used stays, so that a new quarter trains what is new.

    Gone is what its last run used and no stage does now; what another stage was killed at is left alone.
    """
    mine = folder(workspace, key)
    mine.mkdir(parents=True, exist_ok=True)
    before = _listed(mine / f"{stage}.used")
    write_whole(mine / f"{stage}.used", "\n".join(sorted(used)).encode())
    for name in before.difference(*(_listed(path) for path in mine.glob("*.used"))):
        shutil.rmtree(mine / name, ignore_errors=True)
        (mine / f"{name}.ckpt").unlink(missing_ok=True)


def _listed(path: Path) -> set[str]:
    return set(path.read_text().split()) if path.is_file() else set()


@cache
def code() -> bytes:
    """Hash of every line of the package."""
    root = Path(edgeprint.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.digest()
