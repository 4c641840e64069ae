"""numba's compilation, cached on disk under a name that changes with the source files a function is made of.

    @compiled(statistics)                    # the modules whose functions it calls
    def describe(values): ...

numba's own cache looks at the file of the function alone and would keep what it compiled from older parts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any


def edition(files: Iterable[str]) -> str:
    """Eight digits that change with the content of any of the files."""
    return f"{zlib.crc32(b''.join(Path(file).read_bytes() for file in sorted(files))):08x}"


def jit(function: Callable[..., Any], *, keep: bool = True, **options: Any) -> Callable[..., Any]:
    """The function under numba; kept on disk where the source folder or the user's cache can be written."""
    import numba

    try:
        return numba.njit(cache=keep, nogil=True, error_model="numpy", **options)(function)
    except RuntimeError:  # neither of the two folders can be written
        return numba.njit(nogil=True, error_model="numpy", **options)(function)


def compiled(*parts: ModuleType) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for what Python calls; for what only compiled code calls, numba's plain njit will do."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        files = {function.__code__.co_filename, *(str(part.__file__) for part in parts)}  # type: ignore[attr-defined]
        function.__qualname__ = f"{function.__name__}_{edition(files)}"
        return jit(function)

    return wrap
