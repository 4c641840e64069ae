"""The MLflow flavour of a model's folder (edgeprint.artifact): save, log, load and predict.

    info = log_model(folder, run_id=run_id)
    model = load_model("models:/cclp@champion")
    model.predict(rows), model.artifact.card
    mlflow.pyfunc.load_model("models:/cclp@champion").predict(rows)

    log_identify({"binary.camera-a": folder, ...}, run_id=run_id)      # all devices' models as one: identify

An MLflow model of this flavour is the folder as it is, under `artifact/`, next to MLflow's own files and the
code that predicts: it loads where edgeprint is not installed, too.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.registry import environment, identify, tflite_model
from edgeprint.registry.tflite_model import TfliteModel

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature
    from mlflow.models.model import ModelInfo

FLAVOR_NAME = "edgeprint"
DATA = "artifact"
IDENTIFY = "identify"
Folders = Path | Mapping[str, Path]  # of one model, or by name of all that make one up


def save_model(folder: Folders, path: Path | str, mlflow_model: Model | None = None) -> None:
    """Write an MLflow model to `path`, which must be absent or empty; of several folders, an `identify`.

    Signature from the card, requirements pinned to what is installed: nothing is run to infer either.
    """
    from mlflow import pyfunc
    from mlflow.models import Model

    path = Path(path)
    model = Model() if mlflow_model is None else mlflow_model
    if isinstance(folder, Path):
        card = _copy(folder, path / DATA).card
        model.signature = signature(artifact.read(folder))
        model.metadata = {"family": card.family, "name": card.name, "schema_hash": card.schema_hash}
    else:
        stored = [_copy(each, path / DATA / name) for name, each in folder.items()]
        model.signature = ranking_signature(stored)
        (path / DATA / identify.INDEX).write_text("\n".join(folder) + "\n")
        model.metadata = {"family": IDENTIFY, "name": IDENTIFY, "models": list(folder)}
    model.model_size_bytes = sum(f.stat().st_size for f in (path / DATA).rglob("*") if f.is_file())
    pyfunc.add_to_model(
        model,
        loader_module=environment.LOADER,
        data=DATA,
        code=environment.CODE,
        python_env="python_env.yaml",
        conda_env="conda.yaml",
    )
    model.add_flavor(FLAVOR_NAME, data=DATA, digest=digest(folder))
    environment.write(path)
    model.save(path / "MLmodel")


def _copy(folder: Path, to: Path) -> artifact.Artifact:
    stored = artifact.read(folder)
    to.mkdir(parents=True, exist_ok=True)
    for name in artifact.FILES:
        shutil.copyfile(folder / name, to / name)
    return stored


def digest(folder: Folders) -> str:
    """artifact.digest of one folder; of several, of all their names and digests."""
    if isinstance(folder, Path):
        return artifact.digest(folder)
    lines = [f"{name} {artifact.digest(each)}\n" for name, each in sorted(folder.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def log_model(
    folder: Path, *, run_id: str | None = None, registered_model_name: str | None = None
) -> ModelInfo:
    """Log a folder to a run (the active one where none is named); its digest becomes a tag of the model."""
    card = artifact.read(folder).card
    return _log(folder, card.name, card.family, run_id, registered_model_name)


def log_identify(
    folders: Mapping[str, Path], *, run_id: str | None = None, registered_model_name: str | None = None
) -> ModelInfo:
    """Log the binary models of several devices as one that ranks them: see registry.identify."""
    return _log(folders, IDENTIFY, IDENTIFY, run_id, registered_model_name)


def _log(
    folder: Folders, name: str, family: str, run_id: str | None, registered_model_name: str | None
) -> ModelInfo:
    import mlflow
    from mlflow.models import Model

    run = mlflow.get_run(run_id) if run_id else mlflow.active_run() or mlflow.start_run()
    tags = {"digest": digest(folder), "family": family}
    logged = mlflow.MlflowClient().create_logged_model(
        run.info.experiment_id,  # named, for MLflow would take the active experiment's place for the files
        name=name.replace(".", "-"),  # takes no dot; a registered model's name does
        source_run_id=run.info.run_id,
        tags=tags,
        model_type=family,
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
    fetched = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(to)))
    return tflite_model.load(fetched / DATA)


def signature(stored: artifact.Artifact) -> ModelSignature:
    """Rows of the card's input shape in, rows as the golden outputs out, both float32."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    shapes = (-1, *stored.card.input_shape), (-1, *stored.golden_outputs.shape[1:])
    source, sink = (Schema([TensorSpec(np.dtype("f4"), shape)]) for shape in shapes)
    return ModelSignature(inputs=source, outputs=sink)


def ranking_signature(stored: Sequence[artifact.Artifact]) -> ModelSignature:
    """Spectrogram columns in; out comes a ranking, which MLflow has no shape for.

    Raises BadArtifact for no model, and for models of other columns than each other's.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    if len({each.schema.hash for each in stored}) != 1:
        names = ", ".join(each.card.name for each in stored) or "no model"
        raise BadArtifact(f"{names}: only models of the same columns can be asked together")
    height = len(stored[0].schema.columns)
    return ModelSignature(inputs=Schema([TensorSpec(np.dtype("f4"), (-1, height))]))
