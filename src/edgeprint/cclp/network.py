"""The CCLP network (papers/cclp section V): six convolutions over the features, then two linear heads.

model = Model(CclpNetwork(219, classes=8), devices, schema)
predict(model, values)       # [n, 8 + 1]: softmax over the devices, then P(IoT)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeprint.cclp.calibrate import Calibration
from edgeprint.schema import FeatureSchema
from edgeprint.standardise import Standardise

CHUNK = 1024  # rows of one forward pass


def convolution(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    """A convolution of three neighbours along the features, batch norm.

    Written as 1×3 in two dimensions, because channels-last then runs 1.6 times faster on a CPU.
    """
    layer = nn.Conv2d(inputs, outputs, (1, 3), stride=(1, stride), padding=(0, 1), bias=False)
    return [layer, nn.BatchNorm2d(outputs)]


class CclpNetwork(nn.Module):
    """Raw features [n, d] to device logits [n, classes] and non-IoT / IoT logits [n, 2]."""

    def __init__(
        self,
        features: int,
        classes: int,
        *,
        embedding: int = 80,
        dropout: float = 0.5,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.standardise = Standardise(features)
        self.input_dropout = nn.Dropout(input_dropout)
        self.body = nn.Sequential(  # [n, 1, 1, 219]
            *convolution(1, 32, stride=2),
            nn.ELU(),
            *convolution(32, 32),
            nn.MaxPool2d((1, 2)),  # before the ELU, which keeps order: the same result for half the work
            nn.ELU(),  # [n, 32, 1, 55]
            *convolution(32, 64, stride=2),
            nn.ELU(),
            *convolution(64, 64),
            nn.MaxPool2d((1, 2)),
            nn.ELU(),  # [n, 64, 1, 14]
            *convolution(64, embedding, stride=2),
            nn.ELU(),
            *convolution(embedding, embedding),
            nn.ELU(),  # [n, 80, 1, 7]
        )
        self.body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dropout = nn.Dropout(dropout)  # of the heads: never before the CCLP loss
        self.device = nn.Linear(embedding, classes)
        self.iot = nn.Linear(embedding, 2)

    def embed(self, raw: Tensor) -> Tensor:
        """Embeddings z [n, embedding]: the average pool over what is left of the features."""
        x = self.input_dropout(self.standardise(raw))[:, None, None, :]
        return self.body(x.contiguous(memory_format=torch.channels_last)).mean((2, 3))

    def heads(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Logits over the devices [n, classes], and of non-IoT and IoT [n, 2], of z [n, embedding]."""
        return self.device(self.dropout(z)), self.iot(self.dropout(z))

    def know_only_iot(self) -> None:
        """Fix P(IoT) near 1: where no window is of another kind, there is nothing to tell IoT from."""
        with torch.no_grad():
            self.iot.weight.zero_()
            self.iot.bias.copy_(torch.tensor([-5.0, 5.0]))
        self.iot.requires_grad_(False)

    def forward(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        return self.heads(self.embed(raw))


@dataclass(frozen=True)
class Model:
    """A trained network, the devices it tells apart, and those left out for too few windows (how many)."""

    network: CclpNetwork
    devices: list[str]
    schema: FeatureSchema
    left_out: dict[str, int] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)


def uncalibrated(model: Model) -> Model:
    """The same network with the softmax taken as it is."""
    return replace(model, calibration=Calibration())


def predict(model: Model, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities [n, C + 1] of raw features [n, d]: calibrated softmax over the C devices, then P(IoT)."""
    network = model.network.eval()
    where, temperature = network.iot.weight.device, model.calibration.temperature
    with torch.inference_mode():
        parts = (part.to(where) for part in torch.from_numpy(values).split(CHUNK))
        return torch.cat([_probabilities(network, part, temperature).cpu() for part in parts]).numpy()


def _probabilities(network: CclpNetwork, raw: Tensor, temperature: float) -> Tensor:
    device, iot = network(raw)
    return torch.cat([(device / temperature).softmax(1), iot.softmax(1)[:, 1:]], dim=1)
