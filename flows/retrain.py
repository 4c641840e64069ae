"""As each interval ends: decide for every model, retrain what must be, promote what passes the gate.

python -m flows.retrain
"""

from pathlib import Path

from prefect import flow, task

from edgeprint.progress import track
from edgeprint.stages import checkpoints
from edgeprint.stages import retrain as stage
from edgeprint.stages.methods import METHODS
from edgeprint.stages.train import Trainer, read_runs
from edgeprint.stages.workspace import Workspace
from flows import approval, main


@task(task_run_name="{name} {interval}")
def step(walk: stage.Walk, name: str, interval: str, index: int) -> dict:
    return walk.step(name, index)


@flow(name="retrain")
def retrain(root: Path = Path()) -> list[dict]:
    """Live through the intervals in order; every decision, refusal and promotion is a line of the report."""
    workspace = Workspace(root.resolve())
    lines = []
    for key in METHODS:
        trainer = Trainer(workspace, key, stage="retrain")
        walk = stage.Walk(trainer, read_runs(workspace, key))
        work = [
            (i, interval, name) for i, interval in enumerate(trainer.data.names) for name in trainer.names
        ]
        lived = []
        for index, interval, name in track(work, f"retrain {key}"):
            lived.append({"method": key, **step(walk, name, interval, index)})
        lines += approval.settle(walk, lived)
    workspace.write_report("retrain", lines)
    checkpoints.forget(workspace, "retrain")
    return lines


if __name__ == "__main__":
    main(retrain)
