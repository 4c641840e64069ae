"""Asks the server, where the household opted in, what a device is that stays unknown. One question at a time.

    identifier = Identifier(lambda columns: ask(server, columns), say=print)
    identifier.offer("06:..", last_columns)     # at each tick; asks when it is time to
    identifier.candidates("06:..")              # (Candidate, ...), () before there is an answer

A question waits in a thread of its own: no tick waits for the server, however slow it is. A server that
cannot be asked is left alone for longer and longer, and both its loss and its return are said once.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from edgeprint.edge.ranking import Candidate
from edgeprint.errors import NotIdentified

AGAIN_S = 6 * 3600.0  # after which a device that is still unknown is asked about anew: it may do other things
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 3600.0  # between two tries while the server cannot be asked
MOST_DOUBLINGS = 7

Ask = Callable[[NDArray[np.float32]], tuple[Candidate, ...]]


class Identifier:
    """Who was asked about, when, and what the server said of whom; of those that are followed only."""

    def __init__(
        self, ask: Ask, *, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`ask` raises NotIdentified."""
        self._ask, self._say, self._clock = ask, say, clock
        self._lock = threading.Lock()
        self._asked_s: dict[str, float] = {}
        self._found: dict[str, tuple[Candidate, ...]] = {}
        self._questions: queue.Queue[tuple[str, NDArray[np.float32]] | None] = queue.Queue(1)
        self._busy = False
        self._failures, self._not_before_s = 0, clock()
        self.trouble: str | None = None  # why the server cannot be asked
        self._thread = threading.Thread(target=self._work, name="identify", daemon=True)
        self._thread.start()

    def offer(self, device: str, last_columns: Callable[[], NDArray[np.float32] | None]) -> None:
        """Ask about a device by its columns [m, h], unless another is asked about, or it was lately."""
        with self._lock:
            now_s = self._clock()
            lately = now_s - self._asked_s.get(device, -AGAIN_S) < AGAIN_S
            if self._busy or lately or now_s < self._not_before_s:
                return
            columns = last_columns()
            if columns is not None:
                self._busy, self._asked_s[device] = True, now_s
                self._questions.put((device, columns))

    def candidates(self, device: str) -> tuple[Candidate, ...]:
        with self._lock:
            return self._found.get(device, ())

    def forget(self, device: str) -> None:
        """One that is known now, or gone."""
        with self._lock:
            self._asked_s.pop(device, None)
            self._found.pop(device, None)

    def close(self) -> None:
        """A question that is out is not waited for."""
        with suppress(queue.Full):
            self._questions.put_nowait(None)

    def _work(self) -> None:
        while question := self._questions.get():
            device, columns = question
            try:
                found, trouble = self._ask(columns), None
            except NotIdentified as error:
                found, trouble = (), str(error)
            self._take(device, found, trouble)

    def _take(self, device: str, found: tuple[Candidate, ...], trouble: str | None) -> None:
        with self._lock:
            self._busy = False
            said, self.trouble = self.trouble, trouble
            if trouble is None:
                self._failures = 0
                if device in self._asked_s:
                    self._found[device] = found
            else:
                pause_s = min(FIRST_PAUSE_S * 2 ** min(self._failures, MOST_DOUBLINGS), LONGEST_PAUSE_S)
                self._failures += 1
                self._not_before_s = self._clock() + pause_s
                self._asked_s.pop(device, None)
        if trouble and not said:
            self._say(f"unknown devices are not identified for now: {trouble}")
        if said and not trouble:
            self._say("unknown devices are identified again")
