"""Which of a network's exports is shipped: the smallest that is as good as float32.

measured = measure(trainer.method, name, model, export, testing, context)
shipped = choose(measured, params.gate)
run.metrics(metrics(measured, shipped))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeprint import params
from edgeprint.feature_table import FeatureTable
from edgeprint.litert import Runner
from edgeprint.registry import tflite
from edgeprint.stages.methods import Context, Export, Method

MOST_BETWEEN_KERNELS = 5e-4  # half of what a Pi's self-test lets pass: its processor rounds in its own way


@dataclass(frozen=True)
class Measured:
    """One export. `parity`: largest difference from the source model over the golden and the representative
    inputs; `macro_f1`: on the held-out part of the newest interval; `kernels`: largest difference between two
    implementations of its operations over the golden inputs.
    """

    kind: str
    network: bytes
    parity: float
    macro_f1: float
    kernels: float = 0.0

    @property
    def size(self) -> int:
        return len(self.network)

    def figures(self) -> dict[str, float]:
        return {
            "parity": self.parity,
            "macro_f1": self.macro_f1,
            "bytes": self.size,
            "kernels": self.kernels,
        }


def measure(
    method: Method, name: str, model: Any, export: Export, testing: FeatureTable, context: Context
) -> list[Measured]:
    """Every kind of export, float32 first. Raises NotEnoughData."""
    inputs, found = np.concatenate([export.inputs, export.representative]), []
    expected = tflite.answers(export.keras, inputs)
    for kind, network in tflite.convert_all(export.keras, export.representative).items():
        runner = Runner(network)
        scores = method.evaluate_one(name, model, testing, context, run=runner)
        plain = Runner(network, plain=True)
        kernels = tflite.parity(runner(export.inputs), plain, export.inputs)
        apart = tflite.parity(expected, runner, inputs)
        found.append(Measured(kind, network, apart, scores.macro_f1, kernels))
    return found


def choose(measured: Sequence[Measured], limits: params.Gate) -> Measured:
    """The smallest that keeps the limits of 8-bit exports; float32, which is the first, needs none here."""
    whole, *quantised = measured
    fit = [each for each in quantised if _keeps(each, whole, limits)]
    return min([whole, *fit], key=lambda each: each.size)


def _keeps(each: Measured, whole: Measured, limits: params.Gate) -> bool:
    close = each.parity <= limits.max_quantised_parity and each.kernels <= MOST_BETWEEN_KERNELS
    return close and each.macro_f1 >= whole.macro_f1 - limits.max_quantised_drop


def card(measured: Sequence[Measured], shipped: Measured) -> dict[str, object]:
    """What the model's card says of its export."""
    return {"kind": shipped.kind, **{each.kind: each.figures() for each in measured}}


def metrics(measured: Sequence[Measured], shipped: Measured) -> dict[str, float]:
    """Every figure as a metric of the training's run; tflite_parity and tflite_bytes are of the shipped."""
    each = {f"export.{one.kind}.{name}": value for one in measured for name, value in one.figures().items()}
    return {**each, "tflite_parity": shipped.parity, "tflite_bytes": float(shipped.size)}
