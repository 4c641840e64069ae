"""Who challenges a champion: the champion trained further, or a network trained from scratch.

challenger, why = Rivals(trainer, runs).best("binary.camera-a", index, champion)

Whichever is better on the validation part of the new interval, the earlier half of its held-out rows; the
gate judges on the later half, which neither training nor this choice has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeprint.errors import NotEnoughData
from edgeprint.stages.train import Trained, Trainer

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
            return self._train(name, index, None), f"{SCRATCH}, for want of a champion"
        further = self._train(name, index, champion)
        if not self.trainer.context.params.policy.from_scratch:
            return further, FURTHER
        return self._better(further, self._train(name, index, None), index)

    def _better(self, further: Trained, scratch: Trained, index: int) -> tuple[Trained, str]:
        """By macro F1 on the validation part; the champion's heir where they are equal or nothing tells."""
        method, context = self.trainer.method, self.trainer.context
        rows = self.trainer.data.halves(index)[0]
        try:
            one, other = (
                method.evaluate_one(each.name, each.model, rows, context).macro_f1
                for each in (further, scratch)
            )
        except NotEnoughData as error:
            return further, f"{FURTHER}; it could not be compared with one {SCRATCH}: {error}"
        numbers = f"F1 {one:.3f} on the validation part, {other:.3f} {SCRATCH}"
        if one >= other:
            return further, f"{FURTHER}: {numbers}"
        return scratch, f"{SCRATCH}: F1 {other:.3f} on the validation part, {one:.3f} {FURTHER}"

    def _train(self, name: str, index: int, champion: Trained | None) -> Trained:
        start = "further" if champion else "scratch"
        folder: Path = self.trainer.workspace.state / "challengers" / f"{name}-{index}-{start}"
        return self.trainer.train(name, index, folder, initial=champion)
