"""Figures of reliability against their definitions, and against scikit-learn where it has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from edgeprint.errors import NotEnoughData
from edgeprint.reliability import auroc, expected_calibration_error, fpr_at_tpr, mean_with_interval

SCORES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30)


def test_answers_as_often_right_as_they_claim_have_no_calibration_error() -> None:
    correct = np.repeat([1, 0], [8, 2])
    assert expected_calibration_error(np.full(10, 0.8), correct) == pytest.approx(0)


def test_answers_that_are_always_sure_and_half_right_are_off_by_a_half() -> None:
    assert expected_calibration_error(np.ones(4), [1, 0, 1, 0]) == pytest.approx(0.5)


def test_the_error_is_weighted_by_the_answers_in_a_bin() -> None:
    assert expected_calibration_error([0.95, 0.95, 0.95, 0.05], [1, 1, 1, 1], bins=2) == pytest.approx(
        (3 * 0.05 + 0.95) / 4
    )


@given(SCORES, SCORES)
def test_auroc_is_the_share_of_pairs_in_order(known: list[float], unknown: list[float]) -> None:
    above = np.subtract.outer(known, unknown)
    assert auroc(known, unknown) == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean())


@given(SCORES, SCORES)
def test_false_positives_are_those_of_the_roc_curve(known: list[float], unknown: list[float]) -> None:
    fpr, tpr, _ = roc_curve(np.repeat([1, 0], [len(known), len(unknown)]), [*known, *unknown])
    assert fpr_at_tpr(known, unknown) == pytest.approx(fpr[tpr >= 0.95 - 1e-9].min())


def test_nothing_to_compare_is_said() -> None:
    with pytest.raises(NotEnoughData, match="0 known and 2 unknown"):
        auroc([], [0.1, 0.2])
    with pytest.raises(NotEnoughData):
        expected_calibration_error([], [])


def test_the_interval_of_three_repeats_is_students() -> None:
    mean, half = mean_with_interval([0.91, 0.93, 0.92])
    assert mean == pytest.approx(0.92)
    assert half == pytest.approx(4.302653 * 0.01 / np.sqrt(3))


def test_one_repeat_has_no_interval() -> None:
    assert np.isnan(mean_with_interval([0.5])[1])


def test_confidences_that_are_no_numbers_give_none_and_stop_nothing() -> None:
    assert np.isnan(expected_calibration_error([0.5, np.nan], [1, 0]))
    assert np.isnan(auroc([0.5, np.nan], [0.2]))
    assert np.isnan(fpr_at_tpr([0.5, np.nan], [0.2])) and np.isnan(fpr_at_tpr([0.5], [np.nan]))
