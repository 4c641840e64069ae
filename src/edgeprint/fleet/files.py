"""Metadata files of a repository on this disk: their names, and how they are written.

<n>.root.json, <n>.targets.json, <n>.<model>.json, <n>.rings.json, <n>.snapshot.json, timestamp.json

A file is on disk for good before it has its name, and no file but timestamp.json is ever written twice: what
a Pi or a cache holds of it stays true.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from edgeprint.fleet.keys import SigningFailed

VERSIONED = re.compile(r"([1-9][0-9]*)\.(.+)\.json")
TIMESTAMP = "timestamp"


def path(folder: Path, role: str, version: int) -> Path:
    return folder / "metadata" / (f"{role}.json" if role == TIMESTAMP else f"{version}.{role}.json")


def versions(folder: Path, role: str) -> list[int]:
    """Of a role's files, the newest first."""
    names = (VERSIONED.fullmatch(file.name) for file in (folder / "metadata").glob("*.json"))
    return sorted((int(name[1]) for name in names if name and name[2] == role), reverse=True)


def load(folder: Path, role: str, version: int = 0) -> Metadata[Any]:
    """Raises SigningFailed."""
    file = path(folder, role, version)
    try:
        return Metadata.from_bytes(file.read_bytes())
    except (RepositoryError, OSError) as error:
        raise SigningFailed(f"{folder} holds no whole repository: {file.name}: {error}") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time changes a repository: a person's command and `fleet watch` may meet."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
