import numpy as np
import pytest

from edgeprint.drift.decay import decay
from edgeprint.scores import Scores


def scores(right: int, wrong: int, labels: tuple[str, ...] = ("camera", "plug")) -> Scores:
    """F1 of both labels is right / (right + wrong)."""
    return Scores(list(labels), np.array([[right, wrong], [wrong, right]]))


def test_f1_is_averaged_over_all_pairs_of_the_same_distance():
    cells = {(0, 0): scores(10, 0), (1, 1): scores(8, 2), (0, 1): scores(5, 5)}
    found = decay(cells, 2)
    assert found.macro_f1 == pytest.approx([0.9, 0.5])
    assert found.devices == {"camera": pytest.approx([0.9, 0.5]), "plug": pytest.approx([0.9, 0.5])}
    assert found.an_interval == pytest.approx(-0.4)


def test_what_was_evaluated_on_the_past_is_left_out():
    assert decay({(0, 0): scores(9, 1), (1, 0): scores(0, 10)}, 2).macro_f1 == [pytest.approx(0.9), None]


def test_a_device_that_came_later_has_its_own_gaps():
    cells = {(0, 0): scores(9, 1), (0, 1): None, (1, 1): scores(8, 2, ("camera", "kettle"))}
    found = decay(cells, 2)
    assert found.devices["kettle"] == [pytest.approx(0.8), None]
    assert found.an_interval is None


def test_nothing_measured_is_nothing_said():
    assert decay({}, 3).to_dict() == {"macro_f1": [None] * 3, "devices": {}, "an_interval": None}
