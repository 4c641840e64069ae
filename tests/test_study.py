"""Figures of studies stay readable: every row is named, and many labels leave room for mistakes only."""

import numpy as np
from matplotlib.figure import Figure

from edgeprint.scores import Scores
from edgeprint.study import draw_bars, draw_confusion, draw_curves


def numbers_in(scores: Scores) -> list[str]:
    axes = Figure().add_subplot()
    draw_confusion(axes, scores, "x")
    return [text.get_text() for text in axes.texts]


def test_a_small_confusion_matrix_shows_every_share():
    assert sorted(numbers_in(Scores(["a", "b"], np.array([[3, 1], [0, 2]])))) == ["100", "25", "75"]


def test_a_large_confusion_matrix_shows_mistakes_only():
    confusion = 100 * np.eye(40, dtype="i8")
    confusion[3, 7], confusion[4, 8] = 25, 2
    assert numbers_in(Scores([f"device-{i}" for i in range(40)], confusion)) == ["20"]


def test_bars_stand_in_the_order_given_with_what_others_published():
    bars = {"one": {"b": (0.9, 0.1), "a": (0.8, float("nan"))}, "two": {"a": (0.7, 0.1)}}
    (axes,) = draw_bars(bars, "accuracy", marks={"the paper's": {"a": 0.99}}).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "a"]
    assert sorted(round(patch.get_width(), 3) for patch in axes.patches) == [0.7, 0.8, 0.9]
    (mark,) = [line for line in axes.lines if line.get_marker() == "*"]
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([0.99], [1])


def test_curves_carry_published_points_without_a_line():
    figure = draw_curves({"ours": [(1, 0.9, 0.1), (8, 0.95, 0.1)]}, "x", "y", marks={"paper": [(1, 0.97)]})
    (mark,) = [line for line in figure.axes[0].lines if line.get_marker() == "*"]
    assert (mark.get_linestyle(), list(mark.get_xdata())) == ("None", [1])
