"""What a model makes of its own device left alone, and the streak that its card names for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_home import INVENTORY, SPEC, WIDTH, home, params, stream

from edgeprint import params as all_params
from edgeprint.binary.network import Model
from edgeprint.binary.quiet import LOWEST, MOST_COLUMNS, Quiet, at_home, misses
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.stages.methods import METHODS, Context

CAMERA, PLUG = "camera-a", "plug-b"
SHIPPED = all_params.load(Path(__file__).parents[2] / "params.yaml")
HOP_DAYS = SPEC.hop_ns / 86_400e9
BLUR = 0.3  # of each column, on average


def disturbed(count: int, *, at: int, columns: int, seed: int = 5) -> FeatureTable:
    """A camera that speaks like the plug in some of its columns."""
    own, foreign = stream(CAMERA, count, seed), stream(PLUG, count, seed)
    values = own.values.copy()
    values[at : at + columns] = foreign.values[at : at + columns]
    return FeatureTable.of(SPEC.schema(), CAMERA, "week.pcap", own.start_ns, values)


def test_a_device_that_is_itself_is_missed_in_no_streak(models: dict[str, Model]) -> None:
    quiet = Quiet.observe(models[CAMERA], [stream(CAMERA, 60, seed=3)])
    assert quiet.missed == 0 and len(quiet.lengths) == 0
    assert quiet.days == pytest.approx(60 * HOP_DAYS)
    assert quiet.streak(alarms_per_day=0) == 1


def test_a_disturbance_is_a_streak_and_no_alarm_when_it_is_allowed(models: dict[str, Model]) -> None:
    quiet = Quiet.observe(models[CAMERA], [disturbed(100, at=40, columns=20)])
    (length,) = quiet.lengths
    assert 20 - WIDTH < length < 20 + WIDTH
    assert quiet.streak(alarms_per_day=0) == length + 1
    assert quiet.streak(alarms_per_day=1 / quiet.days) == 1
    assert quiet.alarms(int(length)) == pytest.approx(1 / quiet.days) and quiet.alarms(int(length) + 1) == 0


def test_no_streak_reaches_from_one_part_into_the_next(models: dict[str, Model]) -> None:
    part = disturbed(40, at=0, columns=40)
    quiet = Quiet.observe(models[CAMERA], [part, part])
    assert quiet.lengths.tolist() == [40 - WIDTH + 1] * 2 and quiet.missed == 1


def test_parts_that_are_too_short_for_a_sample_count_for_nothing(models: dict[str, Model]) -> None:
    short = stream(CAMERA, WIDTH - 1)
    quiet = Quiet.observe(models[CAMERA], [short, stream(CAMERA, 60)])
    assert quiet.days == pytest.approx(60 * HOP_DAYS)
    with pytest.raises(NotEnoughData, match="none of 1 held-out parts has the 8 columns"):
        Quiet.observe(models[CAMERA], [short])


def test_of_a_long_part_the_beginning_is_enough(models: dict[str, Model]) -> None:
    quiet = Quiet.observe(models[CAMERA], [stream(CAMERA, MOST_COLUMNS + 100)])
    assert quiet.days == pytest.approx(MOST_COLUMNS * HOP_DAYS)


def test_misses_do_not_depend_on_how_samples_are_cut_into_chunks(
    models: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = disturbed(60, at=20, columns=15).values
    whole = misses(models[CAMERA], columns)
    monkeypatch.setattr("edgeprint.binary.quiet.CHUNK", 7)
    assert np.array_equal(misses(models[CAMERA], columns), whole) and len(whole) == 60 - WIDTH + 1


def blurred(count: int, share: float) -> FeatureTable:
    """A camera of which each column is in part the plug's: its model is no longer sure of it."""
    own, foreign = stream(CAMERA, count, seed=5), stream(PLUG, count, seed=6)
    part = np.random.default_rng(0).uniform(0, 2 * share, (count, 1)).astype("f4")
    values = (1 - part) * own.values + part * foreign.values
    return FeatureTable.of(SPEC.schema(), CAMERA, "week.pcap", own.start_ns, values)


def test_an_agent_s_threshold_takes_the_share_that_is_asked_of_a_device_s_own_windows(
    models: dict[str, Model],
) -> None:
    rows = blurred(200, share=BLUR)
    before = misses(models[CAMERA], rows.values).mean()
    assert before > 0.1
    missed = {}
    for accepts in (0.9, 0.95):
        model = at_home(models[CAMERA], rows, accepts)
        assert LOWEST < model.threshold < models[CAMERA].threshold
        missed[accepts] = misses(model, rows.values).mean()
        assert missed[accepts] <= 1 - accepts + 1e-9
    assert missed[0.95] <= missed[0.9] < before


def test_an_agent_s_threshold_is_never_above_that_of_scores_nor_next_to_nothing(
    models: dict[str, Model],
) -> None:
    assert at_home(models[CAMERA], home(60), 0.95).threshold == 0.5  # sure of every window
    careless = replace(models[CAMERA], threshold=0.3)
    assert at_home(careless, home(60), 0.95).threshold == 0.3
    plug = stream(PLUG, 60)
    another = FeatureTable.of(SPEC.schema(), CAMERA, "week.pcap", plug.start_ns, plug.values)
    assert at_home(models[CAMERA], another, 0.95).threshold == LOWEST


def test_a_card_s_threshold_and_streak_are_of_one_model(models: dict[str, Model]) -> None:
    context = Context(INVENTORY, SHIPPED.model_copy(update={"binary": params()}))
    rows = FeatureTable.concatenate([blurred(200, share=BLUR), stream(PLUG, 200)])
    quiet = [blurred(150, share=BLUR)]
    found = METHODS["binary"].export(models[CAMERA], rows, context, quiet)
    model = at_home(models[CAMERA], rows, 0.95)
    assert found.thresholds == {
        "recognised": model.threshold,
        "streak": Quiet.observe(model, quiet).streak(1),
    }
    assert model.threshold < 0.5


def test_a_card_names_the_streak_that_held_out_rows_allow(models: dict[str, Model]) -> None:
    context = Context(INVENTORY, SHIPPED.model_copy(update={"binary": params()}))
    quiet, rows = [disturbed(100, at=40, columns=20)], home(40)
    found = METHODS["binary"].export(models[CAMERA], rows, context, quiet)
    streak = Quiet.observe(models[CAMERA], quiet).streak(1)
    assert found.thresholds == {"recognised": 0.5, "streak": streak} and streak > 1
    nothing = METHODS["binary"].export(models[CAMERA], rows, context, [stream(PLUG, 60)])
    assert nothing.thresholds == {"recognised": 0.5}
