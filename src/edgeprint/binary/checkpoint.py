"""How far a training has come, in one file: after a kill it goes on from there and ends with equal weights.

checkpoint = Checkpoint(path, fingerprint([params, seed, device, columns]))
progress = checkpoint.read()               # None: begin at the beginning
checkpoint.write(Progress(3, state, random.bit_generator.state))
checkpoint.remove()                        # the training is complete
"""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary.epoch import State
from edgeprint.whole_file import replacing

DAMAGED = OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile


@dataclass(frozen=True)
class Progress:
    """After so many epochs: weights and optimiser, and the state of the generator that orders the samples."""

    epochs: int
    state: State
    random: Any


@dataclass(frozen=True)
class Checkpoint:
    """A file of one training: another's, by its fingerprint, is not used. Written whole or not at all."""

    path: Path
    fingerprint: str

    def read(self) -> Progress | None:
        """What the file holds of this very training; one that cannot be read is warned of."""
        if not self.path.is_file():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                facts = json.loads(str(stored["facts"]))
                if facts["fingerprint"] != self.fingerprint:
                    return None
                state = State.of([stored[name] for name in State._fields])
            return Progress(facts["epochs"], state, facts["random"])
        except DAMAGED as error:
            warnings.warn(f"{self.path} is damaged and not used: {error}", stacklevel=2)
            return None

    def write(self, progress: Progress) -> None:
        """Beside the file first, then in its place: a kill leaves the last one or the new one."""
        facts = {"fingerprint": self.fingerprint, "epochs": progress.epochs, "random": progress.random}
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in progress.state._asdict().items()}
        with replacing(self.path) as file:
            np.savez(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def fingerprint(parts: Iterable[str | NDArray]) -> str:
    """SHA-256 of words and of arrays with their types and shapes, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(f"{len(part)}:{part}".encode())
        else:
            digest.update(f"{part.dtype} {part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
