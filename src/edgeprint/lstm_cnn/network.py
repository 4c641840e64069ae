"""The LSTM-CNN cascade (papers/lstm-cnn section III.C).

model = Model(LstmCnnNetwork(6, 6, categories=4), ["camera", "hub", ...], ...)
predict(model, x)            # [m, 4] probabilities of windows x [m, t, d]
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeprint.schema import FeatureSchema
from edgeprint.standardise import Standardise

CHUNK = 4096  # windows of one forward pass
FILTERS = 32  # section IV.B
HIDDEN = 64  # of the fully connected layer; the paper gives no number

UNSEEN = "never-seen devices"
SEEN = "seen devices, later time"


class LstmCnnNetwork(nn.Module):
    """Raw windows [m, t, d] to logits [m, categories]; without `remembers` or `looks`, a half is left out.

    Without the LSTM layers the convolution sees the features themselves, the segments as columns; without the
    convolution and its pool the dense layer sees the t outputs of the LSTM layers. `input_dropout` is the
    chance that training hides a feature for a whole window; the paper has none.
    """

    def __init__(
        self,
        features: int,
        window: int,
        categories: int,
        *,
        units: int = 32,
        input_dropout: float = 0.0,
        dropout: float = 0.5,
        remembers: bool = True,
        looks: bool = True,
    ) -> None:
        super().__init__()
        self.window, self.remembers, self.looks = window, remembers, looks
        self.standardise = Standardise(features)
        self.input_dropout = nn.Dropout1d(input_dropout)
        rows = features
        if remembers:
            self.lstm = nn.LSTM(features, units, num_layers=2, batch_first=True)
            rows = units
        flat = rows * window
        if looks:
            # Channels last: PyTorch pools that order of memory 2 times faster on a CPU.
            self.convolution = nn.Conv2d(1, FILTERS, 2)
            self.convolution.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.pool = nn.MaxPool2d(2, ceil_mode=True)  # so that windows of two segments pass, too
            flat = FILTERS * (rows // 2) * (window // 2)  # ceil((rows - 1) / 2) × ceil((t - 1) / 2)
        self.hidden = nn.Linear(flat, HIDDEN)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(HIDDEN, categories)
        self.apply(start_as_keras)

    def forward(self, raw: Tensor) -> Tensor:
        x = self.standardise(raw)  # [m, t, d]
        x = self.input_dropout(x.transpose(1, 2)).transpose(1, 2)
        if self.remembers:
            x, _ = self.lstm(x)  # [m, t, units]
        image = x.transpose(1, 2)[:, None]  # the t outputs as columns: [m, 1, units, t]
        if self.looks:
            maps = self.convolution(image.contiguous(memory_format=torch.channels_last))
            image = torch.relu(self.pool(maps))  # [m, 32, units / 2, t / 2]; as relu first, on a quarter
        flat = image.permute(0, 2, 3, 1).flatten(1)  # channels last, as Keras flattens
        return self.output(self.dropout(torch.relu(self.hidden(flat))))


def start_as_keras(layer: nn.Module) -> None:
    """Initial weights as Keras draws them: Glorot's, an orthogonal recurrence, LSTM cells that remember.

    PyTorch's own are so small that what two LSTM layers, a convolution and a dense layer in a row pass on
    hardly depends on the input, and some seeds never leave a constant answer.
    """
    if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    if isinstance(layer, nn.LSTM):
        for name, weights in layer.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(weights)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(weights)
            else:
                nn.init.zeros_(weights)
            if name.startswith("bias_ih"):  # gates are input, forget, cell, output
                nn.init.ones_(weights[layer.hidden_size : 2 * layer.hidden_size])


@dataclass(frozen=True)
class Model:
    """A trained network, its categories, what may judge it, and devices with too few windows (how many).

    `split` is UNSEEN where `held_out` devices were kept from training, SEEN where too few categories had two.
    """

    network: LstmCnnNetwork
    labels: list[str]
    schema: FeatureSchema
    held_out: list[str]
    split: str
    left_out: dict[str, int] = field(default_factory=dict)


def predict(model: Model, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the categories [m, k] of raw windows [m, t, d]."""
    return probabilities(model.network, x)


def probabilities(network: LstmCnnNetwork, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the categories [m, k] of raw windows [m, t, d]; leaves the network in eval mode."""
    where = network.eval().output.weight.device
    with torch.inference_mode():
        parts = torch.from_numpy(x).split(CHUNK)
        return torch.cat([network(part.to(where)).softmax(1).cpu() for part in parts]).numpy()
