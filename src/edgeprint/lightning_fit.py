"""One way to run Lightning: quiet, repeatable, on a GPU where there is one; resumable where a file is named.

with seeded(7):
    module = Training(network, report)          # a ReportingModule
    fit(module, batches, epochs=20, checkpoint=Path("state/checkpoints/cclp.ckpt"))
"""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from edgeprint.training_state import TrainingState


class ReportingModule(lightning.LightningModule):
    """Hands the mean training loss of each epoch to `report(epoch, loss)`; the rest is for the subclass."""

    def __init__(self, report: Callable[[int, float], None]) -> None:
        super().__init__()
        self.report = report
        self.passed: list[Tensor] = []

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.passed.append(outputs["loss"].detach())

    def on_train_epoch_end(self) -> None:
        mean = float(torch.stack(self.passed).mean())
        self.passed.clear()
        self.report(self.current_epoch, mean)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator for the block only: weights, dropout and order repeat on the same CPU."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def _one_thread() -> Iterator[None]:
    # Layers this small end before a second thread wakes: on two busy cores, two threads took 33.7 s of
    # processor time for 50 CCLP iterations (batches of 280 windows), one thread took 3.9 s.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _quiet() -> Iterator[None]:
    # Lightning's hints (no logger, few workers, no GPU in use) do not concern the user of edgeprint.
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def fit(
    module: lightning.LightningModule,
    batches: IterableDataset,
    *,
    epochs: int,
    checkpoint: Path | None = None,
) -> None:
    """Train for `epochs` passes over `batches`, which yields whole batches; ends in eval mode on the CPU.

    With `checkpoint`, the whole state goes to that file after every epoch, and the same call after a kill
    goes on from there to the same weights as without it; see training_state. The file is removed at the end.
    """
    state = TrainingState(checkpoint, module, batches, epochs) if checkpoint else None
    begun = state is not None and state.is_there()  # outside _quiet: a damaged file is warned of
    with _quiet(), _one_thread():
        trainer = lightning.Trainer(
            max_epochs=epochs,
            accelerator="auto",
            devices=1,
            deterministic="warn",
            callbacks=[state] if state else [],
            logger=False,
            enable_checkpointing=state is not None,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        try:
            trainer.fit(
                module,
                DataLoader(batches, batch_size=None),
                ckpt_path=checkpoint if begun else None,
                weights_only=True,
            )
        except SIGTERMException as stop:  # Lightning would end the process with status 0, as if all were done
            raise SystemExit(128 + signal.SIGTERM) from stop
    if state:
        state.remove()
    module.cpu().eval()
