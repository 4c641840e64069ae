"""The studies of papers/lstm-cnn on a small home: a row for each split and setting, or the reason why not."""

from pathlib import Path

import numpy as np
import pytest

from edgeprint import params
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn.features import MINUTE_NS, schema
from edgeprint.lstm_cnn.network import UNSEEN
from edgeprint.lstm_cnn.peers import PAPER
from edgeprint.lstm_cnn.splits import SPLITS
from edgeprint.lstm_cnn.studies import STUDIES
from edgeprint.lstm_cnn.study_cases import Case, measured
from edgeprint.packets.inventory import Device, Inventory
from edgeprint.study import Material

PARAMS = params.load(Path(__file__).parents[2] / "params.yaml")


class Rows:
    """As many rows as the segments of these settings leave of 24 hours."""

    def __init__(self, segments, minutes):
        self.segments, self.minutes = segments, minutes

    def __call__(self, method, numbers):
        chosen = numbers.lstm_cnn.features
        few = self.segments.start_ns < self.minutes / chosen.segment_minutes * 5 * MINUTE_NS
        rows = self.segments.select(few)
        columns = schema(chosen.segment_minutes, chosen.columns)
        start = rows.start_ns // 5 * round(chosen.segment_minutes)
        return FeatureTable(columns, rows.device, rows.capture, start, rows.values)


def material_of(segments, inventory, small, minutes=24 * 60.0) -> Material:
    numbers = PARAMS.model_copy(update={"lstm_cnn": small})
    return Material("a small home", "made-up rows", Rows(segments, minutes), inventory, numbers, quick=True)


@pytest.fixture(scope="module")
def material(segments, inventory, small) -> Material:
    return material_of(segments, inventory, small)


@pytest.fixture(scope="module")
def peers(material):
    return STUDIES["lstm-cnn-peers"].run(material)


@pytest.mark.parametrize("name", ["lstm-cnn-peers", "lstm-cnn-interval", "lstm-cnn-window", "lstm-cnn-ratio"])
def test_a_study_has_a_row_for_each_split_and_setting(name, material, peers):
    findings = peers if name == "lstm-cnn-peers" else STUDIES[name].run(material)
    settings = {row[1] for row in findings.table.rows}
    assert {(row[0], row[1]) for row in findings.table.rows} == {(a, b) for a in SPLITS for b in settings}
    assert len(findings.table.rows) == len(SPLITS) * len(settings)
    assert all(len(row) == len(findings.table.columns) for row in findings.table.rows)
    assert {row[2] for row in findings.details[0].rows} <= {"camera", "hub", "plug"}
    assert findings.figure.axes and findings.table.csv().count("\n") == 1 + len(findings.table.rows)


def test_the_papers_accuracy_stands_beside_never_seen_devices_only(peers):
    rows = peers.table.rows
    assert {row[1]: row[-1] for row in rows if row[0] == UNSEEN} == PAPER
    assert all(np.isnan(row[-1]) for row in rows if row[0] != UNSEEN)


def test_segments_that_the_captures_are_too_short_for_are_named(segments, inventory, small):
    short = material_of(segments, inventory, small, minutes=160)  # 32 segments of 5, 16 of 10 minutes
    findings = STUDIES["lstm-cnn-interval"].run(short)
    assert {row[1] for row in findings.table.rows} == {"5 min"}
    assert any("10 min left out: two categories of two devices with 8 windows" in n for n in findings.notes)


def test_captures_too_short_for_any_segment_are_refused(segments, inventory, small):
    with pytest.raises(NotEnoughData, match=r"5 min left out: .*; 10 min left out: .*camera-a"):
        STUDIES["lstm-cnn-interval"].run(material_of(segments, inventory, small, minutes=30))


def test_models_are_left_out_of_cameras_hubs_and_switches_alone(segments, inventory, small):
    named = {"plug": "switch"}
    switched = Inventory(
        {n: Device(n, named.get(d.category, d.category), d.iot, d.macs) for n, d in inventory.devices.items()}
    )
    findings = STUDIES["lstm-cnn-kinds"].run(material_of(segments, switched, small))
    methods = [row[0] for row in findings.table.rows]
    assert methods == ["random forest", "CNN only", "LSTM only", "LSTM-CNN"]
    details = findings.details[0].rows
    assert {row[1] for row in details} == set(inventory.iot) and len(details) == 4 * 6
    best = findings.table.rows[methods.index("random forest")]
    mine = [row[-1] for row in details if row[0] == "random forest"]
    assert best[1] == pytest.approx(sum(mine) / 6)


def test_a_case_is_repeatable(material):
    cases = {("never seen", name): [Case(material, "LSTM only", UNSEEN, 1)] for name in ("one", "two")}
    one, two = (found.confusion for (found,) in measured(cases, "two cases").values())
    assert np.array_equal(one, two)
