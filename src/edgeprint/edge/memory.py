"""What the agent remembers when it is stopped: open bins, rings of columns and judgements, so that an update
does not cost the bootstrap again.

    memory = Memory(watch, bank, path, say=print)
    memory.now_and_then(), memory.keep()
    said = restore(watch, bank, path, now_ns)       # sentences on what was forgotten, and why

One .npz file, replaced in one step: arrays a device, and a JSON text on whose they are. A device whose
columns are now made otherwise (another schema hash or width) begins anew; the others do not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeprint.artifact import DAMAGED
from edgeprint.edge.bank import Bank, ColumnRing
from edgeprint.edge.rotation import Heard
from edgeprint.edge.verdicts import Standing
from edgeprint.edge.watch import Watch
from edgeprint.edge.watched import Watched
from edgeprint.whole_file import replacing

VERSION = 1
COUNTS = ("packets", "columns", "ticks", "inferences", "hits", "confidence_sum", "spoke")
EVERY_S = 900.0  # between two saves of a running agent: 40 devices are 1 MB, and a card wears out
CLOCK_MARGIN_NS = 60 * 10**9  # by which a clock may have been set back without the memory being of the future


class Memory:
    """Keeps a watch's memory in a file: now and then, for a kill or a power cut, and when it is told to."""

    def __init__(
        self,
        watch: Watch,
        bank: Bank,
        path: Path,
        *,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch, self._bank, self._path, self._say, self._clock = watch, bank, path, say, clock
        self._kept_s = clock()
        self._troubled = False

    def now_and_then(self) -> None:
        """Between two batches; between two packets of one the memory would be of no moment at all."""
        if self._clock() - self._kept_s >= EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Save; a disk that does not take it is told of once."""
        self._kept_s = self._clock()
        try:
            save(self._watch, self._bank, self._path)
            self._troubled = False
        except OSError as error:
            if not self._troubled:
                self._say(f"a restart will cost the bootstrap: {error}")
            self._troubled = True


def save(watch: Watch, bank: Bank, path: Path) -> None:
    """Write all that `restore` needs. Raises OSError where the disk does not take it; the old file stays."""
    arrays: dict[str, Any] = {}
    devices = []
    watch.settle()
    for index, watched in enumerate(watch.everyone):
        devices.append(_about(watched))
        arrays |= {f"{index}.{name}": array for name, array in watched.stream.state().items()}
        if ring := _ring(watched, bank):
            count, columns = ring.state()
            arrays |= {f"{index}.ring": columns, f"{index}.count": np.array(count)}
    about = {"version": VERSION, "clock": watch.clock, "devices": devices}
    about |= {"beyond": watch.strangers.packets_beyond, "links": watch.strangers.rotation.state()}
    with replacing(path) as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)


def restore(watch: Watch, bank: Bank, path: Path, now_ns: int) -> list[str]:
    """Let a watch that has seen nothing go on where another one stopped.

    Gives a sentence for what does not fit, and leaves that as it is: new. Nothing is said of a first start.
    """
    if not path.exists():
        return []
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            if about["version"] != VERSION:
                return [f"{path} is of version {about['version']}, not {VERSION}: every device begins anew"]
            if about["clock"][2] > now_ns + CLOCK_MARGIN_NS:
                return [f"{path} is of a time that is yet to come: every device begins anew"]
            watch.clock, watch.strangers.packets_beyond = tuple(about["clock"]), about["beyond"]
            watch.strangers.rotation.restore(about.get("links", ()))
            forgotten = [
                row["device"]
                for index, row in enumerate(about["devices"])
                if not _restore(watch, bank, row, stored, f"{index}.")
            ]
    except DAMAGED as error:
        return [f"{path} cannot be read, what it lacks begins anew: {error}"]
    if forgotten:
        return [f"columns of {', '.join(forgotten)} are now made otherwise, or nobody's: they begin anew"]
    return []


def _ring(watched: Watched, bank: Bank) -> ColumnRing | None:
    """Where the last columns are kept: with the model, or where there is none, with the device."""
    member = bank.members.get(watched.device)
    return member.ring if member else watched.ring


def _about(watched: Watched) -> dict[str, Any]:
    judgement = watched.judgement
    return {
        "device": watched.device,
        "mac": watched.mac,
        "schema": watched.stream.spec.schema().hash,
        "standing": judgement.standing,
        "run": judgement.run,
        "heard": watched.heard and watched.heard._asdict(),
        **{name: getattr(watched, name) for name in COUNTS},
    }


def _restore(watch: Watch, bank: Bank, row: dict[str, Any], stored: Any, prefix: str) -> bool:
    """Give one device its memory back; whether it could be."""
    watched = watch.again(row["device"], row["mac"])
    if watched is None or watched.stream.spec.schema().hash != row["schema"]:
        return False
    ring = _ring(watched, bank)
    if ring and f"{prefix}ring" in stored:
        try:
            ring.restore(int(stored[f"{prefix}count"]), stored[f"{prefix}ring"])
        except ValueError:
            return False
    watched.stream.restore({name: stored[prefix + name] for name in watched.stream.state()})
    for name in COUNTS:
        setattr(watched, name, row[name])
    watched.heard = Heard(**heard) if (heard := row.get("heard")) else None
    standing = Standing(row["standing"])
    if Standing.UNKNOWN not in (standing, watched.judgement.standing):
        watched.judgement = watched.judgement.as_it_was(standing, row["run"])
    return True
