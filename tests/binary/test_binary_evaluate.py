"""Evaluation: highest confidence, confident enough, and one model against the rest."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_home import INVENTORY, TONES, WIDTH, home, params

from edgeprint.binary.evaluate import evaluate, evaluate_one, score
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.binary.network import Model
from edgeprint.errors import BadArtifact, NotEnoughData

A, B = "camera-a", "plug-b"
LATER = home(80, seed=5)


def test_trained_models_name_their_devices_on_later_columns(models: dict[str, Model]) -> None:
    scores = evaluate(models, LATER, INVENTORY, params(), seed=1)
    assert scores.labels == ["camera-a", "hub-c", "plug-b"]
    assert scores.confusion.sum(1).tolist() == [40, 40, 40]  # 4 runs of 10
    assert scores.macro_f1 > 0.95
    assert scores.metrics()["ce_macro_f1"] > 0.9


def test_a_device_too_short_is_left_out_and_the_rest_goes_on(models: dict[str, Model]) -> None:
    scores = evaluate(models, home(80, hub_c=WIDTH - 1), INVENTORY, params(), seed=1)
    assert scores.f1.keys() == {"camera-a", "plug-b"}
    assert "ce.hub-c" not in scores.extra


def test_the_same_seed_asks_the_same_samples(models: dict[str, Model]) -> None:
    one, same = (evaluate(models, LATER, INVENTORY, params(), seed=1) for _ in range(2))
    assert one.to_dict() == same.to_dict()


def test_nobody_with_a_sample_is_refused(models: dict[str, Model]) -> None:
    with pytest.raises(NotEnoughData, match="none of 3 devices with a model has 8 spectrogram columns"):
        evaluate(models, home(WIDTH - 1), INVENTORY, params(), seed=1)
    with pytest.raises(NotEnoughData, match="no model"):
        evaluate({}, LATER, INVENTORY, params(), seed=1)


def test_models_of_other_columns_are_refused(models: dict[str, Model]) -> None:
    odd = replace(models[B], schema=SpectrogramSpec(SpectrogramSpec().height).schema())
    with pytest.raises(BadArtifact, match="plug-b's model takes"):
        evaluate({**models, B: odd}, LATER, INVENTORY, params(), seed=1)


def test_one_model_is_judged_on_as_many_samples_of_others_as_of_its_device(models: dict[str, Model]) -> None:
    scores = evaluate_one(models[A], LATER, INVENTORY, params(), seed=1)
    assert scores.labels == ["other", A]
    assert scores.confusion.sum(1).tolist() == [40, 40]
    assert scores.macro_f1 > 0.95


def test_one_model_is_judged_at_its_own_threshold(models: dict[str, Model]) -> None:
    never = replace(models[A], threshold=1.1)
    assert evaluate_one(never, LATER, INVENTORY, params(), seed=1).f1[A] == 0


def test_one_model_without_samples_is_refused(models: dict[str, Model]) -> None:
    with pytest.raises(NotEnoughData, match="camera-a has 5 spectrogram columns"):
        evaluate_one(models[A], home(80, camera_a=5), INVENTORY, params(), seed=1)
    lonely = home(80, **{name.replace("-", "_"): 0 for name in TONES if name != A})
    with pytest.raises(NotEnoughData, match="no device but camera-a"):
        evaluate_one(models[A], lonely, INVENTORY, params(), seed=1)


def test_highest_confidence_counts_the_loudest_model() -> None:
    confidence = np.array([[0.9, 0.2], [0.1, 0.3], [0.4, 0.3], [0.2, 0.8]], "f4")
    scores = score([A, B], np.array([0, 0, 0, 1]), confidence, np.array([0.5, 0.5]))
    assert scores.confusion.tolist() == [[2, 1], [0, 1]]


def test_confident_enough_asks_only_the_devices_own_model() -> None:
    confidence = np.array([[0.6, 0.9], [0.1, 0.3], [0.4, 0.3], [0.2, 0.8]], "f4")
    extra = score([A, B], np.array([0, 0, 0, 1]), confidence, np.array([0.5, 0.5])).extra
    assert extra == {
        "ce.camera-a": pytest.approx(1 / 3),
        "ce.plug-b": 1.0,
        "ce_macro_f1": pytest.approx(2 / 3),
        "ce_foreign": 0.25,  # plug-b's model accepts the first sample
    }
