"""The MLflow flavour of a model's folder (edgeprint.artifact): save, log, load and predict.

    info = log_model(folder, run_id=run_id)
    model = load_model("models:/cclp@champion")
    model.predict(rows), model.artifact.card
    mlflow.pyfunc.load_model("models:/cclp@champion").predict(rows)

An MLflow model of this flavour is the folder as it is, under `artifact/`, next to MLflow's own files.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeprint import artifact
from edgeprint.registry.tflite import Runner

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature
    from mlflow.models.model import ModelInfo

FLAVOR_NAME = "edgeprint"
DATA = "artifact"
RUNTIME = ("ai-edge-litert", "mlflow", "numpy")  # with edgeprint itself, all that predicting takes


@dataclass(frozen=True)
class TfliteModel:
    artifact: artifact.Artifact
    runner: Runner

    def predict(self, data: Any, params: dict | None = None) -> NDArray[np.float32]:
        """Outputs [n, k] for rows [n, ...] of the card's input shape: an array or a DataFrame."""
        return self.runner(np.asarray(data, "f4"))


def save_model(folder: Path, path: Path | str, mlflow_model: Model | None = None) -> None:
    """Write an MLflow model to `path`, which must be absent or empty.

    Signature from the card, requirements pinned to what is installed: nothing is run to infer either.
    """
    from mlflow import pyfunc
    from mlflow.models import Model

    path = Path(path)
    stored = artifact.read(folder)
    card = stored.card
    (path / DATA).mkdir(parents=True, exist_ok=True)
    for name in artifact.FILES:
        shutil.copyfile(folder / name, path / DATA / name)
    model = Model() if mlflow_model is None else mlflow_model
    model.signature = signature(stored)
    model.metadata = {"family": card.family, "name": card.name, "schema_hash": card.schema_hash}
    model.model_size_bytes = sum((path / DATA / name).stat().st_size for name in artifact.FILES)
    pyfunc.add_to_model(model, loader_module=__name__, data=DATA, python_env="python_env.yaml")
    model.add_flavor(FLAVOR_NAME, data=DATA, digest=artifact.digest(folder))
    model.save(path / "MLmodel")
    _write_environment(path)


def log_model(
    folder: Path, *, run_id: str | None = None, registered_model_name: str | None = None
) -> ModelInfo:
    """Log a folder to a run (the active one where none is named); its digest becomes a tag of the model."""
    import mlflow
    from mlflow.models import Model

    card = artifact.read(folder).card
    run = mlflow.get_run(run_id) if run_id else mlflow.active_run() or mlflow.start_run()
    tags = {"digest": artifact.digest(folder), "family": card.family}
    logged = mlflow.MlflowClient().create_logged_model(
        run.info.experiment_id,  # named, for MLflow would take the active experiment's place for the files
        name=card.name.replace(".", "-"),  # takes no dot; a registered model's name does
        source_run_id=run.info.run_id,
        tags=tags,
        model_type=card.family,
    )
    return Model.log(
        artifact_path=None,
        flavor=sys.modules[__name__],
        run_id=run.info.run_id,
        registered_model_name=registered_model_name,
        tags=tags,
        model_id=logged.model_id,
        folder=folder,
    )


def load_model(uri: str, into: Path | None = None) -> TfliteModel:
    """The model of an MLflow URI (models:/name@alias, runs:/..., a path), fetched into a new folder.

    Raises BadArtifact where what is stored there is incomplete.
    """
    import mlflow

    to = into or Path(tempfile.mkdtemp(prefix="edgeprint-"))
    return _load_pyfunc(Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(to))) / DATA)


def signature(stored: artifact.Artifact) -> ModelSignature:
    """Rows of the card's input shape in, rows as the golden outputs out, both float32."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    shapes = (-1, *stored.card.input_shape), (-1, *stored.golden_outputs.shape[1:])
    source, sink = (Schema([TensorSpec(np.dtype("f4"), shape)]) for shape in shapes)
    return ModelSignature(inputs=source, outputs=sink)


def _load_pyfunc(path: Path | str) -> TfliteModel:
    """What mlflow.pyfunc calls with the folder's path."""
    stored = artifact.read(Path(path))
    return TfliteModel(stored, Runner(stored.tflite))


def _write_environment(path: Path) -> None:
    pins = [f"{name}=={version(name)}" for name in RUNTIME]
    (path / "requirements.txt").write_text("\n".join(pins) + "\n")
    python = ".".join(map(str, sys.version_info[:3]))
    environment = {"python": python, "dependencies": ["-r requirements.txt"]}
    (path / "python_env.yaml").write_text(json.dumps(environment, indent=1) + "\n")
