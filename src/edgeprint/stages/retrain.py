"""Live through the intervals as they came: decide, retrain what must be, examine, promote or refuse.

walk = Walk(trainer, runs)
for index in range(len(trainer.data.names)):
    for name in trainer.names:
        line = walk.step(name, index)        # a line of reports/retrain.json
walk.approve(line)                           # where a person must, and did
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeprint import artifact
from edgeprint.drift import policy
from edgeprint.errors import NotEnoughData
from edgeprint.registry import gate, promote
from edgeprint.stages import champions, evidence, exam
from edgeprint.stages import field as agents
from edgeprint.stages.rivals import Rivals
from edgeprint.stages.train import Trained, Trainer


@dataclass
class Walk:
    """One method's champions as the intervals pass; `runs` is what training made."""

    trainer: Trainer
    runs: dict
    champions: dict[str, Trained] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seen = agents.by_interval(self.trainer)

    def step(self, name: str, index: int) -> dict[str, Any]:
        """What happens to one model when an interval has passed: the decision, and what came of it."""
        self._heed_people(name, index)
        champion, interval = self.champions.get(name), self.trainer.data.names[index]
        line: dict[str, Any] = {"model": name, "interval": interval, "retrained": False, "promoted": False}
        if champion and champion.interval >= index:
            trained = self.trainer.data.names[champion.interval]
            return {**line, "reasons": [f"the champion was trained through {trained}"]}
        try:
            decision = self._decide(champion, index)
            line |= {"reasons": decision.reasons, "triggers": decision.triggers}
            if not decision.retrain:
                return line
            challenger, why = Rivals(self.trainer, self.runs).best(name, index, champion)
            line |= {"retrained": True, "challenger": why}
            verdict = exam.compare(self.trainer, challenger, champion, index)
        except NotEnoughData as error:
            return {**line, "reasons": [*line.get("reasons", []), str(error)]}
        return self._conclude(line, challenger, verdict)

    def _conclude(
        self, line: dict[str, Any], challenger: Trained, verdict: gate.GateReport
    ) -> dict[str, Any]:
        """Register, record the verdict, and promote what passed unless a person must approve."""
        version = champions.enter(self.trainer, challenger)
        promote.record_gate(verdict, version, {"trained_on": line["interval"], **self.trainer.origin()})
        print(f"{version.name} version {version.number}, {line['interval']}\n{verdict.table()}", flush=True)
        line |= {"version": version.number, "gate": verdict.to_dict()["checks"]}
        if not verdict.passed:
            return line
        if self.trainer.context.params.gate.approval:
            how = f"edgeprint promote {version.name} --version {version.number}"
            return {**line, "awaits": f"it passed the gate and waits for a person: {how}"}
        promote.promote(version.name, version.number)
        self.champions[version.name] = challenger
        return {**line, "promoted": True}

    def waits(self, line: dict[str, Any]) -> bool:
        """Whether a line's version waits for a person, and none has promoted it or a newer one since."""
        challenger = promote.aliased(line["model"], promote.CHALLENGER) if line.get("awaits") else None
        return challenger is not None and challenger.number == line["version"]

    def approve(self, line: dict[str, Any]) -> dict[str, Any]:
        """A person approved of a challenger that awaits it: the line with what came of it."""
        version = promote.promote(line["model"], line["version"], by=promote.HAND)
        self.champions[version.name] = champions.fetch(self.trainer, version)
        return {key: value for key, value in line.items() if key != "awaits"} | {"promoted": True}

    def adopt(self, name: str) -> Trained | None:
        """Begin from the registry's champion, weights and all: on a machine that has lived nothing yet."""
        version = promote.champion(name)
        if version:
            self.champions[name] = champions.fetch(self.trainer, version)
        return self.champions.get(name)

    def _heed_people(self, name: str, index: int) -> None:
        """A version that a person put in use since, forward or back, is the champion from here on."""
        own, chosen = self.champions.get(name), promote.champion(name)
        if chosen is None or not promote.is_by_hand(chosen):
            return
        if own is None or artifact.digest(own.artifact) != chosen.digest:
            trained = champions.fetch(self.trainer, chosen)
            if trained.interval < index:  # not where the past is lived again
                self.champions[name] = trained

    def _decide(self, champion: Trained | None, index: int) -> policy.Decision:
        limits = self.trainer.context.params.policy
        if champion is None:
            return policy.decide(policy.Evidence(None), limits)
        seen = self.seen.get(self.trainer.data.names[index], {})
        return policy.decide(evidence.gather(self.trainer, champion, index, seen), limits)
