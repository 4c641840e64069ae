"""MLflow's memory of what was trained and measured: one experiment, the same names for every family.

    open_store(Path("state"))
    with training_run("cclp", "cclp trained on 2025Q1", params, tags) as run:
        model = train(..., on_epoch=run.on_epoch)
        run.scores(evaluate(model, ...))
        run.figure("confusion", confusion(scores, "cclp on 2025Q2"))
        run.artifact_folder(folder)

Runs are written through the client, with no active run, so that threads may write several at once.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprint import blank_databases
from edgeprint.scores import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

EXPERIMENT = "edgeprint"
HERE = Path(__file__).parent
QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
URI = "MLFLOW_TRACKING_URI"
BUFFERED_EPOCHS = 20  # a write to SQLite costs about 10 ms, as much as a small epoch


def open_store(state: Path, uri: str | None = None) -> None:
    """Use the store at `uri` or, where none is given, SQLite and plain files under `state`.

    Creates the experiment where it is missing; telemetry is off. Called before anything else of MLflow, and
    once before several processes share a new store: its tables take seconds and are made without a lock.
    """
    os.environ.update(QUIET)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    import mlflow
    from mlflow.exceptions import MlflowException

    state.mkdir(parents=True, exist_ok=True)
    if not uri:
        blank_databases.begin("mlflow", state / "mlflow.db")
    named = os.environ.get(URI)
    mlflow.set_tracking_uri(store_uri(state, uri))
    mlflow.set_registry_uri(mlflow.get_tracking_uri())
    os.environ.pop(URI, None)  # MLflow writes it for child processes, where a person's choice may stand
    if named is not None:
        os.environ[URI] = named
    artifacts = None if uri else (state.resolve() / "mlartifacts").as_uri()
    client = mlflow.MlflowClient()
    if client.get_experiment_by_name(EXPERIMENT) is None:
        try:
            client.create_experiment(EXPERIMENT, artifact_location=artifacts)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was faster
                raise


def store_uri(state: Path, uri: str | None = None) -> str:
    """Where `open_store` opens it."""
    return uri or f"sqlite:///{state.resolve() / 'mlflow.db'}"


def store_id() -> str:
    """What tells this store from any other, and from one made anew in its place."""
    import mlflow

    experiment = mlflow.MlflowClient().get_experiment_by_name(EXPERIMENT)
    assert experiment is not None, "open_store comes first"
    return f"{mlflow.get_tracking_uri()} {experiment.creation_time}"


class TrainingRun:
    """What a training writes while it goes on; see training_run."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.id = run_id
        self._client = client
        self._epochs: list[tuple[int, int, Mapping[str, float]]] = []

    def on_epoch(self, step: int, metrics: Mapping[str, float]) -> None:
        """Metrics of one epoch (loss, val_loss, val_macro_f1); written in batches."""
        self._epochs.append((step, time.time_ns() // 10**6, dict(metrics)))
        if len(self._epochs) >= BUFFERED_EPOCHS:
            self.flush()

    def scores(self, scores: Scores, prefix: str = "") -> None:
        """All of Scores.metrics(), e.g. macro_f1, or 2025Q2/macro_f1 with the prefix 2025Q2."""
        self.metrics({f"{prefix}/{k}" if prefix else k: v for k, v in scores.metrics().items()})

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        self._write([(step, time.time_ns() // 10**6, values)])

    def figure(self, name: str, figure: Figure) -> None:
        """Stored as plots/`name`.png."""
        with tempfile.TemporaryDirectory() as folder:
            figure.savefig(path := Path(folder) / f"{name}.png")
            self._client.log_artifact(self.id, str(path), "plots")

    def text(self, name: str, text: str) -> None:
        """Stored as the file `name`, e.g. drift/2025Q2.html."""
        self._client.log_text(self.id, text, name)

    def artifact_folder(self, folder: Path) -> str:
        """Log a model's folder with edgeprint's flavour; returns its URI."""
        from edgeprint.registry import flavor

        self.flush()
        return flavor.log_model(folder, run_id=self.id).model_uri

    def flush(self) -> None:
        """Write the epochs that wait."""
        waiting, self._epochs = self._epochs, []
        self._write(waiting)

    def _write(self, rows: list[tuple[int, int, Mapping[str, float]]]) -> None:
        from mlflow.entities import Metric

        found = [Metric(_key(k), float(v), at, step) for step, at, values in rows for k, v in values.items()]
        for i in range(0, len(found), 1000):  # the most that MLflow takes at once
            self._client.log_batch(self.id, metrics=found[i : i + 1000])


def reopen(run_id: str) -> TrainingRun:
    """A run that has ended, to add figures and metrics that were measured later."""
    from mlflow import MlflowClient

    return TrainingRun(MlflowClient(), run_id)


def tags_of(run_id: str) -> dict[str, str]:
    from mlflow import MlflowClient

    return MlflowClient().get_run(run_id).data.tags


def text_of(run_id: str, name: str) -> str | None:
    """The file `name` that a run stored with `text`; None where it has none."""
    from mlflow import MlflowClient

    client = MlflowClient()
    if name not in {each.path for each in client.list_artifacts(run_id)}:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run_id, name, folder)).read_text()


@contextmanager
def training_run(
    family: str, name: str, params: Mapping[str, Any], tags: Mapping[str, object]
) -> Iterator[TrainingRun]:
    """A run named `name`; ends FINISHED, or FAILED where the body raises.

    `params` may be nested, keys are joined by dots. `tags` say what the figures stand on: data_version,
    simulated, stage, trained_on; git_revision and family are added.
    """
    from mlflow import MlflowClient
    from mlflow.entities import Param

    client = MlflowClient()
    revision = git_revision()
    own = {"family": family, "git_revision": revision, "mlflow.source.name": "edgeprint"}
    all_tags = {key: str(value) for key, value in {**own, **tags}.items()}
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None, "open_store comes first"
    created = client.create_run(experiment.experiment_id, tags=all_tags, run_name=name)
    with resumed(created.info.run_id) as run:
        client.log_batch(run.id, params=[Param(k, str(v)) for k, v in flatten(params).items()])
        yield run


@contextmanager
def resumed(run_id: str) -> Iterator[TrainingRun]:
    """A run to go on with; ends FINISHED, or FAILED where the body raises."""
    from mlflow import MlflowClient

    run, status = TrainingRun(client := MlflowClient(), run_id), "FAILED"
    try:
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        run.flush()
        client.set_terminated(run.id, status)


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"train": {"steps": 3}} becomes {"train.steps": 3}."""
    flat: dict[str, Any] = {}
    for key, value in params.items():
        nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def git_revision(folder: Path = HERE) -> str:
    """Short commit of the code that runs, with -dirty where it was changed since; "unknown" outside git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _key(name: str) -> str:
    """A metric's name with what MLflow does not take replaced."""
    return re.sub(r"[^\w\-./ :]", "_", name)
