"""The three methods behind one shape, so that every stage treats them alike.

method = METHODS["binary"]
for name in method.names(inventory):            # binary.camera-a, binary.camera-b, ...
    model = method.train(name, training, validation, context, seed=1, on_epoch=run.on_epoch)
scores = method.evaluate({name: model}, held_out, context)

The rooms of the methods are imported when they are first used: torch and tensorflow take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import NotEnoughData, UnknownModel
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Params
from edgeprint.scores import OnEpoch, Scores

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # an exported network: inputs to outputs [n, k]
GOLDEN = 8  # inputs with known outputs that travel with a model
REPRESENTATIVE = 100  # training inputs that an int8 export takes its ranges from


@dataclass(frozen=True)
class Context:
    """What every training and evaluation of a run shares."""

    inventory: Inventory
    params: Params


@dataclass(frozen=True)
class Export:
    """A trained network ready to be converted: Keras model, inputs and what its card must say.

    `inputs` [g, ...] become the golden ones; `representative` [m, ...] are spread over all rows of training.
    """

    keras: Any
    inputs: NDArray[np.float32]
    representative: NDArray[np.float32]
    labels: list[str]
    thresholds: dict[str, float]
    preprocessing: dict[str, float | int | str]


class Method:
    """A method with one model for all devices; `key` is its folder, `family` its name in the registry.

    Trained on all intervals so far where `cumulative`, else on the newest, from the last one's weights.
    `is_slow`: a training takes longer than another process to start for it.
    """

    key: str
    family: str
    cumulative = True
    is_slow = True

    def names(self, inventory: Inventory) -> list[str]:
        """The registered names of its models."""
        return [self.family]

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
        checkpoint: Path | None = None,
    ) -> Any:
        """A model of that name, continuing from `initial`; after a kill, from the file `checkpoint`.

        Raises NotEnoughData.
        """
        return self._room("train").train(
            *self._whose(name),
            training,
            validation,
            context.inventory,
            self._numbers(context),
            seed=seed,
            on_epoch=on_epoch,
            initial=initial,
            checkpoint=checkpoint,
        )

    def evaluate(self, models: dict[str, Any], table: FeatureTable, context: Context) -> Scores:
        """All models of the method together on one set. Raises NotEnoughData."""
        return self.evaluate_one(self.family, models[self.family], table, context)

    def evaluate_one(
        self, name: str, model: Any, table: FeatureTable, context: Context, *, run: Run | None = None
    ) -> Scores:
        """One model on one set, or its exported network `run` in its place. Raises NotEnoughData."""
        other = {"predict": lambda _, x: run(x)} if run else {}
        return self._room("evaluate").evaluate(
            model, table, context.inventory, self._numbers(context), **other
        )

    def export(
        self, model: Any, table: FeatureTable, context: Context, held_out: Sequence[FeatureTable] = ()
    ) -> Export:
        """The network for TFLite, with golden inputs taken from `table`.

        `held_out` are parts that no training saw, each in stream order, for what a card says of them.
        """
        raise NotImplementedError

    def save(self, model: Any, folder: Path) -> None:
        self._room("export").save(model, folder)

    def load(self, folder: Path) -> Any:
        return self._room("export").load(folder)

    def _whose(self, name: str) -> list[str]:
        """What a training is told first: the device, where a model is of one."""
        return []

    def _room(self, module: str) -> Any:
        return import_module(f"edgeprint.{self.key}.{module}")

    def _numbers(self, context: Context) -> Any:
        return getattr(context.params, self.key)


class Cclp(Method):
    key, family = "cclp", "cclp"

    def export(
        self, model: Any, table: FeatureTable, context: Context, held_out: Sequence[FeatureTable] = ()
    ) -> Export:
        thresholds = {"iot": context.params.cclp.threshold, "confidence": model.calibration.level}
        keras, labels = self._room("export").to_keras(model), [*model.devices, "iot"]
        return Export(keras, table.values[:GOLDEN], spread(table.values), labels, thresholds, {})


class LstmCnn(Method):
    key, family = "lstm_cnn", "lstm-cnn"

    def export(
        self, model: Any, table: FeatureTable, context: Context, held_out: Sequence[FeatureTable] = ()
    ) -> Export:
        numbers = context.params.lstm_cnn.train
        inputs = self._room("features").windows(table, numbers.window, numbers.overlap)[2]
        keras, labels = self._room("export").to_keras(model), list(model.labels)
        return Export(keras, inputs[:GOLDEN], spread(inputs), labels, {}, {"window": numbers.window})


class Binary(Method):
    """One model a device, each continuing on the newest interval (papers/binary-edge section 4.2)."""

    key, family = "binary", "binary"
    cumulative = False
    is_slow = False

    def names(self, inventory: Inventory) -> list[str]:
        return [f"binary.{device}" for device in inventory.iot]

    def _whose(self, name: str) -> list[str]:
        return [device_of(name)]

    def evaluate(self, models: dict[str, Any], table: FeatureTable, context: Context) -> Scores:
        own = {device_of(name): model for name, model in models.items()}
        numbers = context.params.binary
        return self._room("evaluate").evaluate(
            own, table, context.inventory, numbers, seed=context.params.seed
        )

    def evaluate_one(
        self, name: str, model: Any, table: FeatureTable, context: Context, *, run: Run | None = None
    ) -> Scores:
        numbers, normalise = context.params.binary, self._room("features").normalise
        other = {"predict": lambda m, x: run(normalise(x, m.normalisation)[..., None])[:, 0]} if run else {}
        return self._room("evaluate").evaluate_one(
            model, table, context.inventory, numbers, seed=context.params.seed, **other
        )

    def export(
        self, model: Any, table: FeatureTable, context: Context, held_out: Sequence[FeatureTable] = ()
    ) -> Export:
        features = self._room("features")
        spec = features.SpectrogramSpec.from_schema(table.schema)
        columns = table.values[table.device == model.device]
        starts = np.linspace(0, len(columns) - model.width, GOLDEN).astype("i8")
        inputs = features.normalise(features.samples(columns, model.width, starts), model.normalisation)
        representative = self._representative(model, table, context.params.seed)
        preprocessing = {
            "height": spec.height,
            "width": model.width,
            "bin_seconds": spec.bin_seconds,
            "normalisation": model.normalisation,
        }
        watching = self._room("quiet").at_home(model, table, context.params.binary.accepts)
        thresholds = {"recognised": watching.threshold, **self._streak(watching, held_out, context)}
        keras = self._room("export").to_keras(model)
        return Export(keras, inputs[..., None], representative, [model.device], thresholds, preprocessing)

    def _representative(self, model: Any, table: FeatureTable, seed: int) -> NDArray[np.float32]:
        """As many inputs of the device as of others: what it must recognise and what it must not."""
        rooms, random = self._room("samples"), np.random.default_rng(seed)
        streams = rooms.Streams.of(table, model.width)
        starts = rooms.Drawn.draw(streams, model.device, REPRESENTATIVE // 2, 1, random).starts
        return self._room("features").normalise(streams.samples(starts), model.normalisation)[..., None]

    def _streak(self, model: Any, held_out: Sequence[FeatureTable], context: Context) -> dict[str, float]:
        """Misses in a row that are news of this device; nothing where it was not seen long enough."""
        quiet = self._room("quiet")
        try:
            seen = quiet.Quiet.observe(model, [quiet.of(part, model.device) for part in held_out])
        except NotEnoughData:
            return {}
        return {"streak": seen.streak(context.params.binary.alarms_per_day)}


def spread(rows: NDArray, count: int = REPRESENTATIVE) -> NDArray:
    """At most `count` of the rows [n, ...], evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype("i8")]


METHODS: dict[str, Method] = {"cclp": Cclp(), "lstm_cnn": LstmCnn(), "binary": Binary()}


def key_of(name: str) -> str:
    """The key in METHODS of a registered model's name. Raises UnknownModel."""
    family = name.partition(".")[0]
    for key, method in METHODS.items():
        if method.family == family:
            return key
    families = ", ".join(method.family for method in METHODS.values())
    raise UnknownModel(f"{name!r} is no model's name: it begins with one of {families}")


def device_of(name: str) -> str:
    """The device of a model's name: camera-a of binary.camera-a, nothing of cclp."""
    return name.partition(".")[2]
