"""A registered version made anew from the data version that it names, and compared with what is registered.

    rebuilt = rebuild(workspace, "binary.camera-a", 3, into=folder)
    rebuilt.differing, rebuilt.apart          # nothing and 0.0 where it is the same, byte for byte

`into` becomes a workspace: the captures come out of DVC's cache or remote by their hash, whatever the
workspace holds today, and the numbers out of the run that trained the version. One that was trained on from
another begins from that one's registered weights. The new training is a run of the same MLflow, of the stage
`rebuild`.
"""

from __future__ import annotations

import json
import tempfile
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from edgeprint import artifact
from edgeprint.errors import NotRebuilt, UnknownModel
from edgeprint.litert import Runner
from edgeprint.progress import track
from edgeprint.registry import promote, tracking
from edgeprint.stages import champions, extract, programs
from edgeprint.stages.methods import key_of
from edgeprint.stages.train import NUMBERS, Trained, Trainer
from edgeprint.stages.workspace import Workspace


@dataclass(frozen=True)
class Rebuilt:
    """What came of it. `differing`: files that are not the same, the card's git revision aside; `apart`: the
    largest difference of an answer to the golden inputs; `before`: the version that it was trained on from.
    """

    version: promote.Version
    before: promote.Version | None
    data_version: str
    trained_on: str
    code: tuple[str, str]  # git revision then, and now
    differing: list[str]
    apart: float

    def __str__(self) -> str:
        name, (then, now) = f"{self.version.name} version {self.version.number}", self.code
        start = f"on from version {self.before.number}" if self.before else "from scratch"
        came = f"differs in {', '.join(self.differing)}; its answers are up to {self.apart:.2g} apart"
        return "\n".join(
            [
                f"{name}, trained {start} through {self.trained_on}",
                f"data version {self.data_version}",
                f"code {then}{'' if then == now else f', here {now}'}",
                f"rebuilt: {came if self.differing else 'the same, byte for byte'}",
            ]
        )


def rebuild(workspace: Workspace, name: str, number: int | None, into: Path) -> Rebuilt:
    """Train a version, by default the champion, again in the empty folder `into`.

    Raises UnknownModel, and NotRebuilt where its numbers, its data or what it began from cannot be had.
    """
    key = key_of(name)
    tracking.open_store(workspace.state, workspace.mlflow())
    version = promote.version(name, number) if number else promote.champion(name)
    if version is None:
        raise UnknownModel(f"{name} has no champion; --version N names one of its versions")
    run = tracking.tags_of(version.run_id)
    made = _lay_out(workspace, version, into)
    _check_out(workspace, made, run["data_version"])
    extract_all(made)
    trainer = Trainer(made, key, stage="rebuild")
    if run["trained_on"] not in trainer.data.names:
        raise NotRebuilt(f"{run['trained_on']}, on which {name} was trained, is no interval of {made.root}")
    before = _before(version, run["trained_from"])
    trained = trainer.train(
        name,
        trainer.data.names.index(run["trained_on"]),
        made.models / key / name,
        initial=champions.fetch(trainer, before) if before else None,
    )
    kept = champions.fetch(trainer, version)
    return Rebuilt(
        version,
        before,
        run["data_version"],
        run["trained_on"],
        (run["git_revision"], tracking.git_revision()),
        differing(kept.folder, trained.folder),
        _apart(kept, trained),
    )


def _lay_out(workspace: Workspace, version: promote.Version, into: Path) -> Workspace:
    """A workspace with the numbers of then, whose runs go where the version is registered."""
    if into.exists() and any(into.iterdir()):
        raise NotRebuilt(f"{into} is not empty: a version is rebuilt where nothing else is")
    numbers = tracking.text_of(version.run_id, NUMBERS)
    if numbers is None:
        raise NotRebuilt(
            f"{version.name} version {version.number} was trained before runs kept their numbers"
        )
    into.mkdir(parents=True, exist_ok=True)
    (into / "params.yaml").write_text(numbers)
    made = Workspace(into, store=tracking.store_uri(workspace.state, workspace.mlflow()))
    made.params()  # numbers that the code of today refuses are named here
    return made


def _check_out(workspace: Workspace, made: Workspace, data_version: str) -> None:
    """data/captures of that version: from the workspace's cache, else from its remote."""
    programs.dvc_says(made, "init", "--no-scm")
    _share_stores(workspace, made)
    described = {"outs": [{"md5": data_version, "hash": "md5", "path": made.captures.name}]}
    made.captures.parent.mkdir(parents=True)
    (made.captures.parent / "captures.dvc").write_text(yaml.safe_dump(described))
    try:
        programs.dvc_says(made, "checkout", "data/captures.dvc")
    except programs.ProgramFailed:
        try:
            programs.dvc_says(made, "pull", "data/captures.dvc")
        except programs.ProgramFailed as error:
            raise NotRebuilt(
                f"{data_version} is neither in DVC's cache nor to be had from its remote: {error}"
            ) from None


def _share_stores(workspace: Workspace, made: Workspace) -> None:
    """The cache and the remotes of a workspace in another one's configuration."""
    home, config = workspace.root.resolve() / ".dvc", ConfigParser(interpolation=None)  # a % is a %
    config.read([home / "config", home / "config.local"])
    for section in config.values():
        url = section.get("url", "")
        if url and "://" not in url:
            section["url"] = str((home / url).resolve())
    if not config.has_section("cache"):
        config.add_section("cache")
    config["cache"]["dir"] = programs.dvc_says(workspace, "cache", "dir")
    local = made.root / ".dvc/config.local"
    local.touch(mode=0o600)  # a remote's password may stand in it
    with local.open("w") as file:
        config.write(file)


def extract_all(made: Workspace) -> None:
    """The rows of every method, here and in this process: no server, no stage."""
    inventory, numbers = made.inventory(), made.params()
    made.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.state) as parts:
        rows = [
            extract.extract_capture(
                path, str(path.relative_to(made.captures)), inventory, numbers, Path(parts)
            )
            for path in track(extract.captures_of(made.captures), "captures")
        ]
        extract.store(rows, inventory, made, Path(parts))


def _before(version: promote.Version, digest: str) -> promote.Version | None:
    """The version whose artifact has this digest; None where the training began from scratch."""
    if not digest:
        return None
    found = promote.with_digest(version.name, digest)
    if found is None:
        raise NotRebuilt(
            f"{version.name} version {version.number} was trained on from a model that is not registered"
        )
    return found


def differing(kept: Path, made: Path) -> list[str]:
    """Files of a model's folder, its weights and its artifact, that are not the same in another."""
    names = [path.relative_to(kept) for path in sorted(kept.rglob("*")) if path.is_file()]
    names = [name for name in names if name.name != promote.ABOUT]
    return [str(name) for name in names if _content(kept / name) != _content(made / name)]


def _content(path: Path) -> Any:
    """The bytes; of a card what other code may not change either."""
    if not path.is_file():
        return None
    if path.name == "card.json":
        return {**json.loads(path.read_text()), "git_revision": None}
    return path.read_bytes()


def _apart(kept: Trained, made: Trained) -> float:
    stored = artifact.read(kept.artifact)
    answers = Runner(artifact.read(made.artifact).tflite)(stored.golden_inputs)
    return float(np.abs(answers - stored.golden_outputs).max())
