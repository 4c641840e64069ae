"""A network interface as a source of batches: once a second, whatever was sent, until it is stopped.

    source = Live("eth0", backend="ring")
    for batch in source:                    # as from a Replay
        ...
        source.received, source.dropped     # packets; dropped is None where the back-end cannot know
        source.backend, source.notes        # what it came to, and why
    source.stop()                           # from a signal or another thread: what is held still comes

An interface that goes down is waited for, and one that was deleted is opened again when it is back. A clock
that is set forward is followed. Where it is set back, what came before is let through and time begins anew.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from edgeprint.edge import interface as interfaces
from edgeprint.edge.batch import NOTHING, Batch, Packets, Sluice
from edgeprint.edge.interface import State
from edgeprint.edge.readers import Reader, opened
from edgeprint.errors import CannotCapture

EVERY_NS = 10**9  # between batches
SETTLED_NS = 500_000_000  # after which a packet has been read: a ring hands its blocks over every 100 ms
STEP_NS = 10**9  # a clock that moves more than this against the steady one was set
WAIT_S = 0.2  # at most, until it is seen that the source was stopped or the interface is back
MOST_NOTES = 20


def to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


class Live:
    """Batches of an interface. Raises CannotCapture where it cannot be read, with what to do about it."""

    def __init__(
        self,
        interface: str,
        backend: str = "ring",
        *,
        open_reader: Callable[[str, str], Reader] | None = None,
        state: Callable[[str], State] = interfaces.state,
        say: Callable[[str], None] = to_stderr,
        clock_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`say` is told what happens to the interface and the clock, each as a sentence."""
        self.interface, self.received, self.late = interface, 0, 0
        self.dropped: int | None = 0
        self._open, self._state_of = open_reader or opened, state
        self._clock_ns, self._steady_ns, self._say = clock_ns, steady_ns, say
        self._reader: Reader | None = self._open(interface, backend)
        self.backend = self._reader.backend
        self.notes = list(self._reader.notes)
        self._index = interfaces.index(interface)
        self._state = State.UP
        self._longest_frame = interfaces.longest_frame(interface)
        self._sluice = Sluice()
        self._reached_ns = clock_ns()
        self._ahead_ns = self._reached_ns - steady_ns()
        self._stopped = False
        self._count_lost()

    def stop(self) -> None:
        """End the iteration within a second, with all that was seen."""
        self._stopped = True

    def __iter__(self) -> Iterator[Batch]:
        try:
            while not self._stopped:
                self._read_until(self._steady_ns() + EVERY_NS)
                self._count_lost()
                self._follow_interface()
                yield from self._let_through()
            yield self._sluice.rest()
        finally:
            self._close()

    def _read_until(self, due_ns: int) -> None:
        while not self._stopped and (left_ns := due_ns - self._steady_ns()) > 0:
            packets = self._read(min(left_ns / 1e9, WAIT_S))
            self.received += len(packets.time_ns)
            # A stamp from the future is from before the clock was set back: it would be held until then.
            now_ns = self._reached_ns = self._clock_ns()
            future = packets.time_ns > now_ns + STEP_NS
            self._sluice.take(packets._replace(time_ns=np.where(future, now_ns, packets.time_ns)))
            if len(packets.time_ns):  # more may be waiting: a reader that lags has come as far as these
                self._reached_ns = int(packets.time_ns[-1])

    def _read(self, seconds: float) -> Packets:
        try:
            if self._reader is not None:
                return self._reader.read(seconds)
        except OSError:  # the state of the interface says why
            pass
        time.sleep(seconds)
        return NOTHING

    def _let_through(self) -> Iterator[Batch]:
        now_ns = self._clock_ns()
        moved_ns = now_ns - self._steady_ns() - self._ahead_ns
        if abs(moved_ns) > STEP_NS:
            self._ahead_ns += moved_ns
            way = "forward" if moved_ns > 0 else "back"
            self._note(f"the clock of this machine was set {way} by {abs(moved_ns) / 1e9:,.0f} s")
        if moved_ns < -STEP_NS:
            yield self._sluice.before_set_back(now_ns)
        batch = self._sluice.until(min(now_ns, self._reached_ns) - SETTLED_NS)
        self.late = self._sluice.late
        self._note_joined(int(batch.wire_len.max(initial=0)))
        yield batch

    def _note_joined(self, longest: int) -> None:
        """Say once that the kernel joins segments before anyone may see them, other than on the wire."""
        if longest > self._longest_frame:
            self._longest_frame = interfaces.ANY_LENGTH
            self._note(
                f"frames of {longest:,} bytes on {self.interface}: its segments are joined on arrival, so "
                f"sizes are not those on the wire; sudo ethtool -K {self.interface} gro off lro off"
            )

    def _follow_interface(self) -> None:
        """Say what has become of it; open it again once it is there under another number."""
        state, index = self._state_of(self.interface), interfaces.index(self.interface)
        if self._reader is not None and index != self._index:
            self._close()
        if self._reader is None and index is not None:
            self._index = index
            self._open_again()
        if state is not self._state:
            back = "back and " if self._state is State.GONE else ""
            self._note(f"{self.interface} is {back}{state}")
            self._state = state

    def _open_again(self) -> None:
        try:
            self._reader = self._open(self.interface, self.backend)
        except (OSError, CannotCapture) as error:
            self._note(f"{self.interface} is there but cannot be read: {error}")

    def _count_lost(self) -> None:
        lost = self._reader.lost() if self._reader else 0
        if lost is None or self.dropped is None:
            self.dropped = None
        else:
            self.dropped += lost

    def _close(self) -> None:
        if self._reader is not None:
            self._count_lost()
            self._reader.close()
            self._reader = None

    def _note(self, sentence: str) -> None:
        """Keep the last ones only: an interface may go up and down for years."""
        if sentence not in self.notes[-1:]:
            self.notes = [*self.notes, sentence][-MOST_NOTES:]
            self._say(sentence)


@contextmanager
def stopped_by_signals(source: Live) -> Iterator[None]:
    """SIGTERM and Ctrl-C stop the source instead of the process; a second one ends it as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(*_: object) -> None:
        source.stop()
        restore()

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()
