"""A loop over bytes that runs interpreted on small inputs and compiled, where numba is installed, on large ones.

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


class HotLoop:
    """`loop(data, ...)` over the bytes `data` uint8 [n], compiled when that pays; `parts` are what it calls."""

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
        return self.loop(memoryview(data), *arguments)

    def compiled(self, data: NDArray[np.uint8], *arguments: Any) -> Any:
        """Run as machine code. Raises ImportError where numba is not installed."""
        self._compiled = self._compiled or self.compile()
        return self._compiled(data, *arguments)

    def compile(self) -> Callable[..., Any]:
        """The loop under numba, its parts too: copies whose global names lead to the compiled parts."""
        scope = dict(self.loop.__globals__)  # type: ignore[attr-defined]
        for part in self.parts:
            scope[part.__name__] = _jit(part, scope)
        return _jit(self.loop, scope)


def _jit(function: Callable[..., Any], scope: dict[str, Any]) -> Callable[..., Any]:
    import numba

    copy = FunctionType(function.__code__, scope, function.__name__)  # type: ignore[attr-defined]
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    try:
        return numba.njit(cache=True, nogil=True)(copy)
    except RuntimeError:  # neither the source folder nor the user's cache folder can be written
        return numba.njit(nogil=True)(copy)
