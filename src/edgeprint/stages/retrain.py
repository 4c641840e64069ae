"""Live through the intervals as they came: decide, retrain what must be, examine, promote or refuse.

walk = Walk(trainer)
for index in range(len(walk.names)):
    for name in trainer.names:
        step = walk.step(name, index)        # a line of reports/retrain.json
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeprint import artifact
from edgeprint.drift import policy, report
from edgeprint.errors import NotEnoughData
from edgeprint.registry import gate, promote, tflite
from edgeprint.scores import Scores
from edgeprint.stages.methods import device_of
from edgeprint.stages.train import Trained, Trainer


@dataclass
class Walk:
    """One method's champions as the intervals pass; `runs` is what training made."""

    trainer: Trainer
    runs: dict
    champions: dict[str, Trained] = field(default_factory=dict)

    def step(self, name: str, index: int) -> dict[str, Any]:
        """What happens to one model when an interval has passed: the decision, and what came of it."""
        interval = self.trainer.data.names[index]
        line: dict[str, Any] = {"model": name, "interval": interval, "retrained": False, "promoted": False}
        champion = self.champions.get(name)
        testing = self.trainer.data.testing(index)
        try:
            now = self._score(champion, testing) if champion else None
            decision = self._decide(name, index, now)
            line["reasons"] = decision.reasons
            if not decision.retrain:
                return line
            challenger = self._train(name, index)
            line["retrained"] = True
            verdict = self._examine(challenger, champion, index)
        except NotEnoughData as error:
            return {**line, "reasons": [*line.get("reasons", []), str(error)]}
        version = promote.register(challenger.run_id, challenger.artifact, name)
        promote.record_gate(verdict, version, {"trained_on": interval, **self.trainer.origin()})
        line |= {"version": version.number, "gate": verdict.to_dict()["checks"]}
        if verdict.passed:
            promote.promote(name, version.number)
            self.champions[name] = challenger
            line["promoted"] = True
        return line

    def _score(self, trained: Trained, testing: Any) -> Scores:
        return self.trainer.method.evaluate_one(trained.name, trained.model, testing, self.trainer.context)

    def _decide(self, name: str, index: int, now: Scores | None) -> policy.Decision:
        champion = self.champions.get(name)
        if champion is None or now is None:
            return policy.Decision(True, ["there is no champion yet"], {})
        data, context = self.trainer.data, self.trainer.context
        then_rows, now_rows = data.training(champion.interval), data.table.select(data.interval == index)
        if device := device_of(name):
            then_rows = then_rows.select(then_rows.device == device)
            now_rows = now_rows.select(now_rows.device == device)
        evidence = policy.Evidence(
            champion_f1_then=champion.scores.macro_f1,
            f1_now=now.macro_f1,
            drift_share=report.compare(then_rows, now_rows, context.params.drift).share,
            age_intervals=index - champion.interval,
            new_data_ratio=len(now_rows) / max(1, len(then_rows)),
        )
        return policy.decide(evidence, context.params.policy)

    def _train(self, name: str, index: int) -> Trained:
        """The challenger: without a champion what training made, else a retraining of the champion."""
        champion = self.champions.get(name)
        first = self.runs["models"].get(str(index), {}).get(name)
        if champion is None and first:
            return self.trainer.load(name, index, first)
        folder = self.trainer.workspace.state / "challengers" / f"{name}-{index}"
        return self.trainer.train(name, index, folder, initial=champion and champion.model)

    def _examine(self, challenger: Trained, champion: Trained | None, index: int) -> gate.GateReport:
        testing = self.trainer.data.testing(index)
        limits = self.trainer.context.params.gate
        before = self._exam(champion, testing) if champion else None
        return gate.examine(self._exam(challenger, testing), before, limits)

    def _exam(self, trained: Trained, testing: Any) -> gate.Exam:
        folder = artifact.read(trained.artifact)
        runner, scores = tflite.Runner(folder.tflite), self._score(trained, testing)
        return gate.Exam(
            macro_f1=scores.macro_f1,
            device_f1=scores.f1,
            schema_hash=folder.schema.hash,
            data_schema_hash=testing.schema.hash,
            parity=trained.parity,
            latency_ms=tflite.latency_ms(runner, folder.golden_inputs),
            size_bytes=len(folder.tflite),
        )
