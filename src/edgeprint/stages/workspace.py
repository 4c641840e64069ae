"""Where a run keeps what: a folder with dvc.yaml and params.yaml, this repository or a data set's own.

data/captures/   pcaps, devices.csv, source.json      (DVC)
data/features/   Parquet, a folder a method           (DVC)
models/          weights, a folder a method           (DVC)
reports/         figures, tables, pages               (DVC)
state/           MLflow's and Prefect's databases, the signed repository, the agent's models
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from edgeprint.packets import inventory
from edgeprint.params import Params, load
from edgeprint.whole_file import write_whole


@dataclass(frozen=True)
class Workspace:
    root: Path
    store: str | None = None  # URI of MLflow's, where it is another workspace's

    @property
    def captures(self) -> Path:
        return self.root / "data/captures"

    @property
    def features(self) -> Path:
        return self.root / "data/features"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def stopped(self) -> Path:
        """Why the last run ended early, in a sentence; no such file where it did not."""
        return self.state / "stopped.txt"

    def params(self) -> Params:
        return load(self.root / "params.yaml")

    def mlflow(self) -> str | None:
        """URL of the MLflow server that environment or params.yaml name; None: the store is in state/."""
        return self.store or os.environ.get("MLFLOW_TRACKING_URI") or self.params().servers.mlflow or None

    def inventory(self) -> inventory.Inventory:
        return inventory.read(self.captures / "devices.csv")

    def source(self) -> dict[str, Any]:
        """What the captures are: `name`, `simulated` (bool), `resampled` (bool), `kind` in words."""
        found = {
            "name": "simulated home",
            "resampled": False,
            **json.loads((self.captures / "source.json").read_text()),
        }
        kind = "resampled from real captures" if found["resampled"] else "real captures"
        return {**found, "kind": "simulated traffic" if found["simulated"] else kind}

    def held_out_from(self) -> dict[str, int]:
        """Of a resampled home, when (ns) the held-out part of each quarter begins; empty of any other."""
        begins = self.source().get("held_out_from", {})
        return {
            quarter: int(np.datetime64(time.removesuffix("Z"), "ns").astype("i8"))
            for quarter, time in begins.items()
        }

    def data_version(self) -> str:
        """The hash under which DVC knows data/captures; 'unversioned' where it does not."""
        for path, find in (("dvc.lock", _lock_hash), ("data/captures.dvc", _added_hash)):
            if (self.root / path).is_file() and (
                found := find(yaml.safe_load((self.root / path).read_text()))
            ):
                return found
        return "unversioned"

    def report(self, name: str) -> Any:
        """Read reports/<name>.json."""
        return json.loads((self.reports / f"{name}.json").read_text())

    def write_report(self, name: str, content: Any) -> Path:
        path = self.reports / f"{name}.json"
        write_whole(path, json.dumps(content, indent=1).encode())
        return path


def _lock_hash(lock: dict) -> str | None:
    stages = lock.get("stages", {}).values()
    outs = [out for stage in stages for out in stage.get("outs", [])]
    return next((out["md5"] for out in outs if out["path"] == "data/captures"), None)


def _added_hash(added: dict) -> str | None:
    return next((out.get("md5") for out in added.get("outs", [])), None)
