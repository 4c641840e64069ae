from pathlib import Path

import pytest

from edgeprint import params
from edgeprint.stages.exports import Measured, card, choose, metrics

LIMITS = params.load(Path(__file__).resolve().parents[2] / "params.yaml").gate
WHOLE = Measured("float32", bytes(90), 1e-7, 0.90)


def quantised(
    size: int, parity: float = 0.02, macro_f1: float = 0.90, kind: str = "int8", kernels: float = 0.0
) -> Measured:
    return Measured(kind, bytes(size), parity, macro_f1, kernels)


@pytest.mark.parametrize(
    ("dynamic", "int8", "shipped"),
    [
        (quantised(29, kind="dynamic-range"), quantised(31), "dynamic-range"),
        (quantised(31, kind="dynamic-range"), quantised(29), "int8"),
        (quantised(29, macro_f1=0.88, kind="dynamic-range"), quantised(31), "int8"),  # loses too much
        (quantised(29, parity=0.2, kind="dynamic-range"), quantised(31), "int8"),  # too far off
        (quantised(29, kernels=6e-4, kind="dynamic-range"), quantised(31), "int8"),  # a Pi might refuse it
        (quantised(29, parity=0.2, kind="dynamic-range"), quantised(31, macro_f1=0.1), "float32"),
        (quantised(29, parity=float("nan"), kind="dynamic-range"), quantised(120), "float32"),
    ],
)
def test_the_smallest_that_keeps_its_limits_is_shipped(dynamic, int8, shipped):
    assert choose([WHOLE, dynamic, int8], LIMITS).kind == shipped


def test_card_and_metrics_have_the_figures_of_every_kind():
    measured = [WHOLE, quantised(31)]
    assert card(measured, measured[1]) == {
        "kind": "int8",
        "float32": {"parity": 1e-7, "macro_f1": 0.90, "bytes": 90, "kernels": 0.0},
        "int8": {"parity": 0.02, "macro_f1": 0.90, "bytes": 31, "kernels": 0.0},
    }
    logged = metrics(measured, measured[1])
    assert logged["export.float32.bytes"] == 90 and logged["export.int8.macro_f1"] == 0.90
    assert (logged["tflite_parity"], logged["tflite_bytes"]) == (0.02, 31)
