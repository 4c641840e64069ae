"""Raw features to network input: signed logarithm, then standardised by the training set, inside the network.

    layer = Standardise(219)
    layer.fit(training.values)         # [n, 219]
    layer(raw)                         # [..., 219], mean 0 and deviation 1 on the training set

The statistics are part of the weights, so whoever runs the network feeds it raw features.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

LIMIT = 4.0  # deviations: a value never seen in training must not drown all others
SMALLEST = 1e-4  # deviation below which a column counts as constant


class Standardise(nn.Module):
    """sign(x) log(1 + |x|), less the mean, by the deviation, cut at ±LIMIT; the width d is the last axis."""

    mean: Tensor  # [d]
    deviation: Tensor  # [d]

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def fit(self, values: NDArray[np.float32]) -> None:
        """Take the statistics of a training set [..., d]; a constant column keeps deviation 1."""
        rows = values.reshape(-1, values.shape[-1]).astype("f8")
        logged = np.sign(rows) * np.log1p(np.abs(rows))
        deviation = logged.std(0)
        self.mean.copy_(torch.from_numpy(logged.mean(0)))
        self.deviation.copy_(torch.from_numpy(np.where(deviation < SMALLEST, 1.0, deviation)))

    def forward(self, raw: Tensor) -> Tensor:
        # log(1 + x), not log1p: TFLite has no log1p, and both must round alike.
        logged = torch.sign(raw) * torch.log(1 + raw.abs())
        return ((logged - self.mean) / self.deviation).clamp(-LIMIT, LIMIT)
