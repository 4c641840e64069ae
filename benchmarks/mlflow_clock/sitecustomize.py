"""In every Python process of a measured run: the seconds that it spends in MLflow, written at its end.

A folder that is first on PYTHONPATH with this file in it; EDGEPRINT_MLFLOW_SECONDS names where to write.
"""

import atexit
import functools
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

seconds = [0.0]
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
            seconds[0] += time.perf_counter() - begin

    return wrapper


class Finder:
    """Wraps the public methods of MlflowClient once its module is imported, and is gone."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != "mlflow.tracking.client":
            return None
        sys.meta_path.remove(finder)
        spec: Any = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            for key, method in vars(module.MlflowClient).copy().items():
                if callable(method) and not key.startswith("_"):
                    setattr(module.MlflowClient, key, timed(method))
            atexit.register(write)

        spec.loader.exec_module = exec_module
        return spec


def write() -> None:
    (Path(os.environ["EDGEPRINT_MLFLOW_SECONDS"]) / str(os.getpid())).write_text(str(seconds[0]))


finder: Any = Finder()
sys.meta_path.insert(0, finder)
