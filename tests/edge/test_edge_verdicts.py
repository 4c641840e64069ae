"""When the agent changes its mind."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgeprint.edge.verdicts import Judgement, Standing

HIT, MISS, STREAK = 0.9, 0.1, 3


def after(*confidences: float | None, standing: Standing = Standing.NOT_ENOUGH) -> Standing:
    judgement = Judgement(threshold=0.5, streak=STREAK, standing=standing)
    for confidence in confidences:
        judgement = judgement.after(confidence)
    return judgement.standing


def test_nothing_is_said_without_an_inference() -> None:
    assert after(None, None) is Standing.NOT_ENOUGH


def test_one_hit_recognises_a_device() -> None:
    assert after(None, HIT) is Standing.RECOGNISED


def test_a_first_miss_is_not_enough_to_accuse() -> None:
    assert after(MISS, MISS) is Standing.NOT_ENOUGH


def test_a_streak_of_misses_deviates() -> None:
    assert after(HIT, MISS, MISS, MISS) is Standing.DEVIATES
    assert after(MISS, MISS, MISS) is Standing.DEVIATES


def test_a_hit_breaks_the_streak() -> None:
    assert after(HIT, MISS, MISS, HIT, MISS, MISS) is Standing.RECOGNISED


def test_silence_does_not_break_the_streak() -> None:
    assert after(HIT, MISS, None, MISS, None, MISS) is Standing.DEVIATES


def test_it_takes_as_many_hits_to_be_recognised_again() -> None:
    assert after(MISS, MISS, MISS, HIT, HIT) is Standing.DEVIATES
    assert after(MISS, MISS, MISS, HIT, HIT, HIT) is Standing.RECOGNISED


def test_a_confidence_at_the_threshold_or_no_number_is_a_miss() -> None:
    assert after(0.5) is after(math.nan) is Standing.NOT_ENOUGH


@given(st.lists(st.floats(0, 1)))
def test_what_is_unknown_stays_unknown(confidences: list[float]) -> None:
    assert after(*confidences, standing=Standing.UNKNOWN) is Standing.UNKNOWN


class JudgementMachine(RuleBasedStateMachine):
    """Any history, against what the whole history says."""

    def __init__(self) -> None:
        super().__init__()
        self.judgement = Judgement(threshold=0.5, streak=STREAK)
        self.hits: list[bool] = []

    @rule(confidence=st.floats(0, 1))
    def infer(self, confidence: float) -> None:
        before, self.judgement = self.judgement.standing, self.judgement.after(confidence)
        self.hits.append(confidence > 0.5)
        if before is Standing.RECOGNISED and self.hits[-1]:
            assert self.judgement.standing is Standing.RECOGNISED
        if before is Standing.DEVIATES and not self.hits[-1]:
            assert self.judgement.standing is Standing.DEVIATES

    @rule()
    def skip(self) -> None:
        assert self.judgement.after(None) == self.judgement

    @invariant()
    def a_full_streak_decides(self) -> None:
        last = self.hits[-STREAK:]
        if len(last) == STREAK and len(set(last)) == 1:
            assert self.judgement.standing is (Standing.RECOGNISED if last[0] else Standing.DEVIATES)

    @invariant()
    def nobody_is_accused_without_a_streak_of_misses(self) -> None:
        text = "".join("+" if hit else "-" for hit in self.hits)
        assert self.judgement.standing is not Standing.DEVIATES or "-" * STREAK in text

    @invariant()
    def nobody_is_recognised_without_a_hit(self) -> None:
        assert self.judgement.standing is not Standing.RECOGNISED or any(self.hits)


TestAnyHistory = JudgementMachine.TestCase
TestAnyHistory.settings = settings(max_examples=40, deadline=None)


@pytest.mark.parametrize("standing", Standing)
def test_a_standing_prints_as_its_words(standing: Standing) -> None:
    assert f"{standing}" == standing.value
