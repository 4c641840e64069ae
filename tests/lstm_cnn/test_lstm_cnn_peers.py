import numpy as np
import pytest
import torch

from edgeprint.lstm_cnn.network import UNSEEN, LstmCnnNetwork
from edgeprint.lstm_cnn.peers import NETWORKS, PAPER, estimators, predictions, standardised
from edgeprint.lstm_cnn.splits import Source


@pytest.fixture(scope="module")
def division(segments, inventory, small):
    return Source(segments, inventory, small.train).divided(UNSEEN, seed=1)


def test_every_method_of_table_two_is_there():
    assert set(PAPER) == {*estimators(), *NETWORKS}


@pytest.mark.parametrize("name", PAPER)
def test_every_method_names_kinds_this_clear(name, division, small):
    predicted = predictions(name, division, small.train, seed=1)
    assert (predicted == division.testing[2]).mean() > 0.6  # a third would be chance


def test_qda_takes_more_columns_than_a_category_has_windows():
    random, label = np.random.default_rng(0), np.arange(120) % 3
    x = random.normal(label[:, None], 1, (120, 300))
    x[:, 1] = x[:, 0]
    assert (estimators()["QDA"](0).fit(x, label).predict(x) == label).all()


@pytest.mark.parametrize("name", ["random forest", "LSTM-CNN"])
def test_the_same_seed_gives_the_same_answers(name, division, small):
    one, two = (predictions(name, division, small.train, seed=4) for _ in range(2))
    assert np.array_equal(one, two)


def test_a_half_lacks_the_weights_of_the_other():
    whole, cnn, lstm = (
        {name.split(".")[0] for name, _ in LstmCnnNetwork(6, 6, 3, **NETWORKS[name]).named_parameters()}
        for name in ("LSTM-CNN", "CNN only", "LSTM only")
    )
    assert whole == {"lstm", "convolution", "hidden", "output"}
    assert (whole - cnn, whole - lstm) == ({"lstm"}, {"convolution"})


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("window", [2, 5, 12])
def test_a_half_takes_any_window(name, window):
    network = LstmCnnNetwork(5, window, 4, **NETWORKS[name])
    assert network(torch.zeros(3, window, 5)).shape == (3, 4)


def test_peers_see_what_the_network_sees(division):
    first, second = standardised(division.training[1], division.testing[1])
    layer = LstmCnnNetwork(6, 6, 3).standardise
    layer.fit(division.training[1])
    expected = layer(torch.from_numpy(division.testing[1])).numpy()
    assert np.array_equal(second.reshape(expected.shape), expected)
    assert np.abs(first.mean()) < 0.05
