"""Prefect flows, one a file: thin wrappers that map the stages over captures, models and intervals.

@task(**FROM_THE_STORE)     may be tried again when a server or disk is away for a while
def step(...): ...

main(retrain)               a flow as a program
"""
# ruff: noqa: E402

import gc

gc.set_threshold(10_000, 20, 50)  # or it takes a quarter of the time to import torch, MLflow and TensorFlow

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.cache_policies import NO_CACHE

from edgeprint.errors import EdgeprintError
from edgeprint.stages import prefect_server
from edgeprint.stages.workspace import Workspace

AWAY = {None, "INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"}


def is_away(error: BaseException) -> bool:
    """Whether a server, the network or a disk is to blame, so that another try may do."""
    if isinstance(error, OSError):
        return True
    of_mlflow = type(error).__module__.startswith("mlflow.")
    return of_mlflow and getattr(error, "error_code", None) in AWAY


def _worth_another_try(task: Any, task_run: Any, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and is_away(error)


FROM_THE_STORE: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [1, 10, 60],
    "retry_condition_fn": _worth_another_try,
    "cache_policy": NO_CACHE,  # DVC and the checkpoints remember; hashing every table again costs seconds
}


class Plain(logging.Filter):
    """What went wrong on purpose, or elsewhere, is a sentence in Prefect's log, not a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, EdgeprintError) or (error and is_away(error)):
            record.exc_info = None
        return True


for _name in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_name).addFilter(Plain())


def main(flow: Callable[..., object], *arguments: str) -> None:
    """Run a flow as a program: what goes wrong on purpose, or elsewhere, ends with a sentence and status 1.

    The sentence is kept for the page, which shows what was done before.
    """
    try:
        prefect_server.await_start()
        flow(*arguments)
    except Exception as error:
        if not isinstance(error, EdgeprintError) and not is_away(error):
            raise
        sentence = str(error) if isinstance(error, EdgeprintError) else _away(error)
        print(f"edgeprint: {sentence}", file=sys.stderr)
        stopped = Workspace(Path()).stopped
        stopped.parent.mkdir(exist_ok=True)
        stopped.write_text(sentence)
        raise SystemExit(1) from None
    finally:
        gc.freeze()  # or the interpreter looks through all of Prefect and TensorFlow on its way out: seconds


def _away(error: Exception) -> str:
    where = "a server or disk"
    if type(error).__module__.startswith("mlflow."):
        import mlflow

        where = f"MLflow at {mlflow.get_tracking_uri()}"
    why = " ".join(str(error).split())[:300]
    return f"{where} does not answer ({why}); what was finished is kept: run it again"
