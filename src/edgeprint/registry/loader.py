"""What mlflow.pyfunc imports to load a model of edgeprint; a copy of this file travels with every model.

Where edgeprint is installed, that is what runs the model. Where it is not, the part of it that predicting
takes lies beside the copy.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if find_spec("edgeprint") is None:
    sys.path.append(str(Path(__file__).with_name("bundled")))


def _load_pyfunc(path: str) -> Any:
    from edgeprint.registry import identify, tflite_model

    folder = Path(path)
    return identify.load(folder) if identify.is_stored_in(folder) else tflite_model.load(folder)
