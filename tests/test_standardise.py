import numpy as np
import torch

from edgeprint.standardise import Standardise


def fitted(values: np.ndarray) -> Standardise:
    layer = Standardise(values.shape[-1])
    layer.fit(values.astype("f4"))
    return layer


def test_the_training_set_gets_mean_zero_and_deviation_one():
    values = np.random.default_rng(0).lognormal(3, 2, (500, 4)) * [1, -1, 1e6, 10]
    found = fitted(values)(torch.from_numpy(values.astype("f4"))).numpy()
    np.testing.assert_allclose(found.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(found.std(0), 1, atol=0.02)


def test_windows_of_segments_share_the_statistics_of_a_column():
    values = np.random.default_rng(0).lognormal(3, 2, (50, 6, 4))
    assert torch.equal(fitted(values).mean, fitted(values.reshape(-1, 4)).mean)


def test_a_constant_column_is_zero_and_a_wild_value_is_cut():
    layer = fitted(np.array([[7, 1], [7, 2]]))
    assert layer(torch.tensor([[7.0, 1e30], [7.0, -1e30]])).tolist() == [[0, 4], [0, -4]]


def test_the_statistics_travel_with_the_weights():
    layer, other = fitted(np.array([[1.0], [5.0]])), Standardise(1)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(torch.tensor([[3.0]])), layer(torch.tensor([[3.0]])))
