"""As each interval ends: decide for every model, retrain what must be, promote what passes the gate.

python -m flows.retrain
"""

from pathlib import Path

from prefect import flow, task

from edgeprint.progress import track
from edgeprint.stages import checkpoints
from edgeprint.stages import retrain as stage
from edgeprint.stages.journal import Journal
from edgeprint.stages.methods import METHODS
from edgeprint.stages.workspace import Workspace
from flows import FROM_THE_STORE, approval, main
from flows.train import open_trainer


@task(task_run_name="{name} {interval}", **FROM_THE_STORE)
def step(journal: Journal, name: str, interval: str, index: int) -> dict:
    return journal.step(name, index)


@flow(name="retrain")
def retrain(root: Path = Path()) -> list[dict]:
    """Live through the intervals in order; every decision, refusal and promotion is a line of the report.

    Intervals that an earlier run has lived through are remembered: only what is new is decided.
    """
    workspace = Workspace(root.resolve())
    lines = []
    for key in METHODS:
        trainer = open_trainer(workspace, key, "retrain")
        journal = Journal(stage.Walk(trainer, {"models": {}}))
        work = [
            (i, interval, name) for i, interval in enumerate(trainer.data.names) for name in trainer.names
        ]
        lived = []
        for index, interval, name in track(work, f"retrain {key}"):
            known = journal.recall(name, index)
            lived.append({"method": key, **(known or step(journal, name, interval, index))})
        settled = approval.settle(journal.walk, lived)
        for (index, _, name), before, line in zip(work, lived, settled, strict=True):
            if line is not before:
                journal.amend(name, index, line)
        lines += settled
        journal.settle()
        checkpoints.settle(workspace, key, "retrain", trainer.used)
    workspace.write_report("retrain", lines)
    workspace.write_report("retrain-scores", stage.scores(lines))
    return lines


if __name__ == "__main__":
    main(retrain)
