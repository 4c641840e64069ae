"""A home of 40 devices with a model each, for the benchmarks of the agent.

    home = EdgeHome.simulated(folder, minutes=30)
    home.artifacts(folder / "models", height=75, width=60)

Models have weights as drawn, the same for every device: what they answer does not matter here, what it costs
does, and that does not depend on the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.litert import Runner
from edgeprint.packets import inventory
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Inventory
from edgeprint.packets.table import PacketTable
from edgeprint.testbed.home import simulate

SIZES = ((75, 30), (75, 60), (150, 120))  # of papers/binary-edge section 5.3
DEVICES = 40


@dataclass(frozen=True)
class EdgeHome:
    """Where the capture and devices.csv lie, who is there, and what was sent, in time order."""

    folder: Path
    capture: Path
    inventory: Inventory
    table: PacketTable

    @classmethod
    def simulated(cls, folder: Path, minutes: float, seed: int = 1) -> EdgeHome:
        simulate(folder, devices=DEVICES, quarters=1, hours=minutes / 60, seed=seed)
        (capture,) = folder.glob("*.pcap")
        table = decode(capture)[0].in_time_order()
        return cls(folder, capture, inventory.read(folder / "devices.csv"), table)

    @property
    def what(self) -> str:
        seconds = (self.table.time_ns[-1] - self.table.time_ns[0]) / 1e9
        packets, kilobytes = len(self.table) / seconds, self.table.wire_len.sum() / seconds / 1000
        return (
            f"simulated home of {DEVICES} devices, {seconds / 60:.0f} minutes, {packets:.0f} packets and "
            f"{kilobytes:.0f} kB a second"
        )

    def artifacts(
        self, folder: Path, height: int, width: int, bin_seconds: float = 0.1
    ) -> dict[str, Artifact]:
        """Of each IoT device, as training would leave it."""
        spec, tflite = SpectrogramSpec(height, bin_seconds), network(height, width)
        inputs = np.random.default_rng(0).random((1, height, width, 1), "f4")
        golden = inputs, Runner(tflite)(inputs)
        found = {}
        for device in self.inventory.iot:
            card = artifact.ModelCard(
                family="binary",
                name=f"binary.{device}",
                labels=[device],
                input_shape=[height, width, 1],
                schema_hash=spec.schema().hash,
                thresholds={"recognised": 0.5, "streak": 20},
                preprocessing={
                    "height": height,
                    "width": width,
                    "bin_seconds": bin_seconds,
                    "normalisation": "max",
                },
                data={"simulated": True},
            )
            found[device] = artifact.write(
                folder / device, tflite=tflite, card=card, schema=spec.schema(), golden=golden
            )
        return found


def network(height: int, width: int) -> bytes:
    """The TFLite of the network that edgeprint trains."""
    from edgeprint.binary.network import build
    from edgeprint.registry import tflite

    return tflite.convert(build(height, width, seed=0))
