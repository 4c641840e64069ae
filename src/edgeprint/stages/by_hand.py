"""Promote and roll back by hand, through the same gate as the retrain flow.

    outcome = promote(workspace, "binary.camera-a")             # its challenger
    outcome = rollback(workspace, "binary.camera-a")
    print(outcome.report.table())

Both raise GateRefused where the gate says no, unless `force` gives a reason, which is kept with the verdict.
Either way the verdict is a run in MLflow. What was published last is out of date then: DVC publishes anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeprint.errors import GateRefused, NotEnoughData, UnknownModel
from edgeprint.registry import promote as aliases
from edgeprint.registry.gate import GateReport
from edgeprint.stages import champions, exam
from edgeprint.stages.methods import key_of
from edgeprint.stages.train import Trainer
from edgeprint.stages.workspace import Workspace

STAGE = "by hand"
Move = Callable[[aliases.Version], aliases.Version]


@dataclass(frozen=True)
class Outcome:
    """The champion now, the one before, and the gate's report: None where there was no data to examine by."""

    version: aliases.Version
    before: aliases.Version | None
    report: GateReport | None


def promote(
    workspace: Workspace,
    name: str,
    number: int | None = None,
    *,
    force: str = "",
    show: Callable[[str], None] = print,
) -> Outcome:
    """Make a version, by default the challenger, the champion. `show` gets the gate's table first.

    Raises UnknownModel, GateRefused, and NotEnoughData where nothing can be examined and nothing is forced.
    """
    trainer = Trainer(workspace, key_of(name), stage=STAGE)
    version = aliases.version(name, number) if number else aliases.aliased(name, aliases.CHALLENGER)
    if version is None:
        raise UnknownModel(f"{name} has no challenger; --version N names one of its versions")
    return _through_the_gate(
        trainer, version, "promote", force, show, lambda v: aliases.promote(v.name, v.number, by=aliases.HAND)
    )


def rollback(
    workspace: Workspace, name: str, *, force: str = "", show: Callable[[str], None] = print
) -> Outcome:
    """Make the previous version champion again; it is examined as a challenger is. Raises as `promote`."""
    trainer = Trainer(workspace, key_of(name), stage=STAGE)
    version = aliases.aliased(name, aliases.PREVIOUS)
    if version is None:
        raise UnknownModel(f"{name} has no previous version to go back to")
    return _through_the_gate(trainer, version, "roll back", force, show, lambda v: aliases.rollback(v.name))


def _through_the_gate(
    trainer: Trainer,
    version: aliases.Version,
    what: str,
    force: str,
    show: Callable[[str], None],
    move: Move,
) -> Outcome:
    before = aliases.champion(version.name)
    report = _examined(trainer, version, before, force, show)
    if report:
        show(report.table())
        about = {"by_hand": what, "forced": force, **trainer.origin()}
        aliases.record_gate(report, version, about)
    if report and not report.passed and not force:
        raise GateRefused(f"{version.name} version {version.number}: {'; '.join(report.refusals)}")
    if force:
        aliases.tag(version, "forced", force)
    moved = move(version)
    (trainer.workspace.reports / "release.json").unlink(missing_ok=True)  # DVC does not see the registry
    return Outcome(moved, before, report)


def _examined(
    trainer: Trainer,
    version: aliases.Version,
    before: aliases.Version | None,
    force: str,
    show: Callable[[str], None],
) -> GateReport | None:
    """On the newest interval."""
    newest = len(trainer.data.names) - 1
    challenger = champions.fetch(trainer, version)
    champion = champions.fetch(trainer, before) if before and before != version else None
    try:
        return exam.compare(trainer, challenger, champion, newest)
    except NotEnoughData as error:
        if not force:
            raise
        show(f"not examined: {error}")
        return None
