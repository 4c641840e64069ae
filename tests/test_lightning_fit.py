import os
import signal

import pytest
import torch
from torch import nn
from torch.utils.data import IterableDataset

from edgeprint.lightning_fit import ReportingModule, fit, seeded


class Numbers(IterableDataset):
    """Three batches a pass."""

    def __len__(self):
        return 3

    def __iter__(self):
        return iter([torch.tensor([[float(i)]]) for i in range(3)])


class Line(ReportingModule):
    """One weight that goes down by its gradient, the mean of the batch."""

    def __init__(self, report):
        super().__init__(report)
        self.layer = nn.Linear(1, 1, bias=False)

    def training_step(self, batch, _):
        return self.layer(batch).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


def test_every_epoch_reports_its_mean_loss():
    losses: dict[int, float] = {}
    module = Line(losses.__setitem__)
    nn.init.zeros_(module.layer.weight)
    fit(module, Numbers(), epochs=2)
    assert losses == pytest.approx({0: -2 / 3, 1: -11 / 3})  # weights 0, 0, -1, then -3, -3, -4
    assert not module.training


def test_it_says_nothing_and_writes_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    fit(Line(lambda epoch, loss: None), Numbers(), epochs=1)
    assert capfd.readouterr() == ("", "") and not list(tmp_path.iterdir())


def test_a_seed_holds_for_its_block_only():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with seeded(5):
        one = torch.rand(2)
    with seeded(5):
        two = torch.rand(2)
    assert torch.equal(one, two) and torch.equal(torch.rand(2), expected)


def test_the_number_of_threads_is_given_back():
    before = torch.get_num_threads()
    fit(Line(lambda epoch, loss: None), Numbers(), epochs=1)
    assert torch.get_num_threads() == before


def test_a_termination_is_not_a_success():
    with pytest.raises(SystemExit) as stop:
        fit(Line(lambda epoch, loss: os.kill(os.getpid(), signal.SIGTERM)), Numbers(), epochs=9)
    assert stop.value.code == 143
