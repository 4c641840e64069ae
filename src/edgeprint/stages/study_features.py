"""Feature rows at the settings that a study asks for: those of the pipeline, or made once and kept.

    read = reader(workspace)
    read("lstm_cnn", params)          # a FeatureTable at params.lstm_cnn.features

What is made anew lies under state/studies/, by data version and schema.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from edgeprint import feature_table
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Params
from edgeprint.stages import extract
from edgeprint.stages.feature_stream import FeatureStream
from edgeprint.stages.workspace import Workspace
from edgeprint.study import each


def reader(workspace: Workspace) -> Callable[[str, Params], FeatureTable]:
    """What Material.read is on this workspace; whoever runs it in another process gets the same rows."""
    return partial(_read, workspace)


def _read(workspace: Workspace, method: str, params: Params) -> FeatureTable:
    made = FeatureStream("", Inventory({}), params, (method,))
    schema = made.schemas()[method]
    stored = workspace.features / method
    first = next(iter(sorted(stored.glob("*.parquet"))), None)
    if first is not None and feature_table.read_file(first).schema == schema:
        return _kept(stored)
    folder = workspace.state / "studies" / f"{method}-{schema.hash[:12]}-{workspace.data_version()[:12]}"
    if not folder.exists():
        _extract(workspace, method, params, folder)
    return _kept(folder)


@lru_cache(maxsize=4)
def _kept(folder: Path) -> FeatureTable:
    return feature_table.read(folder)


def _extract(workspace: Workspace, method: str, params: Params, folder: Path) -> None:
    """Every capture's rows into `folder`, which appears when it is complete."""
    inventory = workspace.inventory()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="parts-") as scratch:
        parts, made = Path(scratch) / "parts", Path(scratch) / "made"
        cases = [
            (path, str(path.relative_to(workspace.captures)), inventory, params, parts, (method,))
            for path in extract.captures_of(workspace.captures)
        ]
        each(extract.extract_capture, cases, f"extract {method}")
        extract.put_together(parts, method, made, list(inventory.devices))
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster, with the same rows
                raise
