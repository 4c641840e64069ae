"""A file that is there whole or not at all, whenever the power goes.

with replacing(path) as file:
    np.savez(file, columns=columns)
replace(path, data)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path`, which takes its name, on disk, when the block ends without an error.

    The folder is made. Raises OSError where the disk does not take it; then the old file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with begun.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        begun.replace(path)
        sync(path.parent)
    except BaseException:
        begun.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Give the file these bytes, as `replacing` does."""
    with replacing(path) as file:
        file.write(data)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
