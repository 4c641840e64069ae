"""A training that was killed goes on to the very weights of one that was not."""

import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import IterableDataset

from edgeprint.lightning_fit import ReportingModule, fit, seeded

EPOCHS = 5


class Shuffled(IterableDataset):
    """Forty rows a pass, in the order that a numpy generator draws."""

    def __init__(self, seed=3, shift=0.0):
        rows = np.random.default_rng(0).normal(shift, 1, (40, 4)).astype("f4")
        self.rows, self.random = torch.from_numpy(rows), np.random.default_rng(seed)

    def __len__(self):
        return 5

    def __iter__(self):
        order = torch.from_numpy(self.random.permutation(len(self.rows)))
        yield from (self.rows[part] for part in order.split(8))


class Dropping(ReportingModule):
    """Dropout, Adam with a decaying rate, and a loss that knows the step: all that a state must hold."""

    def __init__(self, report):
        super().__init__(report)
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))

    def training_step(self, batch, _):
        return (self.layers(batch) - self.global_step / 10).pow(2).mean()

    def configure_optimizers(self):
        adam = torch.optim.Adam(self.parameters(), lr=0.01)
        decay = torch.optim.lr_scheduler.StepLR(adam, 3, gamma=0.7)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": decay, "interval": "step"}}


def trained(checkpoint=None, *, at_epoch=lambda epoch: None, torch_seed=5, epochs=EPOCHS, **data):
    """All weights after training, and the epochs that were reported."""
    reported = []

    def report(epoch, loss):
        reported.append((epoch, loss))
        at_epoch(epoch)

    with seeded(torch_seed):
        module = Dropping(report)
        fit(module, Shuffled(**data), epochs=epochs, checkpoint=checkpoint)
    return torch.cat([parameter.detach().ravel() for parameter in module.parameters()]), reported


def stop_at(epoch):
    def stop(now):
        if now == epoch:
            raise KeyboardInterrupt

    return stop


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoints" / "line.ckpt"


@pytest.fixture(scope="module")
def whole():
    return trained()


def interrupted(path, epoch=3, **changed):
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        trained(path, at_epoch=stop_at(epoch), **changed)
    assert path.is_file()


@pytest.mark.parametrize("epoch", range(1, EPOCHS))
def test_an_interrupted_training_goes_on_to_the_same_weights(path, whole, epoch):
    interrupted(path, epoch)
    weights, reported = trained(path)
    assert torch.equal(weights, whole[0])
    assert reported == whole[1][epoch:]


def test_a_checkpoint_changes_nothing_and_is_gone_at_the_end(path, whole):
    assert torch.equal(trained(path)[0], whole[0])
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize("changed", [{"seed": 4}, {"shift": 1.0}, {"torch_seed": 6}, {"epochs": 6}])
def test_a_checkpoint_of_another_training_is_not_used(path, changed):
    interrupted(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(trained(path, **changed)[0], trained(**changed)[0])


def cut(raw):
    return raw[: len(raw) // 2]


def flip(raw):
    place = raw.index(b"PK", 2) - 200  # inside the first member
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


@pytest.mark.parametrize(
    "damage", [cut, flip, lambda raw: b"", lambda raw: b"no zip", lambda raw: bytes(999)]
)
def test_a_damaged_checkpoint_is_warned_of_and_not_used(path, whole, damage):
    interrupted(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(UserWarning, match="is damaged and not used"):
        weights, reported = trained(path)
    assert torch.equal(weights, whole[0]) and len(reported) == EPOCHS


def test_a_training_killed_in_its_fourth_epoch_goes_on_from_there(path, whole):
    code = (
        "import os, signal, sys; from pathlib import Path; from tests.test_training_state import trained\n"
        "kill = lambda epoch: os.kill(os.getpid(), signal.SIGKILL) if epoch == 3 else None\n"
        "trained(Path(sys.argv[1]), at_epoch=kill)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path])}
    killed = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL and path.is_file()
    weights, reported = trained(path)
    assert torch.equal(weights, whole[0])
    assert [epoch for epoch, _ in reported] == [3, 4]


def test_batches_without_a_fingerprint_are_refused(path):
    batches = Shuffled()
    batches.drawn = object()
    with pytest.raises(TypeError, match="a training with a object in its batches has no fingerprint"):
        fit(Dropping(lambda epoch, loss: None), batches, epochs=1, checkpoint=path)
