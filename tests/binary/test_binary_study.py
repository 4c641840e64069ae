"""The studies of papers/binary-edge on a small simulated home: every row, or the reason why not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_home import INVENTORY, SPEC, WIDTH, home, params, stream

from edgeprint import params as all_params
from edgeprint.binary.effort import FEWEST_SAMPLES, RUNS, affordable, asked_devices, repeats
from edgeprint.binary.forest import Forest, summary
from edgeprint.binary.home import HELD_OUT, WHERE, WHOLE, Home, rounds, train_all
from edgeprint.binary.quiet import observed_days
from edgeprint.binary.samples import Streams
from edgeprint.binary.studies import STUDIES
from edgeprint.binary.study_sizes import at, highest
from edgeprint.binary.study_stability import unknown_device_scores
from edgeprint.binary.trials import UNDISTURBED, faults
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.study import Findings, Material

IOT = ["camera-a", "hub-c", "plug-b"]
DEFAULTS = all_params.load(Path(__file__).parents[2] / "params.yaml")


def material(table: FeatureTable, intervals: int = 2, **train: object) -> Material:
    """Trained for three epochs on shares of the columns: enough to tell tones apart."""
    cut = DEFAULTS.intervals.model_copy(update={"by": "shares", "count": intervals})
    numbers = DEFAULTS.model_copy(update={"binary": params(**{"epochs": 3, **train}), "intervals": cut})
    return Material("a small home", "made-up columns", lambda *_: table, INVENTORY, numbers, quick=True)


SMALL = material(home(320))


@pytest.fixture(scope="module")
def findings() -> dict[str, Findings]:
    return {name: study.run(SMALL) for name, study in STUDIES.items()}


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gives_whole_rows_a_figure_and_notes(findings, name):
    found = findings[name]
    for table in (found.table, *found.details):
        assert table.rows
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert found.figure.axes
    assert "3 devices are evaluated" in found.notes[0]


@pytest.mark.parametrize("name", ["binary-normalisation", "binary-sizes", "binary-stability"])
def test_f1_is_given_for_both_evaluations_named(findings, name):
    table = findings[name].table
    assert {row[table.columns.index("evaluated on")] for row in table.rows} == set(WHERE)


def cells(found: Findings, column: str) -> list:
    return [row[found.table.columns.index(column)] for row in found.table.rows]


def test_tones_this_clear_are_named_right_at_every_distance(findings):
    assert min(cells(findings["binary-stability"], "F1 hc")) > 0.9
    assert min(cells(findings["binary-stability"], "forest F1")) > 0.9
    assert {*cells(findings["binary-stability"], "distance")} == {"0", "1"}


def test_a_wholly_foreign_stream_is_missed_and_an_undisturbed_one_is_not(findings):
    missed = cells(findings["binary-faults"], "missed when full")
    assert missed[0] < 0.1 < 0.9 < missed[-1]


def test_the_column_itself_is_the_first_that_a_fault_can_show_in(findings):
    found = findings["binary-faults"]
    columns, seconds = (np.array(cells(found, f"{x} to a miss")) for x in ("columns", "seconds"))
    shown = ~np.isnan(columns)
    assert (columns[shown] >= 1).all()
    assert np.allclose(seconds[shown], columns[shown] * SPEC.hop_ns / 1e9)  # its stream has no silence


def test_each_interval_is_asked_by_the_models_up_to_it():
    judged = rounds(SMALL, IOT, seed=1)
    pairs = {(j.trained, j.asked, j.where) for j in judged}
    assert pairs == {(i, j, where) for i, j in ((0, 0), (0, 1), (1, 1)) for where in WHERE}
    assert at(judged, HELD_OUT, 1, highest) == judged[2].scores.macro_f1
    assert np.isnan(at(judged, WHOLE, 9, highest))


def test_training_goes_on_from_the_last_interval():
    cut = Home.of(material(home(320), learning_rate=1e-9))
    first = train_all(cut, IOT, cut.training(0), seed=1, initial={})
    onward = train_all(cut, IOT, cut.training(1), seed=2, initial=first)
    for name in IOT:
        kernels = [
            (a, b) for a, b in zip(onward[name].weights, first[name].weights, strict=True) if a.ndim > 1
        ]
        assert all(np.allclose(a, b, atol=1e-6) for a, b in kernels)


def test_held_out_rows_are_never_trained_on_and_the_whole_interval_holds_both():
    cut = Home.of(SMALL)
    for i in range(2):
        trained, held_out = (
            {*zip(t.device, t.start_ns, strict=True)} for t in (cut.training(i), cut.asked(i, HELD_OUT))
        )
        assert not trained & held_out
        assert len(trained | held_out) == len(cut.asked(i, WHOLE))


def test_a_resampled_home_is_cut_where_its_packets_are():
    border = 100 * SPEC.hop_ns
    cut = Home.of(replace(SMALL, held_out_from={"1970Q1": border}))
    assert np.array_equal(cut.held_out, cut.table.start_ns >= border)
    _, notes = asked_devices(replace(SMALL, held_out_from={"1970Q1": border}), [Home.of(SMALL)])
    assert "whose packets are of captures of their own, is held out" in notes[0]


def test_an_unknown_device_is_in_no_training_row():
    cut = Home.of(SMALL)
    assert cut.training(0, without=["hub-c"]).devices == ["camera-a", "laptop", "plug-b"]
    scores = unknown_device_scores(SMALL, IOT, ["hub-c"], seed=1)
    assert scores.keys() == {"hub-c"}
    assert all(0 <= value <= 1 for value in scores["hub-c"])


def test_a_device_too_short_in_any_part_is_left_out_and_named():
    cut = Home.of(material(home(320, hub_c=60)))
    devices, notes = asked_devices(SMALL, [cut])
    assert devices == ["camera-a", "plug-b"]
    assert notes[-1].endswith("(a sample needs 8): hub-c (6).")


def test_a_home_of_short_devices_is_refused_with_every_number():
    few = material(home(320, hub_c=60, plug_b=20))
    for study in STUDIES.values():
        with pytest.raises(NotEnoughData, match=r"1 of 3 IoT devices .* hub-c \(\d\), plug-b \(\d\)"):
            study.run(few)


@pytest.mark.parametrize("name", ["binary-stability", "binary-faults"])
def test_a_single_interval_has_no_distance(name):
    with pytest.raises(NotEnoughData, match="is one interval"):
        STUDIES[name].run(material(home(160), intervals=1))


def test_a_run_of_faults_needs_room_in_the_last_held_out_part():
    with pytest.raises(NotEnoughData, match=r"0 devices have the 24 columns .* camera-a \(20\)"):
        STUDIES["binary-faults"].run(material(home(200)))


def test_samples_shrink_with_the_home_and_a_quick_try_keeps_the_params():
    cut = Home.of(SMALL)
    kept, _ = affordable(SMALL, cut, IOT, trainings=1, askings=1)
    assert kept.params == SMALL.params
    full = replace(SMALL, quick=False)
    few, note = affordable(full, cut, IOT, trainings=800, askings=1e9)
    numbers = few.params.binary
    assert numbers.train.samples == FEWEST_SAMPLES
    assert (numbers.evaluate.runs, numbers.evaluate.run_length) == RUNS[-1]
    assert "Up to 60 own samples" in note
    assert affordable(full, cut, IOT, trainings=1, askings=1)[0].params.binary.evaluate.runs == 100


def test_a_home_of_many_devices_is_trained_fewer_times_rather_than_on_next_to_nothing():
    full = replace(SMALL, quick=False)
    assert repeats(full, 5, IOT) == full.repeats
    assert repeats(full, 5, IOT * 20) == 2
    assert repeats(SMALL, 5, IOT * 20) == 1


def test_faults_come_from_two_sources_in_three_ways_after_none():
    chosen = faults((0.1, 0.3), (2,))
    assert chosen[0] == UNDISTURBED
    assert len(chosen) == 1 + 2 * 4
    random = np.random.default_rng(0)
    assert [int(fault.places(30, 10, random).sum()) for fault in chosen[:5]] == [0, 2, 6, 10, 20]


def test_the_pause_between_captures_is_no_observed_time():
    one = stream("hub-c", 10)
    later = FeatureTable.of(SPEC.schema(), "hub-c", "next.pcap", one.start_ns + 10**15, one.values)
    both = FeatureTable.concatenate([one, later])
    assert observed_days(both) == pytest.approx(20 * SPEC.hop_ns / 86_400e9)


def test_the_forest_knows_devices_by_the_level_of_their_rows():
    streams = Streams.of(home(60), WIDTH)
    samples = streams.samples(np.concatenate([streams.first[name] + np.arange(40) for name in IOT]))
    label = np.repeat(np.arange(3), 40)
    assert summary(samples, "max").shape == (120, 2 * SPEC.height)
    forest = Forest("max")
    forest.learn(samples[::2], label[::2], seed=1)
    assert np.array_equal(forest.name(summary(samples, "max")), label)


def test_the_forest_remembers_the_intervals_before():
    streams = Streams.of(home(60), WIDTH)
    own = [streams.samples(streams.first[name] + np.arange(40)) for name in IOT]
    forest = Forest("max")
    for label, samples in enumerate(own):
        forest.learn(samples, np.full(40, label), seed=1)
    assert forest.name(summary(own[0], "max")).tolist() == [0] * 40
