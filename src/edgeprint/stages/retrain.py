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
            known = self._known(champion, index)
            decision = policy.decide(known, self.trainer.context.params.policy)
            line |= {"f1": known.f1_now, "reasons": decision.reasons, "triggers": decision.triggers}
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
        if chosen is None or not chosen.by_hand:
            return
        if own is None or artifact.digest(own.artifact) != chosen.digest:
            trained = champions.fetch(self.trainer, chosen)
            if trained.interval < index:  # not where the past is lived again
                self.champions[name] = trained

    def _known(self, champion: Trained | None, index: int) -> policy.Evidence:
        if champion is None:
            return policy.Evidence(None)
        return evidence.gather(
            self.trainer, champion, index, self.seen.get(self.trainer.data.names[index], {})
        )


def scores(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The few numbers of reports/retrain.json that `dvc exp show` and `dvc metrics diff` put side by side.

    Of the newest interval: how many models were retrained, promoted and refused, and the F1 there of each
    that is in use; a model that could not be judged has none.
    """
    last = {line["model"]: line for line in lines}
    refused = [x for x in last.values() if x["retrained"] and not x["promoted"] and "awaits" not in x]
    in_use = {name: _f1_in_use(line) for name, line in last.items()}
    return {
        "retrained": sum(line["retrained"] for line in last.values()),
        "promoted": sum(line["promoted"] for line in last.values()),
        "refused": len(refused),
        "f1": {name: f1 for name, f1 in in_use.items() if f1 is not None},
    }


def _f1_in_use(line: dict[str, Any]) -> float | None:
    """The gate's, of what was promoted; else the champion's, as the policy saw it."""
    if line["promoted"]:
        return next(check["value"] for check in line["gate"] if check["name"] == "macro_f1")
    return line.get("f1")
