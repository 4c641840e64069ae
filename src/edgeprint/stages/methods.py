"""The three methods behind one shape, so that every stage treats them alike.

method = METHODS["binary"]
for name in method.names(inventory):            # binary.camera-a, binary.camera-b, ...
    model = method.train(name, training, validation, context, seed=1)
scores = method.evaluate({name: model}, held_out, context)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Params
from edgeprint.scores import Scores

OnEpoch = Callable[[int, dict[str, float]], None]
GOLDEN = 8  # inputs with known outputs that travel with a model


@dataclass(frozen=True)
class Context:
    """What every training and evaluation of a run shares."""

    inventory: Inventory
    params: Params


@dataclass(frozen=True)
class Export:
    """A trained network ready to be converted: Keras model, inputs [g, ...] and what its card must say."""

    keras: Any
    inputs: NDArray[np.float32]
    labels: list[str]
    thresholds: dict[str, float]
    preprocessing: dict[str, float | int | str]


class Method(Protocol):
    """One paper's method. `key` is its folder, `family` its name in the registry."""

    key: str
    family: str
    cumulative: (
        bool  # trained on all intervals so far; otherwise on the newest, continuing from the last weights
    )

    def names(self, inventory: Inventory) -> list[str]:
        """The registered names of its models."""
        ...

    def train(
        self,
        name: str,
        training: FeatureTable,
        validation: FeatureTable,
        context: Context,
        *,
        seed: int,
        on_epoch: OnEpoch,
        initial: Any = None,
    ) -> Any:
        """A model of that name, continuing from `initial`. Raises NotEnoughData."""
        ...

    def evaluate(self, models: dict[str, Any], table: FeatureTable, context: Context) -> Scores:
        """All models of the method together on one set. Raises NotEnoughData."""
        ...

    def evaluate_one(self, name: str, model: Any, table: FeatureTable, context: Context) -> Scores:
        """One model on one set: what the gate compares. Raises NotEnoughData."""
        ...

    def export(self, model: Any, table: FeatureTable, context: Context) -> Export:
        """The network for TFLite, with golden inputs taken from `table`."""
        ...

    def save(self, model: Any, folder: Path) -> None: ...

    def load(self, folder: Path) -> Any: ...


class Cclp:
    key, family, cumulative = "cclp", "cclp", True

    def names(self, inventory: Inventory) -> list[str]:
        return ["cclp"]

    def train(self, name, training, validation, context, *, seed, on_epoch, initial=None):  # noqa: ANN001, ANN201
        from edgeprint.cclp.train import train

        return train(
            training,
            validation,
            context.inventory,
            context.params.cclp,
            seed=seed,
            on_epoch=on_epoch,
            initial=initial,
        )

    def evaluate(self, models: dict[str, Any], table: FeatureTable, context: Context) -> Scores:
        return self.evaluate_one("cclp", models["cclp"], table, context)

    def evaluate_one(self, name: str, model: Any, table: FeatureTable, context: Context) -> Scores:
        from edgeprint.cclp.evaluate import evaluate

        return evaluate(model, table, context.inventory, context.params.cclp)

    def export(self, model: Any, table: FeatureTable, context: Context) -> Export:
        from edgeprint.cclp.export import to_keras

        labels = [*model.devices, "iot"]
        return Export(
            to_keras(model), table.values[:GOLDEN], labels, {"iot": context.params.cclp.threshold}, {}
        )

    def save(self, model: Any, folder: Path) -> None:
        from edgeprint.cclp.export import save

        save(model, folder)

    def load(self, folder: Path) -> Any:
        from edgeprint.cclp.export import load

        return load(folder)


class LstmCnn:
    key, family, cumulative = "lstm_cnn", "lstm-cnn", True

    def names(self, inventory: Inventory) -> list[str]:
        return ["lstm-cnn"]

    def train(self, name, training, validation, context, *, seed, on_epoch, initial=None):  # noqa: ANN001, ANN201
        from edgeprint.lstm_cnn.train import train

        return train(
            training,
            validation,
            context.inventory,
            context.params.lstm_cnn,
            seed=seed,
            on_epoch=on_epoch,
            initial=initial,
        )

    def evaluate(self, models: dict[str, Any], table: FeatureTable, context: Context) -> Scores:
        return self.evaluate_one("lstm-cnn", models["lstm-cnn"], table, context)

    def evaluate_one(self, name: str, model: Any, table: FeatureTable, context: Context) -> Scores:
        from edgeprint.lstm_cnn.evaluate import evaluate

        return evaluate(model, table, context.inventory, context.params.lstm_cnn)

    def export(self, model: Any, table: FeatureTable, context: Context) -> Export:
        from edgeprint.lstm_cnn.export import to_keras
        from edgeprint.lstm_cnn.features import windows

        numbers = context.params.lstm_cnn.train
        inputs = windows(table, numbers.window, numbers.overlap)[2][:GOLDEN]
        return Export(to_keras(model), inputs, list(model.labels), {}, {"window": numbers.window})

    def save(self, model: Any, folder: Path) -> None:
        from edgeprint.lstm_cnn.export import save

        save(model, folder)

    def load(self, folder: Path) -> Any:
        from edgeprint.lstm_cnn.export import load

        return load(folder)
