"""The rings as a person writes them.

[[ring]]
name = "canary"
pis = ["pi-kitchen", "pi-lab"]     # ids; in the published plan only their hashes stand

[[ring]]
name = "quarter"
share = 0.25                       # of all Pis, by a hash of their ids

[[ring]]
name = "all"
share = 1.0
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from edgeprint.errors import BadPlan
from edgeprint.rings import Plan, Ring, mark

KEYS = {"name", "share", "pis"}


def read(path: Path) -> tuple[Ring, ...]:
    """Raises BadPlan with what cannot be."""
    try:
        found = tomllib.loads(path.read_text())
        rings = tuple(_ring(each) for each in found["ring"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadPlan(
            f"{path} describes no rings ([[ring]] tables with name, share, pis): {error}"
        ) from error
    return Plan(rings=rings).rings


def _ring(found: dict[str, Any]) -> Ring:
    if unknown := set(found) - KEYS:
        raise BadPlan(f"a ring has {', '.join(sorted(KEYS))}, not {', '.join(sorted(unknown))}")
    pis = tuple(mark(str(pi)) for pi in found.get("pis", []))
    return Ring(str(found["name"]), float(found.get("share", 0.0)), pis)
