"""Databases without a row, made once in an installation: a workspace begins with copies.

    make()                                        # edgeprint compile
    begin("prefect", state / "prefect/prefect.db")

Their tables, with every migration of many years, take Prefect seven seconds of a processor and MLflow one;
a copy takes none.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from edgeprint.progress import track
from edgeprint.whole_file import sync, write_whole

FOLDER = Path(sys.prefix) / "share" / "edgeprint"
QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
COMMANDS = {
    "prefect": ["-m", "prefect", "server", "database", "upgrade", "--yes"],
    "mlflow": ["-m", "mlflow", "db", "upgrade", "sqlite:///mlflow.db"],
}


def make() -> None:
    """One of each in this installation, where its folder can be written. Raises CalledProcessError."""
    for name, command in track(list(COMMANDS.items()), "empty databases"):
        with tempfile.TemporaryDirectory() as folder:
            others = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "MLFLOW_"))}
            own = {**others, **QUIET, "PREFECT_HOME": folder}  # no database that a person's settings name
            subprocess.run([sys.executable, *command], cwd=folder, env=own, check=True, capture_output=True)
            try:
                for old in FOLDER.glob(f"{name}-*.db"):
                    old.unlink()
                write_whole(_kept(name), (Path(folder) / f"{name}.db").read_bytes())
            except OSError:
                return


def begin(name: str, path: Path) -> None:
    """Put a copy at `path`, unless a database is there or this installation has made none."""
    if path.exists() or not _kept(name).is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    copy = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.copyfile(_kept(name), copy)
    sync(copy)
    with contextlib.suppress(OSError):  # another process was faster, or the disk knows no second name
        os.link(copy, path)
    copy.unlink()


def _kept(name: str) -> Path:
    return FOLDER / f"{name}-{version(name)}.db"
