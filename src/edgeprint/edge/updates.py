"""A running agent follows its fleet: looks for new models now and then, tries them, and says how it stands.

    updates = Updates(models, bank, state, pi=pi, look=lambda known: pull(...), say=print)
    updates.begin(watch)             # what the last run left on trial
    updates.between_batches()        # from the agent's thread
    updates.close()

The repository is asked in a thread of its own: no tick waits for a server. Models, bank and watch are changed
only between two batches, in the agent's thread.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType

from edgeprint.artifact import Artifact
from edgeprint.broker import Broker
from edgeprint.edge.bank import Bank
from edgeprint.edge.models import FAMILY, Models
from edgeprint.edge.probation import Limits
from edgeprint.edge.trials import Trials, start_again
from edgeprint.edge.versions import Versions
from edgeprint.edge.voice import Voice
from edgeprint.edge.watch import Watch
from edgeprint.errors import EdgeprintError
from edgeprint.standing import FILE, Phase, Standing
from edgeprint.whole_file import write_whole

EVERY_S = 900.0  # between two looks at the repository: a static file of 500 bytes
EARLIEST_SHARE = 0.8  # of that time, by chance: Pis that were started together do not ask together
SPOKEN_EVERY_S = 60.0  # when nothing but the agent's health has changed

Look = Callable[[Mapping[str, Artifact]], Models]


@dataclass(frozen=True)
class Following:
    """How a Pi follows its fleet; the command line's options of the same names."""

    pi: str | None = None
    check_seconds: float | None = None  # None: only at the start
    fleet: Broker | None = None
    limits: Limits = field(default_factory=Limits)


class Updates:
    """All but the looks in the agent's thread."""

    def __init__(
        self,
        models: Models,
        bank: Bank,
        state: Path,
        *,
        pi: str,
        look: Look,
        following: Following,
        say: Callable[[str], None],
        health: Callable[[], list[str]] = list,
        again: Callable[[], None] = start_again,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`look` pulls the newest models, given by digest those that are proven already."""
        self._models, self._bank, self._state, self._pi = models, bank, state, pi
        self._look, self._every_s, self._say, self._health = look, following.check_seconds, say, health
        self._trials = Trials(state, bank, say=say, limits=following.limits, again=again, told=self._told)
        self._versions, self._clock = Versions(state), clock
        self._known = {found.folder.name: found for found in self._artifacts(models)}
        self._found: queue.SimpleQueue[Models] = queue.SimpleQueue()
        self._over = threading.Event()
        self._voice = Voice(following.fleet, pi, say=say) if following.fleet else None
        self._spoken_s = -SPOKEN_EVERY_S
        self._thread = threading.Thread(target=self._work, name="updates", daemon=True)

    def begin(self, watch: Watch) -> None:
        """Go on with the trials of the last run, and begin to look."""
        self._watch = watch
        for device, new in self._models.trials.items():
            self._try(device, new)
        self.speak()
        if self._every_s is not None:
            self._thread.start()

    def between_batches(self) -> None:
        """Take what a look has found, pronounce on trials, and say what is news."""
        while not self._found.empty():
            self._take(self._found.get())
        self._trials.tick(self._watch)
        if self._clock() - self._spoken_s >= SPOKEN_EVERY_S:
            self.speak()

    def speak(self) -> None:
        """Write down how this Pi stands, and tell the fleet."""
        self._spoken_s = self._clock()
        standing = self.standing()
        try:
            write_whole(self._state / FILE, standing.to_json())
        except OSError as error:
            self._say(f"how this Pi stands is not written down: {error}")
        if self._voice:
            self._voice.tell(standing)

    def standing(self) -> Standing:
        models = self._models
        refreshed = models.refreshed.isoformat() if models.refreshed else None
        return Standing(
            pi=self._pi,
            release=models.release,
            phase=phase(models),
            models={found.card.name: found.folder.name for found in models.artifacts.values()},
            trials={found.card.name: found.folder.name for found in models.trials.values()},
            refused={f"{FAMILY}.{device}": reason for device, reason in models.refused.items()},
            stale=models.stale,
            refreshed=refreshed,
            health=tuple(self._health()),
        )

    def close(self) -> None:
        """The agent ends in order."""
        self._over.set()
        self._trials.close()
        if self._voice:
            self._voice.close()

    def __enter__(self) -> Updates:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        assert self._every_s is not None
        while not self._over.wait(self._every_s * random.uniform(EARLIEST_SHARE, 1)):
            try:
                self._found.put(self._look(dict(self._known)))
            except (EdgeprintError, OSError) as error:
                self._say(f"no look at the repository: {error}")

    def _take(self, found: Models) -> None:
        """Use what a look has found; `models` stays the same object, that others read.

        What this thread has judged since the look began makes it one of yesterday: the next one will tell.
        """
        if self._is_overtaken(found):
            return
        before = self._models.artifacts | self._models.trials
        for each in fields(Models):
            setattr(self._models, each.name, getattr(found, each.name))
        self._known = {found.folder.name: found for found in self._artifacts(self._models)}
        for device, new in {**found.artifacts, **found.trials}.items():
            if device not in before or before[device].folder != new.folder:
                if device in found.trials:
                    self._try(device, new)
                else:
                    self._trials.replace(device, new, self._watch)
        for device in before.keys() - found.artifacts.keys():
            self._trials.drop(device, self._watch)
        self.speak()

    def _is_overtaken(self, found: Models) -> bool:
        """Whether the disk no longer says what the look has read there."""
        for new in found.trials.values():
            model = new.card.name
            if not self._versions.on_trial(model) or self._versions.current(model) != new.folder:
                return True
        return any(
            self._versions.confirmed(kept.card.name) != kept.folder
            for device, kept in found.artifacts.items()
            if kept is not found.trials.get(device)
        )

    def _try(self, device: str, new: Artifact) -> None:
        old = self._models.artifacts.get(device)
        self._trials.begin(device, None if old is new else old, new, self._watch)

    def _told(self, device: str, reason: str | None) -> None:
        """A trial is over; of one that failed the disk says what is in use now."""
        new = self._models.trials.pop(device, None)
        if reason is None and new:
            self._models.artifacts[device] = new
        if reason is not None:
            self._models.refused[device] = reason
            self._models.failed.add(device)
            if self._models.artifacts.get(device) is new:
                self._models.artifacts.pop(device, None)
        self.speak()

    @staticmethod
    def _artifacts(models: Models) -> list[Artifact]:
        return [*models.artifacts.values(), *models.trials.values()]


def phase(models: Models) -> Phase:
    """How the release stands here; what only could not be fetched is no fault of it."""
    if models.failed:
        return Phase.FAILED
    if models.refused or models.stale:
        return Phase.BEHIND
    if models.trials:
        return Phase.TRIAL
    return Phase.IN_USE if models.release else Phase.NONE
