"""When an unknown device is asked about: once, one at a time, and less and less of a server that fails."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from brokers import until
from numpy.typing import NDArray

from edgeprint.edge.identify import AGAIN_S, FIRST_PAUSE_S, LONGEST_PAUSE_S, Identifier
from edgeprint.edge.ranking import Candidate
from edgeprint.errors import NotIdentified

COLUMNS = np.ones((60, 75), "f4")
CANDIDATE = Candidate("tapo", 0.9, "camera", True)


class Asked:
    """An identifier with a server that is told what to do, and a clock."""

    def __init__(self) -> None:
        self.now_s, self.questions, self.fails = 0.0, 0, False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.said: list[str] = []
        self.identifier = Identifier(self._answer, say=self.said.append, clock=lambda: self.now_s)

    def _answer(self, columns: NDArray[np.float32]) -> tuple[Candidate, ...]:
        self.questions += 1
        self.goes_on.wait(10)
        if self.fails:
            raise NotIdentified("the server is on fire")
        return (CANDIDATE,)

    def offer(self, *devices: str) -> None:
        for device in devices:
            self.identifier.offer(device, lambda: COLUMNS)
            until(lambda: not self.identifier._busy)


@pytest.fixture
def asked() -> Iterator[Asked]:
    found = Asked()
    yield found
    found.identifier.close()


def test_a_device_is_asked_about_once_and_again_after_hours(asked: Asked) -> None:
    asked.offer("a", "b", "a", "b")
    assert asked.questions == 2 and asked.identifier.candidates("a") == (CANDIDATE,)
    asked.now_s += AGAIN_S + 1
    asked.offer("a")
    assert asked.questions == 3 and asked.said == []


def test_no_more_than_one_question_is_out_and_nobody_waits_for_it(asked: Asked) -> None:
    asked.goes_on.clear()
    for number in range(1000):
        asked.identifier.offer(f"device-{number}", lambda: COLUMNS)
    until(lambda: asked.questions == 1)
    assert asked.identifier.candidates("device-0") == () and len(asked.identifier._asked_s) == 1
    asked.goes_on.set()
    until(lambda: asked.identifier.candidates("device-0"))


def test_a_server_that_fails_is_left_alone_for_longer_and_longer_and_said_once(asked: Asked) -> None:
    asked.fails = True
    tries = []
    for _ in range(100_000):
        before = asked.questions
        asked.offer("a")
        tries += [asked.now_s] * (asked.questions - before)
        asked.now_s += 10
        if len(tries) == 10:
            break
    pauses = np.diff(tries)
    assert pauses[0] == FIRST_PAUSE_S and pauses[-1] == LONGEST_PAUSE_S and (np.diff(pauses) >= 0).all()
    assert asked.said == ["unknown devices are not identified for now: the server is on fire"]
    assert asked.identifier.trouble == "the server is on fire"
    asked.fails = False
    asked.now_s += LONGEST_PAUSE_S
    asked.offer("a")
    assert asked.said[1:] == ["unknown devices are identified again"]
    assert asked.identifier.trouble is None and asked.identifier.candidates("a") == (CANDIDATE,)


def test_what_is_forgotten_while_its_question_is_out_stays_forgotten(asked: Asked) -> None:
    asked.goes_on.clear()
    asked.identifier.offer("a", lambda: COLUMNS)
    asked.identifier.forget("a")
    asked.goes_on.set()
    until(lambda: not asked.identifier._busy)
    assert asked.identifier.candidates("a") == ()


def test_a_device_without_columns_is_not_asked_about(asked: Asked) -> None:
    asked.identifier.offer("a", lambda: None)
    asked.offer("b")
    assert asked.questions == 1
