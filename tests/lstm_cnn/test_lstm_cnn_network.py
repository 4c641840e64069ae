import numpy as np
import pytest
import torch

from edgeprint.lstm_cnn.network import LstmCnnNetwork


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, network, layer):
    """The paper's LSTM equations (section III.C), one step after the other; x [t, in] to [t, units]."""
    lstm = network.lstm
    to_input, to_output, b1, b2 = (
        getattr(lstm, f"{n}_l{layer}").detach().numpy()
        for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = s = np.zeros(lstm.hidden_size)
    outputs = []
    for row in x:
        i, f, g, o = np.split(to_input @ row + to_output @ h + b1 + b2, 4)
        s = np.tanh(g) * sigmoid(i) + s * sigmoid(f)
        h = np.tanh(s) * sigmoid(o)
        outputs.append(h)
    return np.array(outputs)


def test_a_forward_pass_is_that_of_the_papers_equations():
    torch.manual_seed(0)
    network = LstmCnnNetwork(3, 4, 2, units=5).eval()
    raw = np.random.default_rng(0).normal(0, 3, (4, 3))
    x = np.sign(raw) * np.log1p(np.abs(raw))
    image = lstm(lstm(x, network, 0), network, 1).T  # [units, t]
    kernels, bias = (p.detach().numpy() for p in network.convolution.parameters())
    maps = np.array(
        [[[np.sum(image[i : i + 2, j : j + 2] * k[0]) + b for j in range(3)] for i in range(4)]
         for k, b in zip(kernels, bias, strict=True)]
    )  # fmt: skip
    padded = np.pad(np.maximum(maps, 0), ((0, 0), (0, 0), (0, 1)))
    pooled = padded.reshape(32, 2, 2, 2, 2).max((2, 4)).transpose(1, 2, 0).ravel()
    w1, b1, w2, b2 = (
        p.detach().numpy() for layer in (network.hidden, network.output) for p in layer.parameters()
    )
    expected = w2 @ np.maximum(w1 @ pooled + b1, 0) + b2
    found = network(torch.from_numpy(raw[None].astype("f4"))).detach().numpy()[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("window", [2, 3, 6, 12])
def test_any_window_from_two_segments_passes(window):
    assert LstmCnnNetwork(6, window, 4)(torch.zeros(3, window, 6)).shape == (3, 4)
