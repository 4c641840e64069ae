from dataclasses import replace

import numpy as np
import pytest
import torch

from edgeprint.cclp.batches import Batches, choose_labelled, held_back, learnable
from edgeprint.cclp.evaluate import NON_IOT, decide, evaluate, truth
from edgeprint.cclp.export import save
from edgeprint.cclp.network import CclpNetwork, predict
from edgeprint.cclp.train import losses, train
from edgeprint.errors import NotEnoughData, UnknownDevice
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory


def changed(section, **numbers):
    return section.model_copy(update={"train": section.train.model_copy(update=numbers)})


@pytest.fixture(scope="module")
def reports():
    return []


@pytest.fixture(scope="module")
def model(training, validation, inventory, small, reports):
    return train(training, validation, inventory, small, seed=1, on_epoch=lambda e, m: reports.append((e, m)))


def test_it_learns_from_a_few_labels(model, validation, inventory, small):
    scores = evaluate(model, validation, inventory, small)
    assert scores.labels == ["bulb", "camera", "plug", "speaker", NON_IOT]
    assert scores.samples == len(validation) and scores.macro_f1 > 0.8


def test_every_epoch_is_reported_with_the_names_of_all_methods(model, reports):
    assert [epoch for epoch, _ in reports] == [0]
    assert set(reports[0][1]) == {"loss", "val_loss", "val_macro_f1"}


def test_the_same_seed_gives_the_same_model(training, validation, inventory, small):
    short = changed(small, iterations=5)
    one, two = (train(training, validation, inventory, short, seed=4) for _ in range(2))
    other = train(training, validation, inventory, short, seed=5)
    found = [predict(m, validation.values) for m in (one, two, other)]
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])


def test_two_trainings_of_one_seed_write_the_same_bytes(training, validation, inventory, small, tmp_path):
    short = changed(small, iterations=5)
    for run in ("one", "two"):
        save(train(training, validation, inventory, short, seed=4), tmp_path / run)
    for name in ("weights.pt", "model.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("iterations", [1, 49, 50, 60, 150, 160, 1999])
def test_a_training_takes_as_many_iterations_as_asked_for(small, iterations):
    numbers = small.train.model_copy(update={"iterations": iterations})
    batches = Batches(np.zeros((3, 1), "f4"), {0: np.array([0, 1])}, numbers, np.random.default_rng(0))
    assert 0 <= batches.passes * len(batches) - iterations < batches.passes


def test_training_leaves_the_global_random_state_alone(training, validation, inventory, small):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    train(training, validation, inventory, changed(small, iterations=1), seed=4)
    assert torch.equal(torch.rand(1), expected)


def test_it_goes_on_from_a_model_of_the_same_devices(model, training, validation, inventory, small):
    still = changed(small, iterations=1, learning_rate=1e-12)
    after = train(training, validation, inventory, still, seed=9, initial=model)
    for name, weight in model.network.named_parameters():
        assert torch.allclose(weight, after.network.get_parameter(name), atol=1e-6)
    assert torch.equal(model.network.standardise.mean, after.network.standardise.mean)


def test_it_starts_afresh_from_a_model_of_other_devices(model, training, validation, inventory, small):
    fewer = training.select(training.device != "bulb")
    after = train(fewer, validation, inventory, changed(small, iterations=1), seed=9, initial=model)
    assert after.devices == ["camera", "plug", "speaker"] and after.left_out == {"bulb": 0}


@pytest.mark.parametrize("numbers", [{"unlabelled": 0}, {"label_fraction": 1.0}, {"weight": 0.0}])
def test_it_trains_without_unlabelled_windows_or_clusters(training, validation, inventory, small, numbers):
    train(training, validation, inventory, changed(small, iterations=2, **numbers), seed=1)


def test_it_trains_without_non_iot_devices(training, validation, inventory, small):
    iot = Inventory({name: inventory[name] for name in inventory.iot})
    only = training.select(np.isin(training.device.astype(str), iot.iot))
    model = train(only, only, iot, changed(small, iterations=30), seed=1)
    assert (predict(model, only.values)[:, -1] > 0.99).all()
    assert evaluate(model, only, iot, small).accuracy > 0.8


def test_too_few_devices_are_refused_with_numbers(training, validation, inventory, small):
    few = training.select(np.flatnonzero(training.device == "bulb"))
    with pytest.raises(NotEnoughData, match="two IoT devices with 2 windows each, found: bulb 40, camera 0"):
        train(few, validation, inventory, small, seed=1)


def test_a_quiet_device_is_left_out_and_named(training, inventory):
    rows = np.flatnonzero(training.device != "plug")
    one = np.flatnonzero(training.device == "plug")[:1]
    devices, left_out = learnable(training.select(np.r_[rows, one]), inventory)
    assert devices == ["bulb", "camera", "speaker"] and left_out == {"plug": 1}


def test_windows_of_devices_that_the_model_never_learned_are_counted_apart(
    model, validation, small, inventory
):
    renamed = FeatureTable(
        validation.schema,
        np.where(validation.device == "bulb", "kettle", validation.device),
        validation.capture,
        validation.start_ns,
        validation.values,
    )
    kettle = {"kettle": inventory["bulb"]}
    scores = evaluate(model, renamed, Inventory(inventory.devices | kettle), small)
    assert scores.extra["unknown_samples"] == 20 and scores.samples == len(validation) - 20
    assert set(scores.extra) == {
        "unknown_samples",
        "ece",
        "abstained",
        "unknown_auroc",
        "fpr_at_95_tpr",
        "unknown_abstained",
    }
    with pytest.raises(UnknownDevice, match="'kettle'"):
        evaluate(model, renamed, inventory, small)


def test_nothing_to_judge_is_refused(model, validation, inventory, small):
    with pytest.raises(NotEnoughData, match="none of 0 windows"):
        evaluate(model, validation.select(np.arange(0)), inventory, small)


def test_below_the_threshold_a_window_is_non_iot():
    probabilities = np.array([[0.2, 0.8, 0.7], [0.9, 0.1, 0.69]], "f4")
    assert decide(probabilities, 0.7).tolist() == [1, 2]


def test_an_unsure_window_of_iot_is_unknown_and_of_non_iot_is_not():
    probabilities = np.array([[0.2, 0.8, 0.7], [0.6, 0.4, 0.9], [0.6, 0.4, 0.2]], "f4")
    assert decide(probabilities, 0.7, level=0.75).tolist() == [1, 3, 2]


def test_the_last_windows_of_every_capture_are_held_back(windows):
    chosen = held_back(windows, ["bulb", "plug"], 0.2)
    assert (chosen == (windows.start_ns >= 48 * 1800 * 10**9)).all()


def test_the_order_of_rows_does_not_matter_to_what_is_held_back(windows):
    rows = np.random.default_rng(0).permutation(len(windows))
    assert np.array_equal(
        held_back(windows.select(rows), ["bulb"], 0.4), held_back(windows, ["bulb"], 0.4)[rows]
    )


def test_two_captures_of_a_device_each_lose_their_last_windows(windows):
    names = np.where(windows.start_ns < 30 * 1800 * 10**9, "monday", "tuesday").astype(object)
    both = replace(windows, capture=names)
    number = both.start_ns[held_back(both, ["bulb"], 0.4)] // (1800 * 10**9)
    assert set(number.tolist()) == {*range(18, 30), *range(48, 60)}


def test_nothing_is_held_back_where_it_could_calibrate_nothing(windows):
    assert held_back(windows, ["bulb", "plug"], 10 / 60).any()
    assert not held_back(windows, ["bulb", "plug"], 9 / 60).any()


def test_truth_is_a_device_non_iot_or_unknown(training, inventory):
    rows = [np.flatnonzero(training.device == name)[0] for name in ("camera", "phone", "plug")]
    assert truth(training.select(np.array(rows)), ["bulb", "camera"], inventory).tolist() == [1, 2, -1]


def test_two_windows_of_every_class_are_labelled_at_least():
    label = np.repeat([0, 1, -1], [100, 10, 50])
    chosen = choose_labelled(label, 0.08, np.random.default_rng(0))
    assert {one: len(rows) for one, rows in chosen.items()} == {0: 8, 1: 2}
    assert all((label[rows] == one).all() and len(set(rows)) == len(rows) for one, rows in chosen.items())


def test_a_batch_is_labelled_rows_by_class_then_unlabelled_ones(small):
    numbers = small.train.model_copy(update={"labelled_per_class": 20, "unlabelled": 95, "upsample_to": 30})
    labelled = {0: np.array([3, 4]), 1: np.array([5, 6, 7])}
    batches = Batches(np.arange(100, dtype="f4")[:, None], labelled, numbers, np.random.default_rng(0))
    raw, label = next(iter(batches))
    rows = raw[:, 0].numpy()
    assert label.tolist() == [0] * 20 + [1] * 20
    assert set(rows[:20]) == {3, 4} and set(rows[20:40]) == {5, 6, 7}
    assert sorted(rows[40:]) == [row for row in range(100) if row not in {3, 4, 5, 6, 7}]


def test_the_gradient_of_all_losses_together_is_that_of_finite_differences(small):
    network = CclpNetwork(24, classes=2, embedding=3, dropout=0.0).double()
    z = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    label = torch.tensor([0, 0, 1, 2])  # the last is non-IoT; three rows have no label
    assert torch.autograd.gradcheck(lambda z: sum(losses(network, z, label, small.train)), z)


def test_no_unlabelled_row_matters_without_the_cclp_loss(small):
    network = CclpNetwork(24, classes=2, dropout=0.0)
    z = torch.randn(6, 80, requires_grad=True)
    numbers = small.train.model_copy(update={"weight": 0.0})
    sum(losses(network, z, torch.tensor([0, 1]), numbers)).backward()
    assert (z.grad[:2] != 0).any() and (z.grad[2:] == 0).all()


def test_a_non_iot_row_has_no_device_loss(small):
    network = CclpNetwork(24, classes=2, dropout=0.0)
    z = torch.randn(3, 80)
    numbers = small.train.model_copy(update={"weight": 0.0})
    heads, clusters = losses(network, z, torch.tensor([2, 2, 2]), numbers)
    heads.backward()
    assert network.device.weight.grad is None and network.iot.weight.grad is not None
    assert clusters == 0
