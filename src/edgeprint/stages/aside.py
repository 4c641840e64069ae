"""A training in a process of its own, on another core; what it makes is found where finished models are kept.

with aside.training(trainer, "cclp", 3, folder):
    further = trainer.fit("cclp", 3, elsewhere, initial=champion)
scratch = trainer.fit("cclp", 3, folder)          # finished by now; trained here where that process failed
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeprint.cores import cores
from edgeprint.errors import NotEnoughData
from edgeprint.stages.programs import end_with_parent
from edgeprint.stages.train import Trainer
from edgeprint.stages.workspace import Workspace


@contextmanager
def training(trainer: Trainer, name: str, index: int, folder: Path) -> Iterator[None]:
    """Fit the model from scratch meanwhile; the block's end waits for it.

    Nothing is begun where there is one core, or where the method trains faster than a process starts. What
    that process says is not shown: whoever asks for the model in vain meets the same error.
    """
    if not trainer.method.is_slow or cores() < 2:
        yield
        return
    where = trainer.workspace.root, trainer.key, trainer.stage, name, index, folder
    command = [sys.executable, "-m", "edgeprint.stages.aside", *map(str, where)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, preexec_fn=end_with_parent)
    try:
        yield
        process.wait()
    finally:
        process.kill()
        process.wait()


def main(root: str, key: str, stage: str, name: str, index: str, folder: str) -> None:
    gc.set_threshold(10_000, 20, 50)  # as in flows/__init__.py: the larger imports are still to come
    trainer = Trainer(Workspace(Path(root)), key, stage)
    with suppress(NotEnoughData):
        trainer.fit(name, int(index), Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
