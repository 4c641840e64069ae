"""A feature schema: what each column of a feature set is, and a hash that goes into every artifact."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Column:
    """One feature: its unit ('s', 'byte', 'count', '1'), direction (in, out, both) and source section."""

    name: str
    unit: str
    direction: str
    source: str


@dataclass(frozen=True)
class FeatureSchema:
    """An ordered list of columns and the numbers they were made with (`settings`: JSON values only)."""

    name: str
    columns: tuple[Column, ...]
    settings: tuple[tuple[str, float | int | str], ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON: changes when a column, its meaning or a setting changes."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_dict(self) -> dict:
        return {**asdict(self), "hash": self.hash}

    @classmethod
    def from_dict(cls, data: dict) -> FeatureSchema:
        columns = tuple(Column(**c) for c in data["columns"])
        return cls(data["name"], columns, tuple((k, v) for k, v in data["settings"]))
