"""Training one device against the others: repeatable, continued interval after interval, clear refusals."""

import numpy as np
import pytest
from synthetic_home import INVENTORY, WIDTH, home, params, stream

from edgeprint.binary.network import Model, predict
from edgeprint.binary.samples import Streams
from edgeprint.binary.train import train, train_home
from edgeprint.errors import NotEnoughData, UnknownDevice

NOTHING = home(0)


def brief(device: str = "plug-b", **options: object) -> Model:
    """One epoch on a small home."""
    return train(device, home(60), NOTHING, INVENTORY, params(epochs=1), **{"seed": 1, **options})  # type: ignore[arg-type]


def never(epoch: int, metrics: dict[str, float]) -> None:
    raise AssertionError("an epoch has been trained")


def never_of(device: str, epoch: int, metrics: dict[str, float]) -> None:
    never(epoch, metrics)


def same(one: Model, other: Model) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.weights, other.weights, strict=True))


def test_a_model_knows_its_device_from_the_others(models: dict[str, Model]) -> None:
    for name, model in models.items():
        own, foreign = (
            Streams.of(stream(device, 30, seed=9), WIDTH).samples(np.arange(20))
            for device in (name, "laptop")
        )
        assert predict(model, own).min() > 0.5 > predict(model, foreign).max()


def test_training_twice_gives_the_same_weights_whatever_was_trained_between() -> None:
    one = brief("plug-b")
    brief("hub-c")
    assert same(brief("plug-b"), one)


def test_another_seed_gives_other_weights() -> None:
    assert not same(brief(), brief(seed=2))


def test_the_next_interval_continues_from_the_last() -> None:
    first, still = brief(), params(epochs=1, learning_rate=1e-9)
    onward = train("plug-b", home(60, seed=1), NOTHING, INVENTORY, still, seed=2, initial=first)
    kernels = [(a, b) for a, b in zip(onward.weights, first.weights, strict=True) if a.ndim > 1]
    assert kernels and all(np.allclose(a, b, atol=1e-6) for a, b in kernels)


def test_no_step_leaves_the_model_it_continued_from_as_it_was() -> None:
    first = brief()
    before = [array.copy() for array in first.weights]
    brief(initial=first)
    assert all(np.array_equal(a, b) for a, b in zip(first.weights, before, strict=True))


def test_a_model_of_other_inputs_is_not_continued() -> None:
    numbers = params(epochs=1, normalisation="log+max")
    other = train("plug-b", home(60), NOTHING, INVENTORY, numbers, seed=1)
    assert same(brief(initial=other), brief())


def test_every_epoch_reports_the_same_figures_as_the_other_methods() -> None:
    reported: list[tuple[int, dict[str, float]]] = []
    train(
        "camera-a",
        home(60),
        home(30, seed=1),
        INVENTORY,
        params(epochs=3),
        seed=1,
        on_epoch=lambda epoch, metrics: reported.append((epoch, metrics)),
    )
    assert [epoch for epoch, _ in reported] == [0, 1, 2]
    assert all(metrics.keys() == {"loss", "val_loss", "val_macro_f1"} for _, metrics in reported)
    assert reported[2][1]["loss"] < reported[0][1]["loss"]


def test_no_validation_rows_leave_only_the_loss() -> None:
    reported: list[dict[str, float]] = []
    brief(on_epoch=lambda _, metrics: reported.append(metrics))
    assert [metrics.keys() for metrics in reported] == [{"loss"}]


def test_validation_rows_without_a_window_are_refused_before_training() -> None:
    reason = f"nothing to validate camera-a by: camera-a has {WIDTH - 1} spectrogram columns"
    with pytest.raises(NotEnoughData, match=reason):
        train("camera-a", home(60), home(WIDTH - 1), INVENTORY, params(), seed=1, on_epoch=never)


def test_fewer_samples_than_a_batch_are_refused_with_the_numbers() -> None:
    reason = "5 windows of hub-c with 5 of others for each are 30 samples, a batch takes 32"
    with pytest.raises(NotEnoughData, match=reason):
        train("hub-c", home(60, hub_c=WIDTH + 4), NOTHING, INVENTORY, params(), seed=1)


def test_a_device_without_others_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="no device but plug-b has 8 spectrogram columns"):
        train("plug-b", stream("plug-b", 60), NOTHING, INVENTORY, params(), seed=1)


def test_too_few_columns_are_refused_with_the_number() -> None:
    with pytest.raises(NotEnoughData, match="hub-c has 3 spectrogram columns, a sample needs 8"):
        train("hub-c", home(60, hub_c=3), NOTHING, INVENTORY, params(), seed=1)


def test_a_device_that_is_not_in_the_inventory_is_refused() -> None:
    with pytest.raises(UnknownDevice, match="'kettle'"):
        brief("kettle")


def test_a_device_gets_the_same_model_whichever_others_are_trained_beside_it() -> None:
    rows = home(60), home(30, seed=1), INVENTORY, params(epochs=2)
    alone = train("plug-b", *rows, seed=1)
    for devices in (["plug-b"], ["plug-b", "hub-c"], ["hub-c", "camera-a", "plug-b", "laptop"]):
        beside = train_home(devices, *rows, seed=1)
        assert list(beside) == devices
        assert isinstance(model := beside["plug-b"], Model)
        assert (model.device, same(model, alone)) == ("plug-b", True)


def test_a_device_of_a_home_continues_from_its_own_model() -> None:
    first, rows = brief("plug-b"), (home(60), NOTHING, INVENTORY, params(epochs=1))
    found = train_home(["plug-b", "hub-c"], *rows, seed=1, initial={"plug-b": first})
    expected = brief("plug-b", initial=first), brief("hub-c")
    assert all(same(a, b) for a, b in zip(found.values(), expected, strict=True))  # type: ignore[arg-type]


def test_a_home_trains_who_has_enough_and_says_why_the_others_are_not() -> None:
    rows = home(60, hub_c=3), NOTHING, INVENTORY, params(epochs=1)
    found = train_home(["hub-c", "plug-b"], *rows, seed=1)
    assert isinstance(reason := found["hub-c"], NotEnoughData)
    assert str(reason) == "hub-c has 3 spectrogram columns, a sample needs 8"
    assert isinstance(found["plug-b"], Model)


def test_a_home_reports_every_epoch_of_every_device() -> None:
    seen = []
    rows = home(60), NOTHING, INVENTORY, params(epochs=2)
    train_home(["hub-c", "plug-b"], *rows, seed=1, on_epoch=lambda *at: seen.append(at[:2]))
    assert sorted(seen) == [("hub-c", 0), ("hub-c", 1), ("plug-b", 0), ("plug-b", 1)]


def test_an_unknown_device_of_a_home_is_refused_before_any_is_trained() -> None:
    with pytest.raises(UnknownDevice, match="'kettle'"):
        train_home(["plug-b", "kettle"], home(60), NOTHING, INVENTORY, params(), seed=1, on_epoch=never_of)
