"""Train one method through every interval: one task a model and interval, one after the other.

python -m flows.train cclp | lstm_cnn | binary
"""

import json
import sys
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.states import Completed, State

from edgeprint.errors import NotEnoughData
from edgeprint.progress import track
from edgeprint.stages import checkpoints
from edgeprint.stages import train as stage
from edgeprint.stages.workspace import Workspace
from flows import FROM_THE_STORE, main


@task(task_run_name="open {key}", **FROM_THE_STORE)
def open_trainer(workspace: Workspace, key: str, origin: str) -> stage.Trainer:
    """A method's rows, and MLflow's store: what a training needs before it begins."""
    return stage.Trainer(workspace, key, origin)


@task(task_run_name="{name} {interval}", **FROM_THE_STORE)
def train_model(
    trainer: stage.Trainer, name: str, interval: str, index: int, before: stage.Trained | None
) -> stage.Trained | State:
    """The trained model; where data lack, a state that Prefect shows as Skipped, for that is no failure."""
    folder = trainer.workspace.models / trainer.key / interval.replace("/", "-of-") / name
    try:
        return trainer.train(name, index, folder, initial=before)
    except NotEnoughData as error:
        return Completed(name="Skipped", message=str(error))


@flow(name="train")
def train(key: str, root: Path = Path()) -> dict:
    """Every model of a method after each interval; a model that lacks data is skipped with its reason.

    A method of which no model can be trained does not stop the others: its runs.json has no model.
    """
    trainer = open_trainer(Workspace(root.resolve()), key, "train")
    models: dict[int, dict[str, dict]] = {}
    newest: dict[str, stage.Trained] = {}
    skipped = []
    work = [(i, interval, name) for i, interval in enumerate(trainer.data.names) for name in trainer.names]
    for index, interval, name in track(work, f"train {key}"):
        trained = train_model(trainer, name, interval, index, newest.get(name))
        if isinstance(trained, State):
            skipped.append({"model": name, "interval": interval, "reason": trained.message})
            get_run_logger().warning(trained.message)
        else:
            newest[name] = trained
        if name in newest:
            models.setdefault(index, {})[name] = stage.entry(newest[name], trainer.workspace)
    runs = {"intervals": trainer.data.names, "models": models, "skipped": skipped}
    (trainer.workspace.models / key).mkdir(parents=True, exist_ok=True)
    (trainer.workspace.models / key / "runs.json").write_text(json.dumps(runs, indent=1))
    checkpoints.settle(trainer.workspace, key, "train", trainer.used)
    return runs


if __name__ == "__main__":
    main(train, sys.argv[1])
