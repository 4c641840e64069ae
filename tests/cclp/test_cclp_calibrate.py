"""The temperature, the level of abstention, and which windows both are learned from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.cclp.calibrate import MOST_KNOWN, Calibration, best_temperature, confidence, tempered
from edgeprint.reliability import expected_calibration_error


def softmax(logits):
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def drawn(rows, classes=4, scale=2.0, seed=0):
    """Logits [rows, classes], and labels drawn from their softmax: a model that knows how sure it is."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, scale, (rows, classes))
    label = (softmax(logits).cumsum(1) < random.random((rows, 1))).sum(1)
    return logits, label


@pytest.mark.parametrize("boast", [0.5, 1.0, 4.0])
def test_the_temperature_undoes_a_factor_on_the_logits(boast):
    logits, label = drawn(4000)
    assert best_temperature(softmax(boast * logits), label) == pytest.approx(boast, rel=0.1)


def test_boasting_is_cured_and_every_answer_kept():
    logits, label = drawn(4000)
    before = softmax(5 * logits)
    after = tempered(before, best_temperature(before, label))
    assert (before.argmax(1) == after.argmax(1)).all()
    right = before.argmax(1) == label
    errors = [expected_calibration_error(confidence(p), right) for p in (before, after)]
    assert errors[0] > 0.1 and errors[1] < 0.03


@given(st.floats(0.05, 20), st.integers(0, 1000))
def test_a_temperature_divides_the_logits(temperature, seed):
    logits, _ = drawn(5, seed=seed)
    np.testing.assert_allclose(
        tempered(softmax(logits), temperature), softmax(logits / temperature), atol=1e-9
    )


def test_a_softmax_that_underflows_stays_a_probability():
    found = tempered(np.array([[1.0, 0.0, 0.0]], "f4"), 20.0)
    assert np.isfinite(found).all() and found.sum() == pytest.approx(1)


def test_a_dozen_right_answers_do_not_make_the_model_infallible():
    logits = 2 * np.eye(3).repeat(4, 0)
    sure = tempered(softmax(logits), best_temperature(softmax(logits), np.arange(3).repeat(4)))
    assert 0.9 < sure.max() < 0.99


def test_the_level_lets_the_wanted_share_of_known_windows_pass():
    logits, label = drawn(1000)
    found = Calibration.fit(softmax(logits), label, keep=0.9)
    assert (found.known >= found.level).mean() == pytest.approx(0.9, abs=0.002)
    assert (np.diff(found.known) >= 0).all()


def test_a_handful_of_windows_calibrate_nothing():
    logits, label = drawn(19)
    found = Calibration.fit(softmax(logits), label, keep=0.95)
    assert (found.temperature, found.level, len(found.known)) == (1.0, 0.0, 0)


def test_a_model_carries_a_bounded_number_of_confidences():
    logits, label = drawn(3 * MOST_KNOWN)
    found = Calibration.fit(softmax(logits), label, keep=0.95)
    assert len(found.known) == MOST_KNOWN
    assert np.quantile(found.known, 0.05) == pytest.approx(found.level, rel=1e-3)
