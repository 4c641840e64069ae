import pytest

from edgeprint.drift.policy import Evidence, decide
from edgeprint.params import Policy

LIMITS = Policy(
    max_f1_drop=0.05,
    max_drift_share=0.5,
    min_f1=0.8,
    max_age_intervals=3,
    max_new_data=4.0,
    max_deviating=0.2,
    from_scratch=True,
)

CASES = {
    # name: then, now, drift, age, new data, limits that are exceeded
    "all well": (0.94, 0.93, 0.1, 1, 0.5, set()),
    "better than before": (0.90, 0.97, 0.1, 1, 0.5, set()),
    "every limit met exactly": (0.85, 0.80, 0.5, 3, 4.0, set()),
    "exactly, in binary fractions": (0.90, 0.85, 0.5, 3, 4.0, set()),
    "a drop alone": (0.94, 0.88, 0.1, 1, 0.5, {"max_f1_drop"}),
    "below the floor alone": (0.82, 0.79, 0.1, 1, 0.5, {"min_f1"}),
    "a drop below the floor": (0.94, 0.70, 0.1, 1, 0.5, {"max_f1_drop", "min_f1"}),
    "drift alone": (0.94, 0.93, 0.51, 1, 0.5, {"max_drift_share"}),
    "age alone": (0.94, 0.93, 0.1, 4, 0.5, {"max_age_intervals"}),
    "new data alone": (0.94, 0.93, 0.1, 1, 4.1, {"max_new_data"}),
    "no labels, no drift": (0.94, None, 0.1, 1, 0.5, set()),
    "no labels, drift": (0.94, None, 0.9, 1, 0.5, {"max_drift_share"}),
    "nothing measured, old": (0.94, None, None, 9, 0.0, {"max_age_intervals"}),
    "everything at once": (
        0.94,
        0.1,
        1.0,
        9,
        9.0,
        {"max_f1_drop", "min_f1", "max_drift_share", "max_age_intervals", "max_new_data"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_retrains_exactly_where_a_limit_is_exceeded(case):
    *evidence, exceeded = CASES[case]
    decision = decide(Evidence(*evidence), LIMITS)
    assert {name for name, fired in decision.triggers.items() if fired} == exceeded
    assert decision.retrain == bool(exceeded)


@pytest.mark.parametrize(("share", "fires"), [(None, None), (0.2, False), (0.21, True)])
def test_agents_in_the_field_are_a_trigger_of_their_own(share, fires):
    decision = decide(Evidence(0.94, 0.93, deviating_share=share), LIMITS)
    assert decision.triggers.get("max_deviating") is fires
    assert decision.retrain is bool(fires)
    if fires:
        assert decision.reasons == ["agents saw it deviate at 21% of their ticks, limit 20%"]


def test_reasons_are_those_that_fired_with_their_numbers():
    assert decide(Evidence(0.94, 0.81, 0.62), LIMITS).reasons == [
        "F1 went from 0.940 to 0.810 (-0.130), limit -0.050",
        "62% of the columns drifted, limit 50%",
    ]


def test_a_no_says_what_was_looked_at():
    assert decide(Evidence(0.94, None, None, 2, 1.25), LIMITS).reasons == [
        "the champion is 2 intervals old, limit 3",
        "1.2 new rows for each row trained on, limit 4.0",
    ]


def test_without_a_champion_there_is_nothing_to_weigh():
    decision = decide(Evidence(None, 0.99, 0.0), LIMITS)
    assert (decision.retrain, decision.reasons) == (True, ["there is no champion yet"])


def test_a_missing_measurement_is_no_trigger():
    assert set(decide(Evidence(0.94), LIMITS).triggers) == {"max_age_intervals", "max_new_data"}


def test_to_dict_is_what_a_report_stores():
    assert set(decide(Evidence(0.9, 0.9), LIMITS).to_dict()) == {"retrain", "reasons", "triggers"}
