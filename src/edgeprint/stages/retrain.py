"""Live through the intervals as they came: decide, retrain what must be, examine, promote or refuse.

walk = Walk(trainer, runs)
for index in range(len(trainer.data.names)):
    for name in trainer.names:
        line = walk.step(name, index)        # a line of reports/retrain.json

What was decided before of the very same is not decided again: see ledger. A new quarter is one step a model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from edgeprint.drift import policy
from edgeprint.errors import NotEnoughData
from edgeprint.registry import gate, promote
from edgeprint.stages import champions, evidence, exam, field
from edgeprint.stages.ledger import Ledger
from edgeprint.stages.rivals import Rivals
from edgeprint.stages.train import Trained, Trainer


@dataclass
class Walk:
    """One method's champions as the intervals pass; `runs` is what training made."""

    trainer: Trainer
    runs: dict

    def __post_init__(self) -> None:
        self.seen = field.by_interval(self.trainer)
        self._ledgers: dict[str, Ledger] = {}
        self._known: dict[tuple[str, int], Trained] = {}  # versions that this walk has in memory
        self._digests: dict[int, str] = {}

    def step(self, name: str, index: int) -> dict[str, Any]:
        """What happens to one model when an interval has passed: the decision, and what came of it."""
        ledger = self._ledger(name)
        key = self._key(ledger, name, index)
        line = ledger.line(index, key)
        if line is None:
            lived = ledger.rewritten or index < len(ledger.steps)
            number = ledger.champion_before(index) if lived else _number(promote.champion(name))
            number = ledger.begin(index, key, number)
            line, number = self._live(name, index, number)
            ledger.end(line, number)
        if index == len(self.trainer.data.names) - 1:
            ledger.caught_up()
        return line

    def _live(self, name: str, index: int, number: int | None) -> tuple[dict[str, Any], int | None]:
        """The line of an interval that begins with a champion's version, and the version it ends with."""
        interval = self.trainer.data.names[index]
        line: dict[str, Any] = {"model": name, "interval": interval, "retrained": False, "promoted": False}
        champion = self._champion(name, number)
        if champion and champion.interval >= index:
            trained = self.trainer.data.names[champion.interval]
            return {**line, "reasons": [f"version {number} was trained through {trained}"]}, number
        try:
            decision = self._decide(name, index, champion)
            line |= {"reasons": decision.reasons, "triggers": decision.triggers}
            if not decision.retrain:
                return line, number
            rivals = Rivals(self.trainer, self.runs)
            challenger, why = rivals.best(name, index, champion)
            line |= {"retrained": True, "challenger": why}
            verdict = exam.compare(self.trainer, challenger, champion, index)
        except NotEnoughData as error:
            return {**line, "reasons": [*line.get("reasons", []), str(error)]}, number
        return self._conclude(line, challenger, verdict, number)

    def _conclude(
        self, line: dict[str, Any], challenger: Trained, verdict: gate.GateReport, number: int | None
    ) -> tuple[dict[str, Any], int | None]:
        """Register, record the verdict, and promote what passed unless a person must approve."""
        version = champions.enter(self.trainer, challenger)
        self._known[version.name, version.number] = challenger
        about = {"trained_on": line["interval"], **self.trainer.origin()}
        promote.record_gate(verdict, version, about)
        line |= {"version": version.number, "gate": verdict.to_dict()["checks"]}
        if not verdict.passed:
            return line, number
        if self.trainer.context.params.gate.approval:
            how = f"edgeprint promote {version.name} --version {version.number}"
            return {**line, "awaits": f"it passed the gate and waits for a person: {how}"}, number
        promote.promote(version.name, version.number)
        return {**line, "promoted": True}, version.number

    def _decide(self, name: str, index: int, champion: Trained | None) -> policy.Decision:
        if champion is None:
            return policy.decide(policy.Evidence(None), self.trainer.context.params.policy)
        seen = self.seen.get(self.trainer.data.names[index], {})
        found = evidence.gather(self.trainer, champion, index, seen)
        return policy.decide(found, self.trainer.context.params.policy)

    def _champion(self, name: str, number: int | None) -> Trained | None:
        if number is None:
            return None
        if (name, number) not in self._known:
            self._known[name, number] = champions.fetch(self.trainer, promote.version(name, number))
        return self._known[name, number]

    def _ledger(self, name: str) -> Ledger:
        if name not in self._ledgers:
            path = self.trainer.workspace.state / "retrain" / f"{name}.json"
            self._ledgers[name] = Ledger.read(path)
        return self._ledgers[name]

    def _key(self, ledger: Ledger, name: str, index: int) -> str:
        """Of all that the decision of an interval stands on."""
        trainer, params = self.trainer, self.trainer.context.params
        numbers = [p.model_dump_json() for p in (params.policy, params.gate, getattr(params, trainer.key))]
        who = sorted((d.name, d.category, d.iot) for d in trainer.context.inventory.devices.values())
        seen = self.seen.get(trainer.data.names[index], {})
        first = {}
        if ledger.champion_before(index) is None:  # what training made becomes the first champion
            first = self.runs["models"].get(str(index), {}).get(name, {})
        words = (trainer.data.names[index], *numbers, params.seed, who, seen, first.get("run_id"))
        return ledger.key(index, name, self._digest(index), *words)

    def _digest(self, index: int) -> str:
        """Of all rows of an interval."""
        if index not in self._digests:
            rows = self.trainer.data.table.select(self.trainer.data.interval == index)
            digest = hashlib.sha256("\n".join(rows.device).encode())
            digest.update(rows.start_ns.tobytes() + rows.values.tobytes())
            self._digests[index] = digest.hexdigest()
        return self._digests[index]


def _number(version: promote.Version | None) -> int | None:
    return version.number if version else None
