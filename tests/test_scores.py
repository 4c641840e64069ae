"""Scores follow from the confusion matrix alone."""

import json

import numpy as np
import pytest

from edgeprint.scores import Scores

TRUTH, PREDICTED = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    scores = Scores.count(["a", "b"], TRUTH, PREDICTED)
    assert scores.f1 == pytest.approx({"a": 0.8, "b": 2 / 3})
    assert scores.accuracy == 0.75


def test_labels_that_never_occur_do_not_lower_the_macro_f1() -> None:
    with_absent = Scores.count(["a", "b", "c"], TRUTH, PREDICTED)
    assert with_absent.macro_f1 == Scores.count(["a", "b"], TRUTH, PREDICTED).macro_f1


def test_scores_survive_json() -> None:
    scores = Scores.count(["a", "b"], TRUTH, PREDICTED, ce_macro_f1=0.5)
    again = Scores.from_dict(json.loads(json.dumps(scores.to_dict())))
    assert again.metrics() == scores.metrics()
