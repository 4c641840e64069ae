"""How a workspace comes to be: the repository's stages and numbers in a folder of its own.

lay_out(workspace, repository, data / "params.yaml")   numbers of DIR in place of the repository's
claim(workspace, data)                                 it mirrors DIR, and no other folder of that name
with_git(workspace)                                    every quarter and every run a commit of its own
"""

from __future__ import annotations

import os
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import yaml

from edgeprint.errors import BadParams, EdgeprintError
from edgeprint.stages import programs
from edgeprint.stages.workspace import Workspace

IGNORED = "/state/\n/quarantine/\n"


class WrongWorkspace(EdgeprintError):
    """A folder is no workspace, or is one of something else."""


def is_workspace(folder: Path) -> bool:
    return (folder / "dvc.yaml").is_file() and (folder / ".dvc").is_dir()


def lay_out(workspace: Workspace, repository: Path, own: Path) -> None:
    """Write dvc.yaml and params.yaml: the repository's, but for the simulated home and the numbers in `own`.

    Raises BadParams where a number is refused, before anything is written that a run would read.
    """
    numbers = _replaced(_read(repository / "params.yaml"), _read(own))
    workspace.root.mkdir(parents=True, exist_ok=True)
    stages = _read(repository / "dvc.yaml")
    del stages["stages"]["testbed"]
    stages["vars"] = [{"code": os.path.relpath(repository.resolve(), workspace.root.resolve())}]
    if _read(workspace.root / "params.yaml") != numbers:  # a person's own comments stay
        _write(workspace.root / "params.yaml", numbers)
    workspace.params()
    _write(workspace.root / "dvc.yaml", stages)
    if not (workspace.root / ".dvc").exists():
        with_git = [] if programs.is_git(workspace) else ["--no-scm"]
        programs.dvc_says(workspace, "init", *with_git)
        _settle_dvc(workspace.root / ".dvc/config")


def _settle_dvc(path: Path) -> None:
    """Also a person's own dvc commands send nothing anywhere."""
    config = ConfigParser()
    config.read(path)
    if not config.has_section("core"):
        config.add_section("core")
    config["core"].update({"analytics": "false", "check_update": "false"})
    with path.open("w") as file:
        config.write(file)


def with_git(workspace: Workspace) -> None:
    """Make a new workspace a git repository of its own, where there is git; dvc diff and exp show need it."""
    if shutil.which("git") is None:
        return
    workspace.root.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet"], cwd=workspace.root, check=True)
    (workspace.root / ".gitignore").write_text(IGNORED)
    (workspace.root / ".dvcignore").write_text(IGNORED)


def claim(workspace: Workspace, data: Path) -> None:
    """Remember which folder the workspace mirrors. Raises WrongWorkspace where it mirrors another one."""
    mark = workspace.root / "mirrors.txt"
    before = Path(mark.read_text().strip()) if mark.is_file() else None
    if before not in (None, data.resolve()) and before.exists():
        raise WrongWorkspace(
            f"{workspace.root} holds the runs of {before}, and {data.resolve()} has the same name: "
            "rename one of the two folders"
        )
    if before is None and programs.is_git(workspace):
        raise WrongWorkspace(f"{workspace.root} is filled by edgeprint ingest: {data} needs another name")
    workspace.root.mkdir(parents=True, exist_ok=True)
    mark.write_text(f"{data.resolve()}\n")


def _read(path: Path) -> dict[str, Any]:
    """A YAML mapping; an empty one where the file is missing or empty."""
    try:
        found = yaml.safe_load(path.read_text()) if path.is_file() else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadParams(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if found is not None and not isinstance(found, dict):
        raise BadParams(f"{path} holds {found!r:.60}, expected sections such as intervals: {{by: shares}}")
    return found or {}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def _replaced(old: dict, new: dict) -> dict:
    """`old` with the keys of `new`, section by section; unknown keys stay in, to be refused later."""
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(old.get(key), dict)
        merged[key] = _replaced(old[key], value) if both else value
    return merged
