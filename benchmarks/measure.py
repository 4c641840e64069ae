"""What every benchmark shares: a result is one line of JSON, and seconds are those of the fastest run.

with one_core():
    seconds = best(lambda: decode(path))
Result("decode", packets / seconds, "packets/s", "ucl-quarters, 3 M packets, real").against("dpkt", theirs)
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

RUNS = 3


@dataclass(frozen=True)
class Result:
    """A figure of ours, and how many times better it is than a peer's on the same input."""

    name: str
    value: float
    unit: str
    peer: str | None
    ratio: float | None
    data: str  # what it was measured on: file, packets, real or simulated

    @classmethod
    def alone(cls, name: str, value: float, unit: str, data: str) -> Result:
        """A figure without a peer."""
        return cls(name, value, unit, None, None, data)

    def against(self, peer: str, theirs: float, note: str = "", *, less_is_better: bool = False) -> Result:
        """The same figure beside a peer's `theirs`; `note` says where the peer had another input."""
        ratio = theirs / self.value if less_is_better else self.value / theirs
        return replace(self, peer=peer, ratio=ratio, data=f"{self.data}{note and '; ' + note}")

    def line(self) -> str:
        """One JSON object; four significant digits are more than another run would repeat."""
        fields = asdict(self)
        rounded = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in fields.items()}
        return json.dumps(rounded)


def say(sentence: str) -> None:
    """Progress, and what could not be measured, for the person who waits."""
    print(sentence, file=sys.stderr, flush=True)


def best(work: Callable[[], object], runs: int = RUNS) -> float:
    """Seconds of the fastest of several runs: the others measure what else the machine does.

    What the project remembers from one run, the next must not find: its caches are emptied in between.
    """
    seconds = []
    for _ in range(runs):
        forget()
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def forget() -> None:
    """Empty every functools cache of edgeprint's modules."""
    for value in _globals_of_edgeprint():
        if callable(clear := getattr(value, "cache_clear", None)):
            clear()


def compile_at_once() -> None:
    """No loop that may be compiled is interpreted any longer: figures are those of a process that has run."""
    from edgeprint.packets.hot_loop import HotLoop

    for value in _globals_of_edgeprint():
        if isinstance(value, HotLoop) and value.patience is not None:
            value.patience = 0


def _globals_of_edgeprint() -> Iterator[object]:
    for module in [m for name, m in sys.modules.items() if name.startswith("edgeprint")]:
        yield from list(vars(module).values())


@contextmanager
def one_core() -> Iterator[None]:
    """This process and those it starts stay on one core, with one thread of linear algebra, as do peers."""
    from threadpoolctl import threadpool_limits

    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        with threadpool_limits(1):
            yield
    finally:
        os.sched_setaffinity(0, before)
