"""Train each device's network against the other devices (papers/binary-edge 3.1.3, 4.2).

model = train("camera-a", training, validation, inventory, params.binary, seed=7)
model = train("camera-a", *next_interval, inventory, params.binary, seed=7, initial=model)
models = train_home(inventory.iot, training, validation, inventory, params.binary, seed=7)    # side by side

Three defaults of params.yaml are not the paper's (max, no mixed negatives, a constant rate). They were chosen
on fit-week's training rows alone, the last fifth of each interval's for validation: four devices, four
intervals, 400 own samples, one seed. F1 is of the highest confidence on later intervals, `own` the share of a
device's later samples that its model accepts, `found` the runs in which 30 % of columns that another device
lived, or random ones, give a streak of five misses.

    normalisation  rate      mixed  from      F1    own   found: foreign, random
    max            constant  0                .989  .979  .41  .08
    max            cosine    0                .985  .977  .41  .06
    log+max        cosine    0                .989  .984  .31  .01
    max            constant  .2     .2        .979  .940  1.0  1.0
    max            cosine    .2     .2        .986  .924  1.0  1.0
    log+max        cosine    .2     .2        .990  .933  1.0  .98
    log+max        cosine    .2     .3        .990  .944  1.0  .93     the default
    log+max        cosine    .1     .3        .991  .966  .98  .79

A forest gave .975. Random columns were never among the negatives.

A device's model is the same, byte for byte on one machine, whichever others are trained beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeprint.binary.checkpoint import Checkpoint, Progress, fingerprint
from edgeprint.binary.epoch import State, epoch
from edgeprint.binary.evaluate import confidences
from edgeprint.binary.features import logarithm
from edgeprint.binary.network import Model, build
from edgeprint.binary.samples import Drawn, Streams
from edgeprint.cores import each
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Binary, BinaryTrain
from edgeprint.schema import FeatureSchema
from edgeprint.scores import OnEpoch, Scores, silent

OnDeviceEpoch = Callable[[str, int, dict[str, float]], None]
TRAINED_TO_VALIDATED = 4  # 80:20, section 4.2


def silent_home(device: str, epoch: int, metrics: dict[str, float]) -> None:
    """Report nothing of any device."""


def train(
    device: str,
    training: FeatureTable,
    validation: FeatureTable,
    inventory: Inventory,
    params: Binary,
    *,
    seed: int,
    on_epoch: OnEpoch = silent,
    initial: Model | None = None,
    checkpoint: Path | None = None,
) -> Model:
    """A model of the device from one interval, continuing from `initial` where that takes the same inputs.

    `on_epoch` gets loss, and, unless the validation table is empty, val_loss and val_macro_f1 (the device
    against the others). After every epoch the whole state goes to the file `checkpoint`; the same call after
    a kill goes on from there and ends with the same weights; a file of another training is not used. Raises
    UnknownDevice, and NotEnoughData where the windows do not fill a batch or leave none to validate by.
    """
    interval = Interval.of(training, validation, inventory, params, seed)
    course = interval.course(device, initial, checkpoint)
    model = course.run(on_epoch)
    course.forget()
    return model


def train_home(
    devices: Iterable[str],
    training: FeatureTable,
    validation: FeatureTable,
    inventory: Inventory,
    params: Binary,
    *,
    seed: int,
    on_epoch: OnDeviceEpoch = silent_home,
    initial: Mapping[str, Model] | None = None,
    checkpoint: Path | None = None,
) -> dict[str, Model | NotEnoughData]:
    """A model of each device, or why there is none: what `train` gives of each, as many at once as cores.

    `on_epoch` also gets the device, one call at a time. `checkpoint` is a folder with a file a device: those
    that are complete stay until all are. Raises UnknownDevice before anything is trained.
    """
    interval = Interval.of(training, validation, inventory, params, seed)
    names = [inventory[device].name for device in devices]
    courses: dict[str, Course] = {}
    outcome: dict[str, Model | NotEnoughData] = {}
    for device in names:
        try:
            before = initial.get(device) if initial else None
            path = checkpoint / f"{device}.npz" if checkpoint else None
            courses[device] = interval.course(device, before, path)
        except NotEnoughData as error:
            outcome[device] = error
    one_at_a_time = Lock()

    def run(device: str) -> Model:
        def report(number: int, metrics: dict[str, float]) -> None:
            with one_at_a_time:
                on_epoch(device, number, metrics)

        return courses[device].run(report)

    outcome |= zip(courses, each(run, courses), strict=True)
    for course in courses.values():
        course.forget()
    return {device: outcome[device] for device in names}


@dataclass(frozen=True)
class Interval:
    """What all devices of a home share: streams, their columns where TensorFlow keeps them, every number."""

    streams: Streams
    held_out: Streams | None  # nothing to validate by was given
    schema: FeatureSchema
    inventory: Inventory
    params: Binary
    seed: int

    @classmethod
    def of(
        cls,
        training: FeatureTable,
        validation: FeatureTable,
        inventory: Inventory,
        params: Binary,
        seed: int,
    ) -> Interval:
        width = params.train.width
        held_out = Streams.of(validation, width) if len(validation) else None
        return cls(Streams.of(training, width), held_out, training.schema, inventory, params, seed)

    @cached_property
    def columns(self) -> tf.Tensor:
        """[k, h], past the logarithm of the normalisation."""
        return tf.constant(logarithm(self.streams.columns, self.params.train.normalisation))

    @cached_property
    def digest(self) -> str:
        """Of all that is the same for every device."""
        held_out = [self.held_out.columns] if self.held_out else []
        words = [self.params.model_dump_json(), self.schema.hash, str(self.seed), tf.__version__]
        return fingerprint([*words, self.streams.columns, *held_out])

    def course(self, device: str, initial: Model | None, path: Path | None) -> Course:
        """The device's training, with its samples drawn. Raises UnknownDevice and NotEnoughData."""
        name, numbers, random = (
            self.inventory[device].name,
            self.params.train,
            np.random.default_rng(self.seed),
        )
        drawn = Drawn.draw(self.streams, name, numbers.samples, numbers.negatives, random)
        if len(drawn.starts) < numbers.batch:
            raise NotEnoughData(
                f"{int(drawn.label.sum())} windows of {name} with {numbers.negatives} of others for each are "
                f"{len(drawn.starts)} samples, a batch takes {numbers.batch}"
            )
        held_out = None
        if self.held_out:
            most = max(1, len(drawn.starts) // (1 + numbers.negatives) // TRAINED_TO_VALIDATED)
            held_out = _held_out(self.held_out, name, most, numbers.negatives, random)
        course = Course(self, self._begin(name, initial), drawn, held_out, random)
        if path:
            course.checkpoint = Checkpoint(path, course.fingerprint())
        return course

    def _begin(self, device: str, initial: Model | None) -> Model:
        numbers = self.params.train
        model = Model(device, [], numbers.width, numbers.normalisation, self.schema, self.params.threshold)
        if initial is not None and initial.inputs == model.inputs:
            return replace(model, weights=initial.weights)
        return replace(model, weights=_first_weights(model.height, model.width, self.seed))


def _held_out(streams: Streams, device: str, most: int, negatives: int, random: np.random.Generator) -> Drawn:
    try:
        return Drawn.draw(streams, device, most, negatives, random)
    except NotEnoughData as error:
        raise NotEnoughData(f"nothing to validate {device} by: {error}") from error


@lru_cache(8)
def _first_weights(height: int, width: int, seed: int) -> list[NDArray[np.float32]]:
    return build(height, width, seed=seed).get_weights()


def _rate(numbers: BinaryTrain, epoch: int) -> float:
    """The learning rate of an epoch: falls along half a cosine where params say so."""
    if numbers.decay == "none":
        return numbers.learning_rate
    return numbers.learning_rate * (1 + math.cos(math.pi * epoch / numbers.epochs)) / 2


@dataclass
class Course:
    """The training of one device through one interval."""

    interval: Interval
    model: Model
    drawn: Drawn
    held_out: Drawn | None
    random: np.random.Generator
    checkpoint: Checkpoint | None = None

    def fingerprint(self) -> str:
        drawn = [self.drawn, self.held_out] if self.held_out else [self.drawn]
        samples = [array for part in drawn for array in (part.starts, part.label)]
        return fingerprint([self.interval.digest, self.model.device, *self.model.weights, *samples])

    def run(self, on_epoch: OnEpoch) -> Model:
        """Epoch after epoch to the end, from the checkpoint's where it holds one."""
        numbers, model = self.interval.params.train, self.model
        step = epoch(model.height, model.width, centred="centre" in model.normalisation)
        done = self.checkpoint and self.checkpoint.read()
        if not done:
            done = Progress(0, State.begin(model.weights), self.random.bit_generator.state)
        state, self.random.bit_generator.state = done.state, done.random
        for number in range(done.epochs, numbers.epochs):
            order = self.random.permutation(len(self.drawn.starts))
            rows, label = self.drawn.rows(numbers.mixed, self.random)[order], self.drawn.label[order]
            weight, rate = float(numbers.negatives), _rate(numbers, number)
            state, loss = step(state, self.interval.columns, rows, label, numbers.batch, weight, rate)
            if self.checkpoint:
                self.checkpoint.write(Progress(number + 1, state, self.random.bit_generator.state))
            on_epoch(number, {"loss": float(loss), **self._validated(state, weight)})
        return self._with(state)

    def forget(self) -> None:
        """The model is in the caller's hands: the checkpoint is not needed any more."""
        if self.checkpoint:
            self.checkpoint.remove()

    def _with(self, state: State) -> Model:
        return replace(self.model, weights=state.weights(self.model.height, self.model.width))

    def _validated(self, state: State, weight: float) -> dict[str, float]:
        return validate(self._with(state), self.held_out, weight) if self.held_out else {}


def validate(model: Model, drawn: Drawn, weight: float) -> dict[str, float]:
    """val_loss, weighted as in training, and val_macro_f1 over the device and the others."""
    confidence = confidences([model], drawn.streams, drawn.starts)[:, 0].astype("f8")
    own = drawn.label == 1
    surprise = -np.log(np.where(own, confidence, 1 - confidence) + 1e-7)
    labels = ["other", model.device]
    scores = Scores.count(labels, own.astype("i8"), (confidence >= model.threshold).astype("i8"))
    return {
        "val_loss": float((surprise * np.where(own, weight, 1)).mean()),
        "val_macro_f1": scores.macro_f1,
    }
