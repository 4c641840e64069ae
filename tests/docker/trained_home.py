"""Models of a home's devices, trained in a minute on some of its captures, and a capture that they never saw.

    home = trained(folder, DATA)      # of real captures; without them of simulated traffic, and it says so

A column is a second and a sample eight of them: a verdict needs seconds where the defaults need minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprint import artifact
from edgeprint.binary.features import SpectrogramSpec, extract
from edgeprint.feature_table import FeatureTable
from edgeprint.litert import Runner
from edgeprint.packets import inventory as inventories
from edgeprint.packets.decode import decode
from edgeprint.params import Params, load
from edgeprint.registry.tflite import convert
from edgeprint.stages.methods import METHODS, Context
from edgeprint.testbed.home import simulate
from tests.edge import wire

ROOT = Path(__file__).resolve().parents[2]
SPEC = SpectrogramSpec(height=10, bin_seconds=0.1)
SECONDS = 60  # of the unseen capture that are sent
REAL = {  # device: MAC, category
    "xiaomi-cam": ("78:8b:2a:b2:20:ea", "camera"),
    "dlink-cam": ("b0:c5:54:43:54:83", "camera"),
    "smartthings-hub": ("68:3a:48:13:27:04", "hub"),
}
LEARNT = (
    "latency__xiaomi-cam__no-firewall__wlan2.4",
    "latency__dlink-cam__no-firewall__wlan2.4",
    "latency__smartthings-hub__no-firewall__lan",
)
UNSEEN = "latency__all-devices__my-firewall__wlan2.4"  # with both cameras, eight months later


@dataclass(frozen=True)
class TrainedHome:
    """Models by name, what they learnt from in words, and a capture with who speaks most in it."""

    traffic: str
    models: dict[str, Path]
    devices_csv: Path
    swapped_csv: Path  # the same with the names of that device and the next exchanged
    capture: Path
    device: str


def trained(folder: Path, data: Path) -> TrainedHome:
    """Train in `folder`; the real captures are read from where they are."""
    folder.mkdir(parents=True)
    learnt, unseen, words = _real(folder, data) if data.is_dir() else _simulated(folder)
    inventory = inventories.read(folder / "devices.csv")
    columns = FeatureTable.concatenate(
        [
            FeatureTable.of(SPEC.schema(), device, path.name, *extract(packets, SPEC))
            for path in learnt
            for device, packets in inventory.split(decode(path)[0].in_time_order()).items()
        ]
    )
    models = _models(folder / "models", columns, Context(inventory, _numbers()))
    capture = folder / "unseen.pcap"
    wire.excerpt(unseen, capture, seconds=SECONDS)
    heard = inventory.split(decode(capture)[0])
    first, second, *_ = sorted(inventory.iot, key=lambda name: -len(heard.get(name, ())))
    lines = (folder / "devices.csv").read_text().replace(f",{first},", ",?,")
    swapped = folder / "swapped.csv"
    swapped.write_text(lines.replace(f",{second},", f",{first},").replace(",?,", f",{second},"))
    return TrainedHome(words, models, folder / "devices.csv", swapped, capture, first)


def _real(folder: Path, data: Path) -> tuple[list[Path], Path, str]:
    lines = [f"{mac},{device},{category},1" for device, (mac, category) in REAL.items()]
    (folder / "devices.csv").write_text("\n".join(["mac,device,category,iot", *lines, ""]))
    paths = {name: data / "ucl-quarters" / f"{name}.pcap" for name in (*LEARNT, UNSEEN)}
    return [paths[name] for name in LEARNT], paths[UNSEEN], "real captures"


def _simulated(folder: Path) -> tuple[list[Path], Path, str]:
    made = simulate(folder, devices=3, quarters=2, hours=0.5, seed=3)
    learnt, unseen = (folder / name for name in made.files)
    return [learnt], unseen, "simulated traffic"


def _numbers() -> Params:
    """The project's, for seconds instead of minutes."""
    numbers = load(ROOT / "params.yaml").changed("binary", "features", height=SPEC.height)
    return numbers.changed("binary", "train", width=8, samples=200, epochs=8, learning_rate=0.003)


def _models(folder: Path, columns: FeatureTable, context: Context) -> dict[str, Path]:
    """An artifact folder a device, as the training stage leaves it."""
    method = METHODS["binary"]
    nothing = columns.select(np.zeros(len(columns), bool))
    models = {}
    for name in method.names(context.inventory):
        model = method.train(name, columns, nothing, context, seed=7, on_epoch=lambda *_: None)
        export = method.export(model, columns, context)
        network = convert(export.keras)
        card = artifact.ModelCard(
            family=method.family,
            name=name,
            labels=export.labels,
            input_shape=list(export.inputs.shape[1:]),
            schema_hash=columns.schema.hash,
            thresholds=export.thresholds,
            preprocessing=export.preprocessing,
        )
        golden = export.inputs, Runner(network)(export.inputs)
        models[name] = artifact.write(
            folder / name, tflite=network, card=card, schema=columns.schema, golden=golden
        ).folder
    return models
