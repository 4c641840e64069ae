"""In every Python process of a measured run: what its seconds went to, written at its end as JSON.

`mlflow`: in MLflow's client, and to import it. `program`: all of an edgeprint command's, which is no flow.
A folder that is first on PYTHONPATH with this file in it; EDGEPRINT_SECONDS names where to write.
"""

import atexit
import functools
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

began = time.perf_counter()
mlflow = [0.0]
inside = [False]


def timed(method: Any) -> Any:
    @functools.wraps(method)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        if inside[0]:  # one of its methods calls another
            return method(*arguments, **options)
        begin, inside[0] = time.perf_counter(), True
        try:
            return method(*arguments, **options)
        finally:
            inside[0] = False
            mlflow[0] += time.perf_counter() - begin

    return wrapper


def wrap_client(module: Any) -> None:
    for key, method in vars(module.MlflowClient).copy().items():
        if callable(method) and (key == "__init__" or not key.startswith("_")):
            setattr(module.MlflowClient, key, timed(method))


class Finder:
    """Times the first import of MLflow, and wraps the methods of its client."""

    def __init__(self) -> None:
        self.after = {"mlflow": lambda module: None, "mlflow.tracking.client": wrap_client}

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name not in self.after:
            return None
        after = self.after.pop(name)
        spec: Any = importlib.util.find_spec(name)
        load = timed(spec.loader.exec_module)

        def exec_module(module: Any) -> None:
            load(module)
            after(module)

        spec.loader.exec_module = exec_module
        return spec


def write() -> None:
    is_program = Path(sys.argv[0]).name == "edgeprint"
    seconds = {"mlflow": mlflow[0], "program": is_program * (time.perf_counter() - began)}
    (Path(os.environ["EDGEPRINT_SECONDS"]) / f"{os.getpid()}.json").write_text(json.dumps(seconds))


sys.meta_path.insert(0, Finder())
atexit.register(write)
