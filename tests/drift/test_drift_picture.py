import io

from edgeprint.drift.decay import Decay
from edgeprint.drift.picture import summary

DECAY = Decay([0.9, 0.7, None], {"camera": [0.9, 0.6, None]})
SHARES = {"2025Q2": {"camera": 0.1}, "2025Q3": {"camera": 0.8, "plug": 0.0}}
QUARTERS = ("2025Q1", "2025Q2", "2025Q3")
F1 = [[0.9, 0.7, None], [None, 0.8, 0.6], [None, None, 0.9]]


def test_it_has_a_part_for_f1_for_decay_and_for_each_view():
    figure = summary("simulated", QUARTERS, F1, DECAY, {"features that moved": SHARES, "ticks": SHARES}, 0.5)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == [
        "macro F1",
        "F1 by distance, -0.200 an interval",
        "features that moved",
        "ticks",
    ]
    assert [label.get_text() for label in figure.axes[2].get_yticklabels()] == ["camera", "plug"]


def test_a_single_interval_is_drawn_without_what_needs_two():
    figure = summary("simulated", ("2025Q1",), [[0.9]], Decay([0.9], {}), {}, 0.5)
    figure.savefig(io.BytesIO(), format="png")
    assert [axis.get_title() for axis in figure.axes] == ["macro F1", "F1 by distance"]
