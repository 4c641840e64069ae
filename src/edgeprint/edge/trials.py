"""Models on trial in the running agent: the old one speaks, the new one is watched at the same ticks.

    trials = Trials(state, bank, say=print)
    trials.begin("camera-a", old, new, watch)      # artifacts; `old` is None for a device's first model
    trials.tick(watch)                             # after each tick: confirm, or swap back and quarantine

The disk has the new model as `current` and the old one as `previous` meanwhile (versions.py), so that a kill
at any moment leaves both, and the trial begins anew. A model that does not come back from an inference holds
the agent's thread for ever: a guard beside it then writes down why, swaps back, and starts the agent again.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.artifact import Artifact
from edgeprint.edge.bank import Bank, ColumnRing, Member
from edgeprint.edge.heap import give_back
from edgeprint.edge.metrics import resident_bytes
from edgeprint.edge.models import FAMILY
from edgeprint.edge.probation import Limits, Observation, Outcome, Probation
from edgeprint.edge.versions import Versions
from edgeprint.edge.watch import Watch
from edgeprint.errors import BadArtifact


def start_again() -> None:
    """Replace this process by a new one of the same command: what hangs in it is gone."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


class OnTrial:
    """A bank's member of two models: it is asked as the one that speaks, and asks the new one too."""

    def __init__(self, old: Member | None, new: Member, digest: str, limits: Limits, guard: Guard) -> None:
        self.old, self.new, self.digest, self._guard = old, new, digest, guard
        self.probation = Probation(limits)
        self.speaker = old if old is not None and old.spec == new.spec else new
        if self.speaker is old and old is not None:
            if old.width == new.width:
                new.ring = old.ring
            else:
                old.ring = Both(old.ring, new.ring)
        self._begun_bytes = resident_bytes() or 0

    def __getattr__(self, name: str) -> Any:
        """Ring, spec, width, inputs, threshold and streak are the speaker's."""
        return getattr(self.speaker, name)

    @property
    def network(self) -> OnTrial:
        """Whoever asks the network asks both."""
        return self

    def one(self, sample: NDArray[np.float32]) -> NDArray[np.float32]:
        """Output [1] for the speaker's sample [h, w], as a network gives it."""
        if self.old is None or self.speaker is not self.old:
            return np.array([self._observe(None)], "f4")
        said = self.old.network.one(sample)
        if self.new.ring.is_full:
            self._observe(float(said[0]))
        return said

    def confidence(self, ring: ColumnRing) -> float:
        """Of the one that speaks: columns of others, in another ring, are no matter of the trial."""
        return self.speaker.confidence(ring)

    def _observe(self, said: float | None) -> float:
        begin_s = time.perf_counter()
        try:
            with self._guard.watching(self):
                confidence = self.new.confidence(self.new.ring)
        except (ValueError, RuntimeError, IndexError) as error:
            self.probation = self.probation.fail(f"cannot run at a live tick: {error}")
            return 0.0
        seconds = time.perf_counter() - begin_s
        more = (resident_bytes() or 0) - self._begun_bytes
        old_hit = None if said is None or self.old is None else said > self.old.threshold
        hit = confidence > self.new.threshold
        self.probation = self.probation.after(Observation(confidence, seconds, hit, old_hit, more))
        return confidence


class Both(ColumnRing):
    """A ring whose columns also go into another one, of another width."""

    def __init__(self, ring: ColumnRing, other: ColumnRing) -> None:
        width, height = ring.state()[1].shape
        super().__init__(height, width)
        self.restore(*ring.state())
        self._other = other

    def append(self, column: NDArray[np.float32]) -> None:
        super().append(column)
        self._other.append(column)


class Guard:
    """Looks from a thread of its own whether an inference has ended, and calls `hangs` if not."""

    def __init__(self, patience_s: float, hangs: Callable[[OnTrial], None]) -> None:
        self._patience_s, self._hangs = patience_s, hangs
        self._running: tuple[OnTrial, float] | None = None  # and since when
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, trial: OnTrial) -> Iterator[None]:
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="guard", daemon=True)
            self._thread.start()
        self._running = trial, time.monotonic()
        try:
            yield
        finally:
            self._running = None

    def _look(self) -> None:
        while True:
            time.sleep(self._patience_s / 4)
            running = self._running
            if running and time.monotonic() - running[1] > self._patience_s:
                self._hangs(running[0])
                return


class Trials:
    """Of one agent; all but the guard in the agent's thread."""

    def __init__(
        self,
        state: Path,
        bank: Bank,
        *,
        say: Callable[[str], None],
        limits: Limits | None = None,
        again: Callable[[], None] = start_again,
        told: Callable[[str, str | None], None] = lambda device, reason: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`told` gets each verdict, a device and why its model failed; `again` is for an agent that hangs."""
        self._versions, self._bank, self._say = Versions(state), bank, say
        self.limits, self._again, self._told = limits or Limits(), again, told
        self._clock, self._now = clock, now
        self._trials: dict[str, OnTrial] = {}
        self._begun_s: dict[str, float] = {}
        self._guard = Guard(self.limits.hang_s, self._hangs)

    def begin(self, device: str, old: Artifact | None, new: Artifact, watch: Watch) -> None:
        """Watch the new model from the next tick on; the old one goes on speaking where it can."""
        try:
            before, member = self._both(device, old, new)
        except BadArtifact as error:
            self._fail(device, new.folder.name, str(error), watch)
            return
        except FileNotFoundError:  # cleared away in this moment, for another one: the next look will tell
            return
        trial = OnTrial(before, member, new.folder.name, self.limits, self._guard)
        self._trials[device], self._begun_s[device] = trial, self._clock()
        self._bank.members[device] = trial  # type: ignore[assignment]
        if trial.speaker is member:
            watch.adopt(device)
        self._say(f"{FAMILY}.{device} {new.folder.name[:12]} is on trial for {self.limits.ticks} ticks")

    def _both(self, device: str, old: Artifact | None, new: Artifact) -> tuple[Member | None, Member]:
        """The old model as it runs already, with its ring, or else anew; and the new one.

        A first model may run already: in memory once, it has none before it that could speak if it fails.
        """
        running = self._bank.members.get(device)
        if isinstance(running, OnTrial):
            running = running.old
        elif running is not None and running.version == new.folder.name:
            return None, running
        member = Member(new)
        return running if running is not None or old is None else Member(old), member

    def tick(self, watch: Watch) -> None:
        """Between two ticks: pronounce what is over."""
        if not self._trials:
            return
        for device, trial in list(self._trials.items()):
            if self._clock() - self._begun_s[device] > self.limits.longest_s:
                trial.probation = trial.probation.give_up_waiting()
            if trial.probation.outcome is Outcome.CONFIRMED:
                self._confirm(device, trial, watch)
            elif trial.probation.outcome is Outcome.FAILED:
                self._fail(device, trial.digest, trial.probation.reason or "", watch)
        if not self._trials:
            give_back()  # the old models, or those that failed: 20 MB of 40 devices

    def drop(self, device: str, watch: Watch) -> None:
        """The device has no model any more."""
        self._trials.pop(device, None)
        if self._bank.members.pop(device, None) is not None:
            watch.adopt(device)

    def replace(self, device: str, new: Artifact, watch: Watch) -> None:
        """Use a model without a trial: the fleet took a release back."""
        self._trials.pop(device, None)
        self._bank.members[device] = Member(new)
        watch.adopt(device)

    def close(self) -> None:
        """The agent ends in order: that is no fault of a model on trial."""
        for device in self._trials:
            (self._versions.state / "starts" / f"{FAMILY}.{device}").unlink(missing_ok=True)

    def _confirm(self, device: str, trial: OnTrial, watch: Watch) -> None:
        del self._trials[device]
        self._versions.confirm(f"{FAMILY}.{device}", trial.digest)
        self._bank.members[device] = trial.new
        if trial.speaker is not trial.new:
            watch.adopt(device)
        seen = trial.probation
        self._say(
            f"{FAMILY}.{device} passed its trial: {seen.ticks} ticks, "
            f"the model before it agreed at {seen.agreed} of {seen.compared}"
        )
        self._told(device, None)

    def _fail(self, device: str, digest: str, reason: str, watch: Watch) -> None:
        trial = self._trials.pop(device, None)
        self._versions.reject(f"{FAMILY}.{device}", digest, reason, self._now())
        self._say(f"{FAMILY}.{device} failed its trial: it {reason}; the model before it is in use again")
        old = trial.old if trial else self._bank.members.get(device)
        if old is None:
            self._bank.members.pop(device, None)
        else:
            self._bank.members[device] = old
        if trial is None or trial.speaker is not old:
            watch.adopt(device)
        self._told(device, reason)

    def _hangs(self, trial: OnTrial) -> None:
        """From the guard's thread; the agent's own will not come back."""
        device = next(name for name, each in self._trials.items() if each is trial)
        reason = f"hangs: an inference had not ended after {self.limits.hang_s:g} s"
        self._versions.reject(f"{FAMILY}.{device}", trial.digest, reason, self._now())
        self._say(f"{FAMILY}.{device} failed its trial: it {reason}; starting again with the model before it")
        self._again()
