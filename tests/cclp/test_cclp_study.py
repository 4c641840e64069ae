"""The studies of papers/cclp on a small home: rows and figures for both splits, or the reason why not."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgeprint import params
from edgeprint.cclp import train as training_module
from edgeprint.cclp.batches import choose_labelled, held_back, learnable
from edgeprint.cclp.network import predict
from edgeprint.cclp.studies import STUDIES
from edgeprint.cclp.study_unknown import left_out, without
from edgeprint.cclp.trial_tables import by_device, errors, row
from edgeprint.cclp.trials import OURS, Answers, Judged, divided, model_of, shown_labels
from edgeprint.errors import NotEnoughData
from edgeprint.packets.inventory import Inventory
from edgeprint.study import Findings, Material, drawn, later

PARAMS = params.load(Path(__file__).parents[2] / "params.yaml")


@pytest.fixture(scope="module")
def material(full_windows, inventory, small) -> Material:
    numbers = PARAMS.model_copy(update={"cclp": small})
    return Material(
        "a small home", "made-up rows", lambda method, params: full_windows, inventory, numbers, quick=True
    )


@pytest.fixture(scope="module")
def found(material) -> Callable[[str], Findings]:
    """What a study finds on the small home; each runs once."""
    return cache(lambda name: STUDIES[name].run(material))


def of_devices(material: Material, names: list[str]) -> Material:
    """The same home with some of its devices only."""
    table = material.table("cclp")
    rows = table.select(np.isin(table.device, names))
    known = Inventory({name: material.inventory[name] for name in names})
    return Material("x", "made-up rows", lambda method, params: rows, known, material.params, quick=True)


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gives_rows_for_both_splits(found, name):
    findings = found(name)
    assert {row[0] for row in findings.table.rows} == {"at random", "by time"}
    for table in [findings.table, *findings.details]:
        assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
        assert len(set(table.columns)) == len(table.columns)
        assert table.csv().count("\n") == table.markdown().count("\n") == 1 + len(table.rows)
    assert findings.figure.axes
    assert findings.notes


def test_devices_this_different_are_learned_from_few_labels_and_stand_beside_the_papers_figures(found):
    table = found("cclp-accuracy").table
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    ours = {row["split"]: row for row in rows if row["method"] == "CCLP"}
    assert min(row["accuracy"] for row in ours.values()) > 0.8
    assert {row["method"] for row in rows} > {"random forest on 219 features", "random forest on 3 numbers"}
    assert np.isnan(ours["at random"]["paper's accuracy"])  # this home's share of labels is not the paper's


def test_the_papers_figure_stands_beside_its_own_method_split_and_share_of_labels_only(found):
    table = found("cclp-labels").table
    place = table.columns.index("paper's accuracy")
    given = {tuple(row[:3]): row[place] for row in table.rows if not np.isnan(row[place])}
    assert given == {("at random", "8 %", "CCLP"): 0.9981}


@pytest.mark.parametrize("iterations", [1, 3])
def test_without_cclp_the_loss_is_off_and_nothing_else(material, iterations):
    """The loss has weight 0 in the first step: until then both twins are equal to the last bit."""
    training, held_out = divided(material, "by time", 3)
    twins = [model_of(material, training, 3, iterations=iterations, **OURS[method]) for method in OURS]
    one, two = (predict(model, held_out.values) for model in twins)
    assert np.array_equal(one, two) == (iterations == 1)


def test_the_ablation_has_a_row_with_cclp_and_one_without(found):
    assert {row[2] for row in found("cclp-ablation").table.rows} == {"with CCLP", "without CCLP"}


def test_a_forest_sees_the_labels_that_training_sees_where_nothing_is_held_back(material, monkeypatch):
    seen = []

    def recorded(label, fraction, random):
        chosen = choose_labelled(label, fraction, random)
        seen.append(np.concatenate(list(chosen.values())))
        return chosen

    monkeypatch.setattr(training_module, "choose_labelled", recorded)
    training, _ = divided(material, "by time", 3)
    model_of(material, training, 3, label_fraction=0.2, iterations=1)
    devices, _ = learnable(training, material.inventory)
    assert not held_back(training, devices, material.params.cclp.unknown.calibration).any()
    shown = shown_labels(training, devices, material.inventory, 0.2, 3)
    assert sorted(seen[0]) == np.flatnonzero(shown >= 0).tolist()


def test_a_home_of_iot_devices_alone_has_no_threshold_to_judge(material, inventory):
    with pytest.raises(NotEnoughData, match="x has only IoT devices"):
        STUDIES["cclp-threshold"].run(of_devices(material, inventory.iot))


def test_of_two_devices_none_can_be_left_out(material):
    with pytest.raises(NotEnoughData, match=r"x has 2 IoT devices .*bulb, camera"):
        STUDIES["cclp-unknown"].run(of_devices(material, ["bulb", "camera"]))


@pytest.mark.parametrize("name", sorted({*STUDIES} - {"cclp-threshold"}))
def test_a_home_of_one_device_is_refused_with_what_there_is(material, name):
    with pytest.raises(NotEnoughData, match=r"needs two IoT devices .*: bulb \d+"):
        STUDIES[name].run(of_devices(material, ["bulb"]))


def test_every_device_is_left_out_once_and_is_not_learned_then(material, inventory):
    groups = left_out(material)
    assert sorted(name for group in groups for name in group) == inventory.iot
    found = without(material, "by time", groups[0], seed=1)
    assert [one.device for one in found.strangers] == sorted(groups[0])
    assert all(one.windows == 30 and one.taken_for not in groups[0] for one in found.strangers)


def test_three_devices_are_left_out_one_by_one(material):
    assert left_out(of_devices(material, ["bulb", "camera", "plug"])) == [("bulb",), ("camera",), ("plug",)]


def test_the_confidence_is_that_of_the_answer():
    probabilities = np.array([[0.9, 0.1, 0.8], [0.3, 0.7, 0.6]], "f4")
    found = Judged(["bulb", "plug"], np.array([0, 2]), probabilities).at(0.7)
    assert found.given.tolist() == [0, 2]
    np.testing.assert_allclose(found.confidence, [0.9 * 0.8, 1 - 0.6], rtol=1e-6)


def test_cells_are_means_over_the_repeats_with_their_interval():
    right, wrong = (Answers(["bulb", "non-IoT"], np.zeros(4, int), np.full(4, g), np.ones(4)) for g in (0, 1))
    value, half, *_, ece = row([right, wrong])
    assert (value, ece) == (0.5, 0.5)
    assert half == pytest.approx(12.706 * 0.5, rel=1e-3)  # Student's t of one degree, deviation 0.707 / √2
    assert errors([right, right])[:2] == [0, 0]
    table = by_device("x", ["split"], [(("by time",), [right, wrong])])
    assert [r[:3] + r[4:] for r in table.rows] == [["by time", "bulb", 0.5, 4, 2]]


def test_no_window_is_on_both_sides_of_a_split(material):
    for split in ("at random", "by time"):
        training, held_out = divided(material, split, seed=1)
        key = {*zip(training.device, training.start_ns, strict=True)}
        assert not key & {*zip(held_out.device, held_out.start_ns, strict=True)}
        assert len(held_out) == round(0.3 * len(training) / 0.7)


def test_by_time_no_training_window_is_later_than_a_held_out_one(windows):
    chosen = later(windows, 0.3)
    for device in windows.devices:
        mine = windows.device == device
        assert windows.start_ns[mine & ~chosen].max() < windows.start_ns[mine & chosen].min()
        assert drawn(windows, 0.3, np.random.default_rng(0))[mine].sum() == chosen[mine].sum()
