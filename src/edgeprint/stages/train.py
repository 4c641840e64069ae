"""Train one method interval after interval, each model in an MLflow run with its exported artifact folder.

    trainer = Trainer(workspace, "binary")
    for index, interval in enumerate(trainer.data.names):
        for name in trainer.names:
            trained = trainer.train(name, index, folder / interval / name, initial=trained)

Under models/<key>/<interval>/<name>/ stand the weights and, in artifact/, what would be shipped. After a
kill, or when a quarter has come, the same calls train no finished model again: see checkpoints.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from edgeprint import artifact
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.litert import Runner
from edgeprint.registry import figures, tflite, tracking
from edgeprint.scores import Scores
from edgeprint.stages import checkpoints, dataset, exports
from edgeprint.stages.checkpoints import Place, fingerprint
from edgeprint.stages.methods import METHODS, Context, Export
from edgeprint.stages.workspace import Workspace

NUMBERS = "params.yaml"  # of a run: all numbers that it was trained by


@dataclass(frozen=True)
class Trained:
    """A model, where it lies, its run and how good it is on the held-out part of its newest interval."""

    name: str
    model: Any
    folder: Path
    run_id: str
    interval: int
    scores: Scores
    parity: float | None  # largest difference between the shipped TFLite and its source model; before: None

    @property
    def artifact(self) -> Path:
        return self.folder / "artifact"


@dataclass(frozen=True)
class Fitted:
    """A model before its export, with the rows that takes: of training, and held out by interval."""

    trained: Trained
    training: FeatureTable
    tested: list[FeatureTable]
    place: Place


@dataclass
class Trainer:
    """What all trainings of one method share; `stage` names the MLflow runs' origin: train or retrain."""

    workspace: Workspace
    key: str
    stage: str = "train"
    used: set[str] = field(default_factory=set)  # checkpoints of the models that were asked for

    def __post_init__(self) -> None:
        self.method = METHODS[self.key]
        self.data = dataset.load(self.workspace, self.key)
        self.context = Context(self.workspace.inventory(), self.workspace.params())
        self.names = self.method.names(self.context.inventory)
        tracking.open_store(self.workspace.state, self.workspace.mlflow())
        self.store = tracking.store_id()

    def train(self, name: str, index: int, folder: Path, *, initial: Trained | None = None) -> Trained:
        """One model of the rows up to an interval (or of that interval, from `initial`), logged and saved.

        Raises NotEnoughData.
        """
        return self.ship(self.fit(name, index, folder, initial=initial))

    def fit(self, name: str, index: int, folder: Path, *, initial: Trained | None = None) -> Fitted:
        """As `train`, without an artifact: enough to tell whether it is worth one.

        Its run keeps what it takes to train it again: the version of the data, every number, and the digest
        of the artifact that it was trained on from.

        Raises NotEnoughData.
        """
        since = None if self.method.cumulative or initial is None else index
        training, tested = self.data.training(index, since=since), self.data.tested(index)
        testing = tested[-1]
        if not len(training) or not len(testing):
            raise NotEnoughData(f"{name}: {self.data.names[index]} holds no traffic to train on")
        weights = initial and initial.model
        place = self._place(name, index, (training, *tested), weights)
        if kept := place.restore(folder):
            return Fitted(self.load(name, index, {**kept, "folder": folder}), training, tested, place)
        numbers = getattr(self.context.params, self.key).model_dump()
        began = {"trained_from": artifact.digest(initial.artifact) if initial else ""}
        tags = {**self._tags(name, index), **began}
        title = self._title(name, index)
        with tracking.training_run(self.method.family, title, numbers, tags) as run:
            run.text(NUMBERS, yaml.safe_dump(self.context.params.model_dump(), sort_keys=False))
            model = self.method.train(
                name,
                training,
                testing,
                self.context,
                seed=self.context.params.seed,
                on_epoch=run.on_epoch,
                initial=weights,
                checkpoint=place.training,
            )
            scores = self.method.evaluate_one(name, model, testing, self.context)
            self.method.save(model, folder)
            run.scores(scores)
            run.metrics({"training_rows": len(training)})
        trained = Trained(name, model, folder, run.id, index, scores, parity=None)
        place.keep(folder, entry(trained, self.workspace))
        return Fitted(trained, training, tested, place)

    def ship(self, fitted: Fitted) -> Trained:
        """The model with its artifact, which its run gets, too."""
        trained = fitted.trained
        if trained.parity is not None:
            return trained
        with tracking.resumed(trained.run_id) as run:
            tflite.number_anew()
            export = self.method.export(trained.model, fitted.training, self.context, fitted.tested)
            exported = self._export(trained, export, fitted.tested[-1])
            run.metrics(exported | {f"threshold.{key}": value for key, value in export.thresholds.items()})
            title = f"{self._title(trained.name, trained.interval)}, its held-out part"
            run.figure("confusion", figures.confusion(trained.scores, title))
            run.artifact_folder(trained.artifact)
        shipped = replace(trained, parity=exported["tflite_parity"])
        fitted.place.keep(trained.folder, entry(shipped, self.workspace))
        return shipped

    def _title(self, name: str, index: int) -> str:
        return f"{name} trained through {self.data.names[index]}"

    def _place(self, name: str, index: int, tables: tuple[FeatureTable, ...], initial: Any) -> Place:
        """Where this very training is kept: of other rows, numbers, `initial` or code it is another place."""
        inventory, params = self.context.inventory, self.context.params
        numbers = getattr(params, self.key).model_dump_json()
        who = sorted((d.name, d.category, d.iot) for d in inventory.devices.values())
        with tempfile.TemporaryDirectory() as scratch:
            before = None
            if initial is not None:
                self.method.save(initial, before := Path(scratch))
            quantised = params.gate.max_quantised_parity, params.gate.max_quantised_drop
            words = (name, self.data.names[index], numbers, params.seed, who, quantised, self.store)
            found = f"{name}-{index}-{fingerprint(words, tables, before)}"
        self.used.add(found)
        return Place(checkpoints.folder(self.workspace, self.key), found)

    def load(self, name: str, index: int, entry: dict) -> Trained:
        """A model that an earlier stage trained; `entry` is its line in models/<key>/runs.json."""
        folder = self.workspace.root / entry["folder"]
        return Trained(
            name,
            self.method.load(folder),
            folder,
            entry["run_id"],
            index,
            Scores.from_dict(entry["scores"]),
            entry["parity"],
        )

    def _categories(self, labels: list[str]) -> dict[str, str]:
        """Of each label that is a device."""
        devices = self.context.inventory.devices
        return {label: devices[label].category for label in labels if label in devices}

    def _tags(self, name: str, index: int) -> dict[str, object]:
        return {"stage": self.stage, "model": name, "trained_on": self.data.names[index], **self.origin()}

    def origin(self) -> dict[str, object]:
        """What every run and card says of the data: its DVC version, where it is from, simulated or not."""
        source = self.workspace.source()
        return {
            "data_version": self.workspace.data_version(),
            "data_source": source["name"],
            "data_kind": source["kind"],
            "simulated": source["simulated"],
        }

    def _export(self, trained: Trained, export: Export, testing: FeatureTable) -> dict[str, float]:
        """Write the artifact of the export that is shipped; the figures of every kind."""
        name, limits = trained.name, self.context.params.gate
        measured = exports.measure(self.method, name, trained.model, export, testing, self.context)
        shipped = exports.choose(measured, limits)
        card = artifact.ModelCard(
            family=self.method.family,
            name=name,
            labels=export.labels,
            input_shape=list(export.inputs.shape[1:]),
            schema_hash=testing.schema.hash,
            thresholds=export.thresholds,
            preprocessing=export.preprocessing,
            data={
                **self.origin(),
                "trained_through": self.data.names[trained.interval],
                "categories": self._categories(export.labels),
            },
            git_revision=tracking.git_revision(),
            export=exports.card(measured, shipped),
        )
        golden = export.inputs, Runner(shipped.network)(export.inputs)
        artifact.write(
            trained.artifact, tflite=shipped.network, card=card, schema=testing.schema, golden=golden
        )
        return exports.metrics(measured, shipped)


def entry(trained: Trained, workspace: Workspace) -> dict:
    """What runs.json remembers of a model."""
    return {
        "run_id": trained.run_id,
        "folder": str(trained.folder.relative_to(workspace.root)),
        "scores": trained.scores.to_dict(),
        "parity": trained.parity,
    }


def read_runs(workspace: Workspace, key: str) -> dict:
    """models/<key>/runs.json: {"intervals": [names], "models": {index: {name: entry}}, "skipped": [...]}."""
    return json.loads((workspace.models / key / "runs.json").read_text())
