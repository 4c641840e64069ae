import numpy as np
import pytest
import torch

from edgeprint.lstm_cnn.network import LstmCnnNetwork
from edgeprint.standardise import LIMIT


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


def by_hand(network, raw):
    """Logits [k] of one window [t, d] by the equations of section III.C: LSTM, LSTM, filters, pool, dense."""
    logged = np.sign(raw) * np.log1p(np.abs(raw))
    mean, deviation = (b.numpy() for b in (network.standardise.mean, network.standardise.deviation))
    x = np.clip((logged - mean) / deviation, -LIMIT, LIMIT)
    image = lstm(lstm(x, network, 0), network, 1).T  # [units, t]
    rows, columns = image.shape
    kernels, bias = (p.detach().numpy() for p in network.convolution.parameters())
    maps = np.array(
        [[[np.sum(image[i : i + 2, j : j + 2] * k[0]) + b for j in range(columns - 1)]
          for i in range(rows - 1)]
         for k, b in zip(kernels, bias, strict=True)]
    )  # fmt: skip
    padding = (0, (rows - 1) % 2), (0, (columns - 1) % 2)
    padded = np.pad(np.maximum(maps, 0), ((0, 0), *padding))
    pooled = padded.reshape(32, rows // 2, 2, columns // 2, 2).max((2, 4)).transpose(1, 2, 0).ravel()
    w1, b1, w2, b2 = (
        p.detach().numpy() for layer in (network.hidden, network.output) for p in layer.parameters()
    )
    return w2 @ np.maximum(w1 @ pooled + b1, 0) + b2


def test_a_forward_pass_is_that_of_the_papers_equations():
    torch.manual_seed(0)
    network = LstmCnnNetwork(3, 4, 2, units=5).eval()
    raw = np.random.default_rng(0).normal(0, 3, (4, 3))
    found = network(torch.from_numpy(raw[None].astype("f4"))).detach().numpy()[0]
    np.testing.assert_allclose(found, by_hand(network, raw), atol=1e-5)


@pytest.mark.parametrize("window", [2, 3, 6, 12])
def test_any_window_from_two_segments_passes(window):
    assert LstmCnnNetwork(6, window, 4)(torch.zeros(3, window, 6)).shape == (3, 4)


@pytest.mark.parametrize("half", [{}, {"remembers": False}, {"looks": False}])
def test_the_gradient_is_the_slope_of_the_loss(half):
    torch.manual_seed(0)
    network = LstmCnnNetwork(3, 4, 2, units=4, **half).double().eval()
    raw, label = torch.randn(5, 4, 3, dtype=torch.float64) * 20, torch.tensor([0, 1, 1, 0, 1])

    def loss():
        return torch.nn.functional.cross_entropy(network(raw), label)

    loss().backward()
    step, random = 1e-6, np.random.default_rng(0)
    for parameter in network.parameters():
        flat, slope = parameter.data.view(-1), parameter.grad.view(-1)
        for place in random.choice(len(flat), min(6, len(flat)), False):
            before = flat[place].item()
            flat[place] = before + step
            above = loss().item()
            flat[place] = before - step
            below = loss().item()
            flat[place] = before
            assert slope[place].item() == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-8)


def test_in_double_precision_the_forward_pass_is_exact_to_twelve_digits():
    torch.manual_seed(1)
    network = LstmCnnNetwork(6, 6, 4).double().eval()
    raw = np.random.default_rng(1).lognormal(3, 2, (6, 6))
    found = network(torch.from_numpy(raw[None])).detach().numpy()[0]
    np.testing.assert_allclose(found, by_hand(network, raw), rtol=1e-10, atol=1e-12)


def test_training_hides_a_feature_for_a_whole_window_and_prediction_hides_none():
    torch.manual_seed(0)
    network = LstmCnnNetwork(50, 6, 3, input_dropout=0.5, remembers=False, looks=False)
    seen = []
    network.hidden.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    raw = torch.rand(200, 6, 50) + 1
    network.train()(raw)
    network.eval()(raw)
    training, prediction = (flat.reshape(200, 50, 6) == 0 for flat in seen)
    assert torch.equal(training.any(2), training.all(2))
    assert training.float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert not prediction.any()


@pytest.mark.parametrize("seed", range(4))
def test_at_the_start_the_answer_depends_on_the_input(seed):
    torch.manual_seed(seed)
    logits = LstmCnnNetwork(50, 6, 3).eval()(torch.randn(200, 6, 50))
    assert logits.std(0).mean() > 0.004  # with PyTorch's own weights 0.0025 on such windows


def test_the_lstm_starts_as_that_of_keras():
    lstm = LstmCnnNetwork(50, 6, 3, units=5).lstm
    torch.testing.assert_close(lstm.weight_hh_l1.T @ lstm.weight_hh_l1, torch.eye(5))
    assert lstm.bias_ih_l0.tolist() == [0] * 5 + [1] * 5 + [0] * 10 and not lstm.bias_hh_l0.any()
