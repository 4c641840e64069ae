"""A file or folder that is there whole or not at all, whenever the power goes.

with replacing(path) as file:
    np.savez(file, columns=columns)
write_whole(path, data)
replace_folder(begun, folder)       # `begun` was filled beside it
"""

from __future__ import annotations

import os
import shutil
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


def replace_folder(begun: Path, folder: Path) -> None:
    """Give a folder its name when all that is in it is on disk; what had the name before is gone.

    Raises OSError.
    """
    for path in (*begun.rglob("*"), begun):
        sync(path)
    shutil.rmtree(folder, ignore_errors=True)
    begun.rename(folder)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
