"""The whole state of a training after each epoch, in one file, so that a killed training goes on from there.

    state = TrainingState(path, module, batches, epochs)
    Trainer(callbacks=[state]).fit(module, ..., ckpt_path=path if state.is_there() else None)

Lightning keeps weights, optimiser, scheduler, epoch and step; this adds torch's random state and the numpy
generator of the batches, and the fingerprint of what is trained: a file of another training is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Checkpoint
from pydantic import BaseModel
from torch.utils.data import IterableDataset

DAMAGED = (
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
)


class TrainingState(Checkpoint):  # of Lightning's kind, so that it runs after the module's own end of epoch
    """Writes `path` after each epoch, as a whole or not at all, and puts the generators back on resuming."""

    def __init__(
        self, path: Path, module: lightning.LightningModule, batches: IterableDataset, epochs: int
    ) -> None:
        self.path = path
        self.random: np.random.Generator | None = getattr(batches, "random", None)
        self.fingerprint = fingerprint(module, batches, epochs)

    def is_there(self) -> bool:
        """Whether the file holds a state of this very training; one that cannot be read is warned of."""
        if not self.path.is_file():
            return False
        try:
            with zipfile.ZipFile(self.path) as members:  # torch.load does not look at the check sums
                if broken := members.testzip():
                    raise ValueError(f"the check sum of {broken} does not hold")
            stored = torch.load(self.path, map_location="cpu", weights_only=True)
            return stored["callbacks"][self.state_key]["fingerprint"] == self.fingerprint
        except DAMAGED as error:
            warnings.warn(f"{self.path} is damaged and not used: {error}", stacklevel=3)
            return False

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        trainer.save_checkpoint(beside)
        beside.replace(self.path)

    def state_dict(self) -> dict[str, Any]:
        gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        numpy = json.dumps(_state(self.random)) if self.random else ""
        return {
            "fingerprint": self.fingerprint,
            "torch": torch.get_rng_state(),
            "gpu": gpu,
            "numpy": numpy,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # Lightning calls this before it asks the batches for an iterator, which draws from both generators.
        torch.set_rng_state(state_dict["torch"].cpu())
        if state_dict["gpu"]:
            torch.cuda.set_rng_state_all([state.cpu() for state in state_dict["gpu"]])
        if self.random:
            self.random.bit_generator.state = json.loads(state_dict["numpy"])

    def remove(self) -> None:
        """The training is complete."""
        self.path.unlink(missing_ok=True)


def fingerprint(module: lightning.LightningModule, batches: IterableDataset, epochs: int) -> str:
    """SHA-256 of all that decides the outcome: first weights, numbers, data, generators, epochs, torch."""
    digest = hashlib.sha256()
    whole = {
        "torch": torch.__version__,
        "epochs": epochs,
        "numbers": getattr(module, "numbers", None),
        "weights": module.state_dict(),
        "random": torch.get_rng_state(),
        "batches": vars(batches),
    }
    for part in _parts(whole):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    """The bytes of arrays, generators, numbers and words, nested as they are. Raises TypeError for others."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, np.random.Generator):
        yield json.dumps(_state(value)).encode()
    elif isinstance(value, BaseModel):
        yield value.model_dump_json().encode()
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield f"{key}:".encode()
            yield from _parts(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        yield f"{len(value)} of".encode()
        for inner in value:
            yield from _parts(inner)
    elif value is None or isinstance(value, str | bytes | int | float | np.generic):
        yield repr(value).encode()
    else:
        raise TypeError(f"a training with a {type(value).__name__} in its batches has no fingerprint")


def _state(random: np.random.Generator) -> Any:
    return random.bit_generator.state
