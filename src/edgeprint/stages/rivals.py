"""Who challenges a champion: the champion trained further, or a network trained from scratch.

challenger, why = Rivals(trainer, runs).best("binary.camera-a", index, champion)

Whichever is better on the validation part of the new interval, the earlier half of its held-out rows: only
that one is exported. The gate judges on the later half, which neither training nor this choice has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeprint.errors import NotEnoughData
from edgeprint.registry import tflite
from edgeprint.stages import aside
from edgeprint.stages.train import Fitted, Trained, Trainer

FURTHER, SCRATCH = "trained on from the champion", "trained from scratch"


@dataclass(frozen=True)
class Rivals:
    trainer: Trainer
    runs: dict

    def best(self, name: str, index: int, champion: Trained | None) -> tuple[Trained, str]:
        """The challenger of an interval and, in a sentence, why it is this one. Raises NotEnoughData.

        Without a champion it is what the training stage made, where that made one.
        """
        if champion is None:
            first = self.runs["models"].get(str(index), {}).get(name)
            if first:
                return self.trainer.load(name, index, first), "what the training stage made"
            return self.trainer.ship(self._fit(name, index, None)), f"{SCRATCH}, for want of a champion"
        if not self.trainer.context.params.policy.from_scratch:
            return self.trainer.ship(self._fit(name, index, champion)), FURTHER
        with aside.training(self.trainer, name, index, self._folder(name, index, "scratch")):
            further = self._fit(name, index, champion)
            tflite.number_anew()  # imports what the export takes, while the other may still be in training
        better, why = self._better(further, self._fit(name, index, None), index)
        return self.trainer.ship(better), why

    def _better(self, further: Fitted, scratch: Fitted, index: int) -> tuple[Fitted, str]:
        """By macro F1 on the validation part; the champion's heir where they are equal or nothing tells."""
        method, context = self.trainer.method, self.trainer.context
        rows = self.trainer.data.halves(index)[0]
        try:
            one, other = (
                method.evaluate_one(each.trained.name, each.trained.model, rows, context).macro_f1
                for each in (further, scratch)
            )
        except NotEnoughData as error:
            return further, f"{FURTHER}; it could not be compared with one {SCRATCH}: {error}"
        numbers = f"F1 {one:.3f} on the validation part, {other:.3f} {SCRATCH}"
        if one >= other:
            return further, f"{FURTHER}: {numbers}"
        return scratch, f"{SCRATCH}: F1 {other:.3f} on the validation part, {one:.3f} {FURTHER}"

    def _fit(self, name: str, index: int, champion: Trained | None) -> Fitted:
        start = "further" if champion else "scratch"
        return self.trainer.fit(name, index, self._folder(name, index, start), initial=champion)

    def _folder(self, name: str, index: int, start: str) -> Path:
        return self.trainer.workspace.state / "challengers" / f"{name}-{index}-{start}"
