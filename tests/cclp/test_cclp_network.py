import numpy as np
import pytest
import torch
from torch import nn

from edgeprint.cclp.network import CclpNetwork, Model, predict


def test_six_convolutions_two_max_pools_and_an_average():
    network = CclpNetwork(219, classes=24)
    kinds = [type(layer) for layer in network.body]
    assert kinds.count(nn.Conv2d) == 6 and kinds.count(nn.MaxPool2d) == 2
    assert network.body(torch.zeros(1, 1, 1, 219)).shape == (1, 80, 1, 7)
    assert network.embed(torch.zeros(5, 219)).shape == (5, 80)


def test_heads_for_devices_and_for_iot():
    device, iot = CclpNetwork(219, classes=24)(torch.zeros(5, 219))
    assert device.shape == (5, 24) and iot.shape == (5, 2)


def test_embeddings_know_no_dropout_but_heads_do():
    network = CclpNetwork(24, classes=3, dropout=0.9)
    z = network.embed(torch.randn(8, 24))
    assert torch.equal(network.embed(torch.zeros(2, 24)), network.embed(torch.zeros(2, 24)))
    assert not torch.equal(network.heads(z)[0], network.heads(z)[0])


def test_pooling_before_the_elu_changes_nothing():
    x = torch.randn(4, 8, 1, 20)
    pool, elu = nn.MaxPool2d((1, 2)), nn.ELU()
    assert torch.equal(elu(pool(x)), pool(elu(x)))


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_predictions_are_probabilities_of_devices_and_of_iot(rows):
    model = Model(CclpNetwork(24, classes=3), ["a", "b", "c"], schema=None)
    found = predict(model, np.random.default_rng(1).normal(0, 1e3, (rows, 24)).astype("f4"))
    assert found.shape == (rows, 4)
    np.testing.assert_allclose(found[:, :3].sum(1), 1, rtol=1e-5)
    assert (found >= 0).all() and (found <= 1).all()


def test_a_prediction_does_not_depend_on_its_neighbours():
    model = Model(CclpNetwork(24, classes=3), ["a", "b", "c"], schema=None)
    values = np.random.default_rng(1).normal(0, 5, (40, 24)).astype("f4")
    np.testing.assert_allclose(predict(model, values)[:1], predict(model, values[:1]), atol=1e-6)
