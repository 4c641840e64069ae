"""Segments of two cameras and two hubs, as the extraction leaves them: what trains an LSTM-CNN in seconds."""

import json
from pathlib import Path

import numpy as np
import yaml

from edgeprint import feature_table
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn.features import MINUTE_NS, schema
from edgeprint.stages.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]
LEVEL = {"camera": 400, "hub": 40}


def rows(device: str, level: float, seed: int) -> FeatureTable:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    columns = schema(5, params["lstm_cnn"]["features"]["columns"])
    values = level * np.random.default_rng(seed).lognormal(0, 0.3, (240, len(columns.columns)))
    return FeatureTable.of(columns, device, "monday", np.arange(240) * 5 * MINUTE_NS, values)


def segment_home(root: Path) -> Workspace:
    made = Workspace(root)
    made.captures.mkdir(parents=True)
    (made.captures / "source.json").write_text(json.dumps({"simulated": True}))
    names = [f"{category}-{i}" for category in LEVEL for i in "ab"]
    lines = [f"02:00:00:00:00:0{i},{name},{name[:-2]},1" for i, name in enumerate(names)]
    (made.captures / "devices.csv").write_text("\n".join(["mac,device,category,iot", *lines]))
    table = FeatureTable.concatenate([rows(n, LEVEL[n[:-2]], i) for i, n in enumerate(names)])
    feature_table.write(table, made.features / "lstm_cnn")
    set_numbers(made, epochs=3)
    return made


def set_numbers(workspace: Workspace, *, sections: dict[str, dict] | None = None, **training: float) -> None:
    """The repository's params.yaml, other numbers of the LSTM-CNN's training, and of other sections."""
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["lstm_cnn"]["train"] |= training
    for section, numbers in (sections or {}).items():
        params[section] |= numbers
    (workspace.root / "params.yaml").write_text(yaml.safe_dump(params))
