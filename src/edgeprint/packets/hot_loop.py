"""A loop over bytes: interpreted on small inputs and, where numba is installed, compiled on large ones.

    fill = HotLoop(fill_rows, link_layer, ip_layer, patience=20_000)
    fill(data, offset, columns, work=len(offset))

The loop and its parts are written in the subset of Python that numba compiles: integers, tuples of integers,
arrays. Compiling, or loading what an earlier process compiled, takes longer than a small capture does; so the
loop interprets until it has done `patience` units of work in this process and compiles on the call that
would exceed it. Both ways give the same result.

Integers stay int64 in numba only with `*` and `+`: `uint8 << int` is unsigned there, and unsigned with signed
makes a float.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.compiled import edition, jit


class HotLoop:
    """`loop(data, ...)` over the bytes `data` uint8 [n], compiled when that pays; `parts` are what it
    calls, each after those that it calls itself."""

    def __init__(self, loop: Callable[..., Any], *parts: Callable[..., Any], patience: int) -> None:
        self.loop = loop
        self.parts = parts
        self.patience = patience if find_spec("numba") else None
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, data: NDArray[np.uint8], *arguments: Any, work: int) -> Any:
        """Run on `work` units (frames or bytes), interpreted or compiled."""
        if self._compiled is None and self.patience is not None:
            self.patience -= work
            if self.patience < 0:
                self._compiled = self.compile()
        return self.compiled(data, *arguments) if self._compiled else self.interpreted(data, *arguments)

    def interpreted(self, data: NDArray[np.uint8], *arguments: Any) -> Any:
        """Run as plain Python; a memoryview gives Python integers, four times faster than numpy scalars."""
        return self.loop(memoryview(data), *arguments)  # type: ignore[arg-type]

    def compiled(self, data: NDArray[np.uint8], *arguments: Any) -> Any:
        """Run as machine code. Raises ImportError where numba is not installed."""
        self._compiled = self._compiled or self.compile()
        return self._compiled(data, *arguments)

    def compile(self) -> Callable[..., Any]:
        """The loop under numba: copies of it and its parts, whose global names lead to the compiled parts."""
        ready: dict[str, Any] = {}
        for function in (*self.parts, self.loop):
            copy = FunctionType(function.__code__, {**function.__globals__, **ready}, function.__name__)  # type: ignore[attr-defined]
            copy.__module__ = function.__module__
            copy.__qualname__ = f"{function.__name__}_{self._edition()}"
            ready[function.__name__] = jit(copy, keep=function is self.loop)
        return ready[self.loop.__name__]

    def _edition(self) -> str:
        return edition({function.__code__.co_filename for function in (*self.parts, self.loop)})  # type: ignore[attr-defined]
