"""Score every trained model on every interval and report how far the data moved.

python -m flows.evaluate
"""

from pathlib import Path

from prefect import flow, task

from edgeprint.progress import track
from edgeprint.scores import Scores
from edgeprint.stages import evaluate as stage
from edgeprint.stages.methods import METHODS
from edgeprint.stages.train import Trainer, read_runs
from edgeprint.stages.workspace import Workspace
from flows import FROM_THE_STORE, main
from flows.train import open_trainer


@task(task_run_name="{key} trained on {index}", **FROM_THE_STORE)
def score_row(trainer: Trainer, key: str, index: int, entries: dict[str, dict]) -> list[Scores | None]:
    row = [stage.score_cell(trainer, entries, j) for j in range(len(trainer.data.names))]
    stage.log_row(trainer, index, entries, row)
    stage.log_family(trainer, index, row)
    return row


@task(task_run_name="{key} drift of interval {index}", **FROM_THE_STORE)
def drift(trainer: Trainer, key: str, index: int, reference: int) -> dict | None:
    return stage.drift_of(trainer, index, reference, trainer.workspace.reports / "drift")


@task(task_run_name="{key} summary", **FROM_THE_STORE)
def conclude(
    trainer: Trainer, key: str, cells: dict[tuple[int, int], Scores | None], part: dict, folder: Path
) -> dict:
    return stage.conclude(trainer, cells, part, folder)


@flow(name="evaluate")
def evaluate(root: Path = Path()) -> dict:
    """The matrices of all three methods, and a drift report an interval against the first one trained on."""
    workspace = Workspace(root.resolve())
    (workspace.reports / "drift").mkdir(parents=True, exist_ok=True)
    report = {}
    for key in METHODS:
        trainer, runs = open_trainer(workspace, key, "evaluate"), read_runs(workspace, key)
        trained = sorted(int(i) for i in runs["models"])
        cells = {}
        for i in track(trained, f"evaluate {key}"):
            row = score_row(trainer, key, i, runs["models"][str(i)])
            cells.update({(i, j): scores for j, scores in enumerate(row)})
        later = range(trained[0] + 1, len(trainer.data.names)) if trained else []
        moved = [drift(trainer, key, j, trained[0]) for j in later]
        part = {
            **stage.summary(cells, trainer.data.names),
            "drift": [each for each in moved if each],
            "skipped": runs["skipped"],
            "judged_on": {
                trainer.data.names[i]: stage.judged_on(trainer, runs["models"][str(i)]) for i in trained
            },
        }
        report[key] = conclude(trainer, key, cells, part, workspace.reports / "drift")
    workspace.write_report("evaluate", report)
    workspace.write_report("evaluate-scores", {key: stage.scores(part) for key, part in report.items()})
    return report


if __name__ == "__main__":
    main(evaluate)
