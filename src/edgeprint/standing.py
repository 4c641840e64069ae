"""What a Pi says of itself to its fleet and to its own page: release, models, trials, refusals, health.

Standing.from_json(standing.to_json()) == standing

The Pi keeps it in STATE/standing.json and sends the same bytes over MQTT; the fleet's side reads them as what
an untrusted machine says: bounded, typed, and of no more weight than one Pi.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from edgeprint.errors import EdgeprintError
from edgeprint.rings import PI_ID

FILE = "standing.json"
LARGEST_BYTES = 65_536
MOST_ENTRIES = 256  # of each list and table
LONGEST_TEXT = 500


class BadStanding(EdgeprintError):
    """What came is not what a Pi says of itself."""


class Phase(StrEnum):
    """How the release stands on this Pi."""

    NONE = "no release"
    BEHIND = "behind"  # models of it could not be had yet: a server is down, or not to be trusted
    TRIAL = "on trial"  # at least one of its models
    IN_USE = "in use"  # every model of it that this Pi can use is confirmed
    FAILED = "failed"  # at least one of its models was refused here; the one before is in use


@dataclass(frozen=True)
class Standing:
    """Digests by model; sentences for people."""

    pi: str
    release: int = 0
    phase: Phase = Phase.NONE
    models: dict[str, str] = field(default_factory=dict)  # in use
    trials: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # by model, why its newest version is not used
    stale: str | None = None  # why the repository was not heard the last time
    refreshed: str | None = None  # when it was heard, ISO 8601
    health: tuple[str, ...] = ()  # what the agent complains of

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Standing:
        """Raises BadStanding for what no Pi would send."""
        if len(data) > LARGEST_BYTES:
            raise BadStanding(f"{len(data):,} bytes are more than a Pi says of itself")
        try:
            found = json.loads(data)
            if not PI_ID.fullmatch(str(found["pi"])):
                raise ValueError(f"{str(found['pi'])[:80]!r} is not a Pi's id")
            return cls(
                pi=str(found["pi"]),
                release=int(found["release"]),
                phase=Phase(found["phase"]),
                models=_table(found["models"]),
                trials=_table(found["trials"]),
                refused=_table(found["refused"]),
                stale=_text(found["stale"]),
                refreshed=_text(found["refreshed"]),
                health=tuple(str(each)[:LONGEST_TEXT] for each in found["health"][:MOST_ENTRIES]),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise BadStanding(f"this is not what a Pi says of itself: {error}") from error


def read(state: Path) -> Standing | None:
    """What the agent with that state folder last said; None where it has said nothing."""
    try:
        return Standing.from_json((state / FILE).read_bytes())
    except (OSError, BadStanding):
        return None


def _table(found: Any) -> dict[str, str]:
    rows = list(found.items())[:MOST_ENTRIES]
    return {str(key)[:LONGEST_TEXT]: str(value)[:LONGEST_TEXT] for key, value in rows}


def _text(found: Any) -> str | None:
    return None if found is None else str(found)[:LONGEST_TEXT]
