"""A small simulated home over three quarters, in which one device gets new firmware in the last one."""

import tempfile
from dataclasses import replace
from pathlib import Path

import yaml

from edgeprint.stages import extract
from edgeprint.stages.retrain import Walk
from edgeprint.stages.train import Trainer
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed import home, profiles

REPOSITORY = Path(__file__).resolve().parents[2]
DEVICES = ("camera-a", "plug-a", "plug-b")
UPDATED = "plug-a"
FIRMWARE = {
    "quarter": 3,
    "what": "keep-alives every second, eight times as large; ARP more often",
    "set": {
        "beat.0.periods": [1],
        "beat.0.up": [700, 20],
        "beat.0.down": [60, 5],
        "arp": 15,
    },
}
NUMBERS = {
    "intervals": {"by": "calendar", "test_fraction": 0.4},
    "binary": {
        "train": {"width": 30, "samples": 150, "epochs": 8},
        "evaluate": {"runs": 8, "run_length": 20},
    },
    "policy": {"max_f1_drop": 0.25, "min_f1": 0.5},
    "gate": {"max_latency_ms": 1000.0},
}


def members() -> list[profiles.Member]:
    """The devices without the updates of their profiles, but for the scripted one; and the people's own."""
    everyone = profiles.cast(6)
    chosen = [m for m in everyone if m.name in DEVICES or m.number >= 200]
    return [replace(m, raw={**m.raw, "update": [FIRMWARE] if m.name == UPDATED else []}) for m in chosen]


def write(root: Path, monkeypatch, *, hours: float = 3, method: str = "binary") -> Workspace:
    """A workspace with captures, params and the rows of one method."""
    workspace = Workspace(root)
    monkeypatch.setattr(home, "cast", lambda devices: members())
    home.simulate(workspace.captures, devices=len(DEVICES), quarters=3, hours=hours, seed=5)
    numbers = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump(_replaced(numbers, NUMBERS)))
    inventory, params = workspace.inventory(), workspace.params()
    with tempfile.TemporaryDirectory() as parts:
        for path in extract.captures_of(workspace.captures):
            extract.extract_capture(path, path.name, inventory, params, Path(parts), (method,))
        extract.put_together(Path(parts), method, workspace.features / method, list(inventory.devices))
    return workspace


def walk(trainer: Trainer) -> list[dict]:
    """Through every interval, as the flow does."""
    walk = Walk(trainer, {"models": {}})
    return [walk.step(name, i) for i in range(len(trainer.data.names)) for name in trainer.names]


def _replaced(old: dict, new: dict) -> dict:
    both = {key: _replaced(old[key], value) for key, value in new.items() if isinstance(value, dict)}
    return {**old, **new, **both}
