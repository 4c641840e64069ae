import numpy as np
import pytest

from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn.evaluate import evaluate, labelled_windows
from edgeprint.lstm_cnn.export import save
from edgeprint.lstm_cnn.network import SEEN, UNSEEN, predict
from edgeprint.lstm_cnn.train import Batches, equal_weights, held_out_devices, train
from edgeprint.packets.inventory import Device, Inventory


def changed(section, **numbers):
    return section.model_copy(update={"train": section.train.model_copy(update=numbers)})


def home(**categories: int) -> Inventory:
    names = [(f"{c}-{i}", c) for c, count in categories.items() for i in range(count)]
    return Inventory({n: Device(n, c, True, frozenset({i})) for i, (n, c) in enumerate(names)})


@pytest.fixture(scope="module")
def reports():
    return []


@pytest.fixture(scope="module")
def model(training, later, inventory, small, reports):
    return train(training, later, inventory, small, seed=1, on_epoch=lambda e, m: reports.append((e, m)))


def test_it_names_the_category_of_devices_it_never_saw(model, later, inventory, small):
    scores = evaluate(model, later, inventory, small)
    assert (model.labels, model.split) == (["camera", "hub", "plug"], UNSEEN)
    assert model.held_out == ["camera-b", "hub-b", "plug-b"]
    assert scores.macro_f1 > 0.9 and scores.extra["seen_accuracy"] > 0.9


def test_it_is_judged_on_held_out_devices_only(model, later, inventory, small):
    device, _, _ = labelled_windows(later, model.labels, inventory, small.train)
    scores = evaluate(model, later, inventory, small)
    assert scores.samples == np.isin(device.astype(str), model.held_out).sum() == len(device) / 2


def test_training_never_reads_held_out_devices(model, training, later, inventory, small):
    values = np.where(np.isin(training.device.astype(str), model.held_out)[:, None], 7e6, training.values)
    other = FeatureTable(
        training.schema, training.device, training.capture, training.start_ns, values.astype("f4")
    )
    x = labelled_windows(later, model.labels, inventory, small.train)[1]
    assert np.array_equal(predict(train(other, later, inventory, small, seed=1), x), predict(model, x))


def test_every_epoch_is_reported_with_the_names_of_all_methods(model, reports, small):
    assert [epoch for epoch, _ in reports] == list(range(small.train.epochs))
    assert all(set(metrics) == {"loss", "val_loss", "val_macro_f1"} for _, metrics in reports)


def test_the_same_seed_gives_the_same_model(training, later, inventory, small):
    one, two, other = (
        train(training, later, inventory, changed(small, epochs=1), seed=seed) for seed in (4, 4, 5)
    )
    x = labelled_windows(later, one.labels, inventory, small.train)[1]
    assert np.array_equal(predict(one, x), predict(two, x))
    assert not np.array_equal(predict(one, x), predict(other, x))


def test_two_runs_write_the_same_bytes(training, later, inventory, small, tmp_path):
    for name in ("one", "two"):
        save(train(training, later, inventory, changed(small, epochs=2), seed=4), tmp_path / name)
    files = [sorted((tmp_path / name).iterdir()) for name in ("one", "two")]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


def test_a_training_that_broke_off_goes_on_to_the_same_model(training, later, inventory, small, tmp_path):
    def stop(epoch, metrics):
        if epoch == 2:
            raise KeyboardInterrupt

    few, path = changed(small, epochs=4), tmp_path / "lstm-cnn.ckpt"
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(training, later, inventory, few, seed=4, on_epoch=stop, checkpoint=path)
    assert path.is_file()
    epochs = []
    resumed = train(
        training, later, inventory, few, seed=4, on_epoch=lambda e, m: epochs.append(e), checkpoint=path
    )
    x = labelled_windows(later, resumed.labels, inventory, small.train)[1]
    whole = train(training, later, inventory, few, seed=4)
    assert np.array_equal(predict(resumed, x), predict(whole, x))
    assert epochs == [2, 3] and not path.exists()


def test_it_goes_on_from_a_model_of_the_same_task(model, training, later, inventory, small):
    still = changed(small, epochs=1, learning_rate=1e-12)
    x = labelled_windows(later, model.labels, inventory, small.train)[1]
    after = train(training, later, inventory, still, seed=9, initial=model)
    np.testing.assert_allclose(predict(after, x), predict(model, x), atol=1e-5)


def test_it_starts_afresh_where_the_earlier_model_saw_what_is_now_held_out(
    model, training, later, inventory, small
):
    still = changed(small, epochs=1, learning_rate=1e-12, held_out=0.1)
    renamed = Inventory(
        {n: Device(n, d.category, n != "plug-a", d.macs) for n, d in inventory.devices.items()}
    )
    after = train(training, later, renamed, still, seed=9, initial=model)
    assert after.held_out != model.held_out
    assert not np.allclose(
        after.network.hidden.weight.detach(), model.network.hidden.weight.detach(), atol=1e-3
    )


def test_one_device_a_category_falls_back_to_later_time(training, later, inventory, small):
    alone = Inventory({n: inventory[n] for n in ("camera-a", "camera-b", "hub-a", "plug-a")})
    model = train(training, later, alone, small, seed=1)
    scores = evaluate(model, later, alone, small)
    assert (model.split, model.held_out) == (SEEN, [])
    assert scores.samples == len(labelled_windows(later, model.labels, alone, small.train)[0])
    assert scores.macro_f1 > 0.9


@pytest.mark.parametrize(
    ("categories", "share", "expected"),
    [
        ({"camera": 2, "hub": 2}, 0.5, {"camera-1", "hub-1"}),
        ({"camera": 4, "hub": 2, "lock": 1}, 0.5, {"camera-2", "camera-3", "hub-1"}),
        ({"camera": 2, "hub": 2}, 0.99, {"camera-1", "hub-1"}),
        ({"camera": 3, "hub": 3}, 0.01, {"camera-2", "hub-2"}),
        ({"camera": 5, "hub": 1}, 0.5, set()),
    ],
)
def test_held_out_devices(categories, share, expected):
    assert held_out_devices(home(**categories), share) == expected


def test_computers_are_no_category(model):
    assert "computer" not in model.labels


def test_silent_windows_are_no_evidence(later, inventory, small):
    quiet = FeatureTable(later.schema, later.device, later.capture, later.start_ns, later.values * 0)
    assert len(labelled_windows(quiet, ["camera", "hub", "plug"], inventory, small.train)[0]) == 0


def test_too_few_windows_are_refused_with_numbers(training, later, inventory, small):
    few = training.select(np.isin(training.device.astype(str), ["camera-a", "camera-b"]))
    with pytest.raises(
        NotEnoughData, match="two categories with 4 windows of 6 segments each, found: camera-a 32"
    ):
        train(few, later, inventory, small, seed=1)


def test_fewer_windows_than_batches_are_refused_with_numbers(training, later, inventory, small):
    first = [np.flatnonzero(training.device == name)[:15] for name in ("camera-a", "hub-a")]
    expected = "needs 16 windows to train on, found 8, of camera-a, hub-a"
    with pytest.raises(NotEnoughData, match=expected):
        train(training.select(np.concatenate(first)), later, inventory, small, seed=1)


def test_a_quiet_device_is_left_out_and_named(training, later, inventory, small):
    rows = np.flatnonzero(training.device != "hub-b")
    first = np.flatnonzero(training.device == "hub-b")[:9]
    model = train(training.select(np.r_[rows, first]), later, inventory, changed(small, epochs=1), seed=1)
    assert model.left_out == {"hub-b": 2} and "hub-b" not in model.held_out


def test_a_device_left_out_does_not_judge_what_it_never_taught(training, later, inventory, small):
    alone = Inventory({name: inventory[name] for name in ("camera-a", "camera-b", "hub-a")})
    model = train(
        training.select(training.device != "camera-b"), later, alone, changed(small, epochs=1), seed=1
    )
    assert (model.split, model.left_out) == (SEEN, {"camera-b": 0})
    both = later.select(np.isin(later.device.astype(str), ["camera-a", "hub-a"]))
    assert evaluate(model, later, alone, small).samples == evaluate(model, both, alone, small).samples


def test_nothing_to_judge_is_refused(model, later, inventory, small):
    with pytest.raises(
        NotEnoughData, match=r"6 consecutive ones of the LSTM-CNN's held-out devices \(camera-b"
    ):
        evaluate(model, later.select(later.device == "camera-a"), inventory, small)


def test_categories_and_their_devices_weigh_the_same():
    device = np.array(["a"] * 6 + ["b"] * 2 + ["c"] * 2, object)
    weight = equal_weights(device, np.array([0] * 8 + [1] * 2))
    sums = {name: round(float(weight[device == name].sum()), 4) for name in "abc"}
    assert sums == {"a": 2.5, "b": 2.5, "c": 5.0} and weight.mean() == pytest.approx(1)


def test_a_pass_takes_every_window_once():
    rows = np.arange(10, dtype="f4")
    batches = Batches((rows, rows, rows), 4, np.random.default_rng(0))
    raw, label, weight = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert len(batches) == 3 and sorted(raw) == list(rows)
    assert np.array_equal(raw, label) and np.array_equal(raw, weight)
