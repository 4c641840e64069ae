"""Steps of CCLP training: 24 classes of 20 labelled windows each and 100 without a label in a batch.

The peer is what a user would write from the paper: nn.Conv1d, each layer followed by its own norm, activation
and pool, every equation as it stands, torch's own number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import RUNS, Result, best

CLASSES, LABELLED, UNLABELLED, FEATURES = 24, 20, 100, 219
STEPS, QUICK_STEPS = 10, 2


def run(folder: Path, quick: bool) -> Iterator[Result]:
    import torch

    torch.manual_seed(0)
    rows = CLASSES * LABELLED + UNLABELLED
    raw = torch.from_numpy(np.random.default_rng(0).normal(0, 3, (rows, FEATURES)).astype("f4"))
    label = torch.arange(CLASSES).repeat_interleave(LABELLED)
    steps = QUICK_STEPS if quick else STEPS
    theirs = best(_repeated(_plain(raw, label), steps))
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as in training: lightning_fit says why
    try:
        ours = best(_repeated(_ours(raw, label), steps))
    finally:
        torch.set_num_threads(before)
    data = (
        f"random batch, {CLASSES} classes x {LABELLED} labelled + {UNLABELLED} unlabelled windows, S = 3, "
        f"forward, backward and Adam; one thread; best of {RUNS} runs of {steps}"
    )
    note = f"the peer has {before} thread{'s' * (before > 1)}"
    yield Result.alone("cclp-step", steps / ours, "steps/s", data).against(
        "plain torch", steps / theirs, note
    )


def _repeated(step: Callable[[], None], times: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(times):
            step()

    step()
    return work


def _ours(raw: Any, label: Any) -> Callable[[], None]:
    import torch

    from edgeprint.cclp.network import CclpNetwork
    from edgeprint.cclp.train import Training, losses
    from edgeprint.params import load

    numbers = load().cclp.train
    network = CclpNetwork(FEATURES, CLASSES, input_dropout=numbers.input_dropout)
    optimizer = Training(network, numbers, lambda epoch, loss: None).configure_optimizers()["optimizer"]

    def step() -> None:
        optimizer.zero_grad()
        heads, clusters = losses(network, network.embed(raw), label, numbers)
        (heads + numbers.weight * clusters).backward()
        optimizer.step()

    assert isinstance(optimizer, torch.optim.Adam)
    return step


def _plain(raw: Any, label: Any) -> Callable[[], None]:
    import torch
    import torch.nn.functional as F
    from torch import nn

    def convolution(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        layer = nn.Conv1d(inputs, outputs, 3, stride=stride, padding=1)
        return [layer, nn.BatchNorm1d(outputs), nn.ELU()]

    body = nn.Sequential(
        *convolution(1, 32, 2), *convolution(32, 32, 1), nn.MaxPool1d(2),
        *convolution(32, 64, 2), *convolution(64, 64, 1), nn.MaxPool1d(2),
        *convolution(64, 80, 2), *convolution(80, 80, 1), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
    )  # fmt: skip
    heads = nn.ModuleList([nn.Linear(80, CLASSES), nn.Linear(80, 2)])
    optimizer = torch.optim.Adam([*body.parameters(), *heads.parameters()], lr=1e-3, weight_decay=1e-4)
    logged = torch.sign(raw) * torch.log1p(raw.abs())
    known = len(label)

    def step() -> None:
        optimizer.zero_grad()
        z = body(logged[:, None])
        devices, iot = (head(F.dropout(z[:known])) for head in heads)
        total = F.cross_entropy(devices, label) + F.cross_entropy(iot, torch.ones_like(label))
        (total + _equations(z, F.one_hot(label, CLASSES).float())).backward()
        optimizer.step()

    return step


def _equations(z: Any, labels: Any) -> Any:
    """Equations 3 to 8 of papers/cclp as they stand."""
    import torch

    known, rows = len(labels), len(z)
    h = torch.softmax(z @ z.T, 1)
    h = 1e-5 / rows + (1 - 1e-5) * h
    inverse = torch.inverse(torch.eye(rows - known) - h[known:, known:])
    phi = torch.cat([labels, inverse @ h[known:, :known] @ labels])
    target = (phi / (phi.sum(0) + 1e-5)) @ phi.T
    m, chain, total = phi @ phi.T, h, torch.zeros(())
    for _ in range(3):
        total = total - (target * torch.log(chain + 1e-6)).sum(1).mean()
        chain = (h * m) @ chain
    return total / 3
