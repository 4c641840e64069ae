"""All binary models of a home beside a plain Keras fit for each device: same network, samples, batch, epochs.

Samples a second count every sample once an epoch; both go from the columns to the weights, tracing included.
Windows are not mixed and the rate is constant, as in a plain fit. How good the models of both are on the rows
that follow in time is said with each figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.captures import SIMULATED, Traffic, traffic
from benchmarks.measure import RUNS, Result, best, one_core, say
from edgeprint import params
from edgeprint.binary.features import SpectrogramSpec, extract, normalise
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Device, Inventory
from edgeprint.params import Binary
from edgeprint.study import later

if TYPE_CHECKING:
    from edgeprint.binary.network import Model

    Models = dict[str, Model]

DEFAULTS = params.load(Path(__file__).resolve().parents[1] / "params.yaml")
NUMBERS = DEFAULTS.changed("binary", "train", mixed=0.0, decay="none").binary
SEED = 7
HELD_OUT = 0.3
PEER = "a Keras fit a device"
PEER_RUNS = 1  # minutes, of which chance is a small part
ONE_LABEL = "blink-cam"  # three of a model, with few columns


def run(folder: Path, quick: bool) -> Iterator[Result]:
    for name in ("fit-week", SIMULATED):
        home = traffic(name, folder, hours=6 if quick else 24)
        if not home.real and name != SIMULATED:  # one stand-in is enough
            continue
        rows = Rows.of(home, _quick(NUMBERS) if quick else NUMBERS)
        for cores in ("one core",) if quick else ("one core", "all cores"):
            with one_core() if cores == "one core" else nullcontext():
                yield _compared(rows, f"{home.name} ({home.kind}), {cores}")


@dataclass(frozen=True)
class Rows:
    """A home's columns to train on and those that follow in time, and the devices that have enough."""

    training: FeatureTable
    held_out: FeatureTable
    inventory: Inventory
    numbers: Binary
    devices: list[str]

    @classmethod
    def of(cls, home: Traffic, numbers: Binary) -> Rows:
        table, inventory = _columns(home, numbers)
        follows = later(table, HELD_OUT)
        training, held_out = table.select(~follows), table.select(follows)
        enough = numbers.train.width + numbers.train.batch
        devices = [
            name
            for name in inventory.iot
            if (training.device == name).sum() >= enough <= 2 * (held_out.device == name).sum()
        ]
        return cls(training, held_out, inventory, numbers, devices)

    @property
    def samples(self) -> int:
        """Of one training, each counted once an epoch."""
        numbers = self.numbers.train
        windows = [int((self.training.device == d).sum()) - numbers.width + 1 for d in self.devices]
        own = sum(min(numbers.samples, n) for n in windows)
        return own * (1 + numbers.negatives) * numbers.epochs


def _columns(home: Traffic, numbers: Binary) -> tuple[FeatureTable, Inventory]:
    spec = SpectrogramSpec(numbers.features.height, numbers.features.bin_seconds)
    named = {name: ONE_LABEL if name.startswith("blink") else name for name in home.inventory.devices}
    tables = [
        FeatureTable.of(spec.schema(), named[name], path.name, *extract(packets, spec))
        for path in home.captures
        for name, packets in home.inventory.split(decode(path)[0]).items()
    ]
    devices: dict[str, Device] = {}
    for old, name in named.items():
        device = home.inventory[old]
        macs = device.macs | (devices[name].macs if name in devices else frozenset())
        devices[name] = Device(name, device.category, device.iot, macs)
    return FeatureTable.concatenate(tables), Inventory(devices)


def _quick(numbers: Binary) -> Binary:
    return numbers.model_copy(update={"train": numbers.train.model_copy(update={"samples": 20, "epochs": 1})})


def _compared(rows: Rows, where: str) -> Result:
    ours, seconds = _timed(lambda: _ours(rows), RUNS)
    theirs, peer_seconds = _timed(lambda: _keras(rows), PEER_RUNS)
    numbers = rows.numbers.train
    say(f"train-binary: {seconds:.1f} s, Keras {peer_seconds:.1f} s on {where}")
    data = (
        f"{where}, {len(rows.devices)} models of {rows.numbers.features.height} x {numbers.width}, "
        f"{rows.samples:,} samples in batches of {numbers.batch}, {numbers.epochs} epochs; on the last "
        f"{HELD_OUT:.0%} of each device's columns F1 (highest confidence) {_f1(ours, rows):.3f}, "
        f"Keras {_f1(theirs, rows):.3f}; best of {RUNS} runs"
    )
    result = Result.alone("train-binary", rows.samples / seconds, "samples/s", data)
    return result.against(PEER, rows.samples / peer_seconds, f"Keras best of {PEER_RUNS}")


def _timed(train: Callable[[], Models], runs: int) -> tuple[Models, float]:
    made: list[Models] = []
    seconds = best(lambda: made.append(train()), runs)
    return made[-1], seconds


def _ours(rows: Rows) -> Models:
    from edgeprint.binary.network import Model
    from edgeprint.binary.train import train_home

    nothing = rows.training.select(np.zeros(len(rows.training), bool))
    found = train_home(rows.devices, rows.training, nothing, rows.inventory, rows.numbers, seed=SEED)
    return {name: model for name, model in found.items() if isinstance(model, Model)}


def _keras(rows: Rows) -> Models:
    """What the paper's authors would write: the same samples of each device, in memory, through `fit`."""
    import keras

    from edgeprint.binary.network import Model, build
    from edgeprint.binary.samples import Drawn, Streams

    numbers = rows.numbers.train
    streams, models = Streams.of(rows.training, numbers.width), {}
    for name in rows.devices:
        random = np.random.default_rng(SEED)
        drawn = Drawn.draw(streams, name, numbers.samples, numbers.negatives, random)
        inputs = normalise(streams.samples(drawn.starts), numbers.normalisation)[..., None]
        network = build(rows.numbers.features.height, numbers.width, seed=SEED)
        network.compile(keras.optimizers.Adam(numbers.learning_rate), "binary_crossentropy")
        keras.utils.set_random_seed(SEED)  # the order of the samples
        network.fit(
            inputs,
            drawn.label[:, None],
            batch_size=numbers.batch,
            epochs=numbers.epochs,
            class_weight={0: 1.0, 1: float(numbers.negatives)},
            verbose=0,
        )
        schema = rows.training.schema
        models[name] = Model(name, network.get_weights(), numbers.width, numbers.normalisation, schema)
    return models


def _f1(models: Models, rows: Rows) -> float:
    from edgeprint.binary.evaluate import evaluate

    return evaluate(models, rows.held_out, rows.inventory, rows.numbers, seed=SEED).macro_f1
