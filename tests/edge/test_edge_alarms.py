"""One alarm a deviation, with when it began, how long its streak was and how low the confidence fell."""

import math

from hypothesis import given
from hypothesis import strategies as st

from edgeprint.edge.alarms import Alarm, AlarmBook
from edgeprint.edge.verdicts import Judgement, Standing, Verdict

STREAK = 3


def verdicts(confidences: list[float | None], device: str = "camera") -> list[Verdict]:
    """A tick each, as a watch gives them."""
    made, judgement = [], Judgement(0.5, STREAK)
    for tick, confidence in enumerate(confidences):
        judgement = judgement.after(confidence)
        made.append(Verdict(tick, device, None, judgement.standing, confidence, 0, judgement.run))
    return made


def told(confidences: list[float | None], book: AlarmBook | None = None) -> list[Alarm]:
    book = book or AlarmBook()
    return [alarm for verdict in verdicts(confidences) if (alarm := book.after(verdict))]


def test_an_alarm_begins_with_the_first_miss_and_is_noticed_after_the_streak() -> None:
    (alarm,) = told([0.9, 0.9, 0.2, 0.1, 0.3])
    assert alarm == Alarm("camera", begin_ns=2, noticed_ns=4, end_ns=None, longest=3, lowest=0.1)
    assert alarm.reason == "3 samples in a row were not taken for camera (confidence down to 0.10)"


def test_an_alarm_ends_after_as_many_hits_and_stays_the_same_alarm() -> None:
    alarms = told([0.1] * 5 + [0.9] * 5)
    assert {(alarm.begin_ns, alarm.noticed_ns) for alarm in alarms} == {(0, 2)}
    assert alarms[-1].end_ns == 7 and alarms[-1].longest == 5


def test_single_misses_and_ticks_without_an_inference_are_no_alarm() -> None:
    assert told([0.9, 0.1, 0.9, None, 0.1, 0.1, 0.9, None]) == []


def test_a_streak_that_broke_off_does_not_lend_its_begin_to_the_next() -> None:
    assert told([0.1, 0.1, 0.9, 0.2, 0.2, 0.2])[0].begin_ns == 3


def test_a_confidence_that_is_no_number_counts_as_none_at_all() -> None:
    assert told([math.nan] * 3)[0].lowest == 0.0


def test_an_alarm_that_lasted_over_a_restart_is_not_begun_again() -> None:
    old = Alarm("camera", 1, 2, None, 7, 0.05)
    book = AlarmBook([old, Alarm("plug", 1, 2, 3, 4, 0.1)])
    deviating = Verdict(90, "camera", None, Standing.DEVIATES, 0.2, 0, -3)
    assert book.after(deviating) is None and book.count == {}
    assert book.close("camera", 95).end_ns == 95 and book.open == {}


confidence = st.one_of(st.none(), st.floats(0, 1))


@given(st.lists(confidence, max_size=60))
def test_alarms_are_as_many_as_the_deviations(confidences: list[float | None]) -> None:
    book = AlarmBook()
    alarms = told(confidences, book)
    standings = [verdict.verdict for verdict in verdicts(confidences)]
    begun = sum(
        now is Standing.DEVIATES and before is not Standing.DEVIATES
        for before, now in zip([None, *standings], standings, strict=False)
    )
    assert len({alarm.begin_ns for alarm in alarms}) == book.count.get("camera", 0) == begun
    assert bool(book.open) == (bool(standings) and standings[-1] is Standing.DEVIATES)
    assert all(alarm.begin_ns <= alarm.noticed_ns for alarm in alarms)
