"""Train one method through every interval: one task a model and interval, one after the other.

python -m flows.train cclp | lstm_cnn | binary
"""

import json
import sys
from pathlib import Path

from prefect import flow, get_run_logger, task

from edgeprint.errors import NotEnoughData
from edgeprint.progress import track
from edgeprint.stages import checkpoints
from edgeprint.stages import train as stage
from edgeprint.stages.workspace import Workspace
from flows import main


@task(task_run_name="{name} {interval}")
def train_model(
    trainer: stage.Trainer, name: str, interval: str, index: int, before: stage.Trained | None
) -> stage.Trained:
    folder = trainer.workspace.models / trainer.key / interval.replace("/", "-of-") / name
    return trainer.train(name, index, folder, initial=before and before.model)


@flow(name="train")
def train(key: str, root: Path = Path()) -> dict:
    """Every model of a method after each interval; a model that lacks data is skipped with its reason.

    A method of which no model can be trained does not stop the others: its runs.json has no model.
    """
    trainer = stage.Trainer(Workspace(root.resolve()), key)
    models: dict[int, dict[str, dict]] = {}
    newest: dict[str, stage.Trained] = {}
    skipped = []
    work = [(i, interval, name) for i, interval in enumerate(trainer.data.names) for name in trainer.names]
    for index, interval, name in track(work, f"train {key}"):
        try:
            newest[name] = train_model(trainer, name, interval, index, newest.get(name))
        except NotEnoughData as error:
            skipped.append({"model": name, "interval": interval, "reason": str(error)})
            get_run_logger().warning(str(error))
        if name in newest:
            models.setdefault(index, {})[name] = stage.entry(newest[name], trainer.workspace)
    runs = {"intervals": trainer.data.names, "models": models, "skipped": skipped}
    (trainer.workspace.models / key).mkdir(parents=True, exist_ok=True)
    (trainer.workspace.models / key / "runs.json").write_text(json.dumps(runs, indent=1))
    checkpoints.forget(trainer.workspace, "train", key)
    return runs


if __name__ == "__main__":
    main(train, sys.argv[1])
