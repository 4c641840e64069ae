"""The models of what people confirm, pulled in a thread of its own and handed over between two batches.

    adoption = Adoption(lambda name: pull_one(name, repository, state, root=root), say=print)
    adoption.want("hue-bridge")         # from the page's thread
    adoption.arrived()                  # from the agent's: {"hue-bridge": Artifact}, {} when nothing is new

The repository may be slow or gone: no tick waits for it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from edgeprint.artifact import Artifact
from edgeprint.errors import EdgeprintError

MOST_WAITING = 64


class Adoption:
    """Pulls one model after the other: the updater is for one at a time."""

    def __init__(self, pull: Callable[[str], Artifact | None], *, say: Callable[[str], None]) -> None:
        """`pull` gives None where none is published, and raises what it likes of the house, or OSError."""
        self._pull, self._say = pull, say
        self._wanted: queue.Queue[str] = queue.Queue(MOST_WAITING)
        self._arrived: queue.SimpleQueue[tuple[str, Artifact | None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def want(self, model: str) -> None:
        """One that does not fit any more is left to the next start."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="adoption", daemon=True)
            self._thread.start()
        try:
            self._wanted.put_nowait(model)
        except queue.Full:
            self._say(f"too much was confirmed at once: the model of {model} is pulled at the next start")

    def ready(self, model: str) -> None:
        """One that is in use already: only the name is news."""
        self._arrived.put((model, None))

    def arrived(self) -> dict[str, Artifact | None]:
        """By name of the model; None for one that cannot be had."""
        found = {}
        while not self._arrived.empty():
            model, artifact = self._arrived.get()
            found[model] = artifact
        return found

    def _work(self) -> None:
        while True:
            model = self._wanted.get()
            artifact = None
            try:
                artifact = self._pull(model)
                self._say(f"the model of {model} is " + ("here" if artifact else "not published"))
            except (EdgeprintError, OSError) as error:
                self._say(f"the model of {model} cannot be had for now: {error}")
            self._arrived.put((model, artifact))
