"""Devices never learned: one window's confidence, and the Kolmogorov-Smirnov test over a run."""

import math
from dataclasses import replace

import numpy as np
import pytest

from edgeprint.cclp.evaluate import evaluate
from edgeprint.cclp.network import predict
from edgeprint.cclp.train import train
from edgeprint.cclp.unknown import judge, ks_rejected
from edgeprint.errors import NotEnoughData, UnknownDevice
from edgeprint.feature_table import FeatureTable

REFERENCE = np.linspace(0.8, 1, 100)


def of(table, *devices):
    return table.select(np.isin(table.device.astype(str), devices))


@pytest.fixture(scope="module")
def model(training, validation, inventory, small):
    """Of all devices but the speaker."""
    known = training.select(training.device != "speaker")
    params = small.model_copy(update={"unknown": small.unknown.model_copy(update={"calibration": 0.2})})
    return train(known, known.select(np.arange(0)), inventory, params, seed=1)


def streams(windows, lengths):
    """Rows of devices d0, d1, ... with so many windows each."""
    made = [
        FeatureTable.of(windows.schema, f"d{i}", "monday", np.arange(n), np.zeros((n, 24)))
        for i, n in enumerate(lengths)
    ]
    return FeatureTable.concatenate(made)


def test_calibration_comes_from_windows_that_training_did_not_see(model):
    assert model.calibration.temperature != 1 and 0 < model.calibration.level < 1
    assert len(model.calibration.known) == 3 * 8  # a fifth of 40 windows of each of three devices


def test_a_stranger_is_told_from_the_known(model, validation, inventory, small):
    known, strangers = of(validation, "bulb", "camera", "plug"), of(validation, "speaker")
    figures = judge(model, known, strangers, inventory, small)
    assert figures.auroc > 0.5 and figures.strangers_abstained > figures.known_abstained
    assert figures.fpr_at_95_tpr < 0.5


def test_evaluation_tells_the_same_figures(model, validation, inventory, small):
    known, strangers = of(validation, "bulb", "camera", "plug"), of(validation, "speaker")
    figures = judge(model, known, strangers, inventory, small)
    extra = evaluate(model, validation, inventory, small).extra
    assert extra["unknown_auroc"] == pytest.approx(figures.auroc)
    assert extra["fpr_at_95_tpr"] == pytest.approx(figures.fpr_at_95_tpr)
    assert extra["ece"] == pytest.approx(figures.ece)
    assert extra["abstained"] == pytest.approx(figures.known_abstained)
    assert extra["unknown_abstained"] == pytest.approx(figures.strangers_abstained)


def test_the_order_of_rows_does_not_matter(model, validation, inventory, small):
    known, strangers = of(validation, "bulb", "camera", "plug"), of(validation, "speaker")
    mixed = known.select(np.random.default_rng(0).permutation(len(known)))
    one, two = (judge(model, rows, strangers, inventory, small) for rows in (known, mixed))
    assert one.known_rejected == two.known_rejected and one.auroc == pytest.approx(two.auroc)


def test_a_device_on_the_wrong_side_is_refused_by_name(model, validation, inventory, small):
    with pytest.raises(UnknownDevice, match="speaker stands on the wrong side"):
        judge(model, validation, of(validation, "speaker"), inventory, small)


def test_no_stranger_is_refused(model, validation, inventory, small):
    with pytest.raises(NotEnoughData, match="20 known and 0 strangers' windows"):
        judge(model, of(validation, "bulb"), of(validation), inventory, small)


def test_confidences_like_the_known_pass_and_others_do_not(windows, small):
    table = streams(windows, [5, 5])
    scores = np.r_[REFERENCE[10::20], np.full(5, 0.4)]
    assert ks_rejected(scores, table, REFERENCE, small.unknown).tolist() == [False, True]


def test_a_device_that_the_model_is_surest_of_is_no_stranger(windows, small):
    assert not ks_rejected(np.full(5, 1.0), streams(windows, [5]), REFERENCE, small.unknown).any()


@pytest.mark.parametrize("windows_of_it, runs", [(2, 0), (3, 1), (5, 1), (7, 1), (8, 2), (10, 2)])
def test_runs_are_of_five_windows_and_a_rest_of_three(windows, small, windows_of_it, runs):
    table = streams(windows, [windows_of_it])
    assert len(ks_rejected(np.full(windows_of_it, 0.9), table, REFERENCE, small.unknown)) == runs


def test_a_run_never_joins_two_devices(windows, small):
    assert len(ks_rejected(np.full(8, 0.9), streams(windows, [4, 4]), REFERENCE, small.unknown)) == 2


def test_a_stricter_test_rejects_less(windows, small):
    table, scores = streams(windows, [5]), np.full(5, 0.82)
    found = {
        a: ks_rejected(scores, table, REFERENCE, small.unknown.model_copy(update={"alpha": a}))
        for a in (0.05, 1e-9)
    }
    assert found[0.05].all() and not found[1e-9].any()


def test_without_calibration_nothing_is_tested_or_abstained(model, validation, inventory, small):
    bare = replace(model, calibration=type(model.calibration)())
    figures = judge(bare, of(validation, "bulb"), of(validation, "speaker"), inventory, small)
    assert math.isnan(figures.strangers_rejected) and figures.strangers_abstained == 0
    assert figures.ece == figures.ece_before


def test_a_temperature_changes_no_answer(model, validation):
    bare = replace(model, calibration=type(model.calibration)())
    one, two = (predict(m, validation.values) for m in (model, bare))
    assert (one[:, :-1].argmax(1) == two[:, :-1].argmax(1)).all() and np.array_equal(one[:, -1], two[:, -1])
