"""The studies of papers/cclp on a small home: rows and figures for both splits, or the reason why not."""

from pathlib import Path

import numpy as np
import pytest

from edgeprint import params
from edgeprint.cclp.study import STUDIES, divided
from edgeprint.errors import NotEnoughData
from edgeprint.packets.inventory import Inventory
from edgeprint.study import Material, drawn, later

PARAMS = params.load(Path(__file__).parents[2] / "params.yaml")


@pytest.fixture
def material(windows, inventory, small) -> Material:
    numbers = PARAMS.model_copy(update={"cclp": small})
    return Material(
        "a small home", "made-up rows", lambda method, params: windows, inventory, numbers, quick=True
    )


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gives_rows_for_both_splits(material, name):
    findings = STUDIES[name].run(material)
    assert {row[0] for row in findings.table.rows} == {"at random", "by time"}
    assert all(len(row) == len(findings.table.columns) for row in findings.table.rows)
    assert findings.figure.axes
    assert findings.table.csv().count("\n") == 1 + len(findings.table.rows)
    assert findings.table.markdown().count("\n") == 1 + len(findings.table.rows)


def test_clusters_this_clear_are_learned_from_few_labels(material):
    findings = STUDIES["cclp-accuracy"].run(material)
    accuracy = findings.table.columns.index("accuracy")
    assert min(row[accuracy] for row in findings.table.rows) > 0.8


def test_without_cclp_the_loss_is_off_and_nothing_else(material):
    findings = STUDIES["cclp-ablation"].run(material)
    assert {row[2] for row in findings.table.rows} == {"with CCLP", "without CCLP"}


def test_a_home_of_iot_devices_alone_has_no_threshold_to_judge(material, inventory):
    only = Inventory({name: inventory[name] for name in inventory.iot})
    with pytest.raises(NotEnoughData, match="has only IoT devices"):
        STUDIES["cclp-threshold"].run(
            Material("x", "made-up rows", material.read, only, material.params, quick=True)
        )


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
