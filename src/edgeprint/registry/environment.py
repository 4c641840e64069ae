"""What a stored model needs to be loaded elsewhere: pinned packages, and the part of edgeprint that predicts.

write(path)        # path/requirements.txt, python_env.yaml, conda.yaml, code/

An MLflow model of edgeprint then loads in any process with these packages, edgeprint installed or not.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import edgeprint

RUNTIME = ("ai-edge-litert", "mlflow", "numpy")  # all that predicting takes besides edgeprint
CODE, LOADER = "code", "edgeprint_loader"
BUNDLED = (
    "__init__.py",
    "artifact.py",
    "errors.py",
    "litert.py",
    "schema.py",
    "binary/__init__.py",
    "binary/features.py",
    "packets/__init__.py",
    "packets/table.py",
    "registry/__init__.py",
    "registry/identify.py",
    "registry/tflite_model.py",
)


def write(path: Path) -> None:
    """Beside the MLmodel file, which must name CODE and LOADER."""
    pins = [f"{name}=={version(name)}" for name in RUNTIME]
    (path / "requirements.txt").write_text("\n".join(pins) + "\n")
    python = ".".join(map(str, sys.version_info[:3]))
    environment = {"python": python, "dependencies": ["-r requirements.txt"]}
    (path / "python_env.yaml").write_text(json.dumps(environment, indent=1) + "\n")
    conda = {
        "name": "edgeprint",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": pins}],
    }
    (path / "conda.yaml").write_text(json.dumps(conda, indent=1) + "\n")
    _bundle(path / CODE)


def _bundle(folder: Path) -> None:
    package = Path(edgeprint.__file__).parent
    for name in BUNDLED:
        target = folder / "bundled/edgeprint" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / name, target)
    shutil.copyfile(package / "registry/loader.py", folder / f"{LOADER}.py")
