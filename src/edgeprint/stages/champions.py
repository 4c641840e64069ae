"""Models of the registry as the stages use them: with their weights, to judge by and to train on from.

champion = fetch(trainer, promote.champion("binary.camera-a"))
version = enter(trainer, challenger)
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from edgeprint.errors import UnknownModel
from edgeprint.registry import flavor, promote
from edgeprint.stages.train import Trained, Trainer

UNKNOWN_INTERVAL = -1


def enter(trainer: Trainer, trained: Trained) -> promote.Version:
    """Register a model as challenger, with its weights, so that any machine can go on from it."""
    about = {
        "interval": trainer.data.names[trained.interval],
        "scores": trained.scores.to_dict(),
        "parity": trained.parity,
    }
    return promote.register(
        trained.run_id, trained.artifact, trained.name, source=trained.folder, about=about
    )


def fetch(trainer: Trainer, version: promote.Version) -> Trained:
    """A registered version with its weights; fetched once.

    Its interval is UNKNOWN_INTERVAL where it was trained on one that is not among the captures of today.
    Raises UnknownModel where it was registered without weights.
    """
    place = trainer.workspace.state / "champions" / f"{version.name}-{version.number}-{version.digest[:16]}"
    if not (place / "whole").exists():
        _download(version, place)
    folder = place / promote.SOURCE
    about = promote.read_about(folder)
    names = trainer.data.names
    index = names.index(about["interval"]) if about["interval"] in names else UNKNOWN_INTERVAL
    entry = {**about, "run_id": version.run_id, "folder": str(folder.resolve())}
    return trainer.load(version.name, index, entry)


def _download(version: promote.Version, place: Path) -> None:
    """The weights with the artifact beside them, as a training leaves them; complete or not there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".begun-") as begun:
        folder = promote.fetch_source(version, Path(begun))
        fetched = flavor.load_model(version.uri, Path(begun) / "model").artifact.folder
        fetched.rename(folder / "artifact")
        (Path(begun) / "whole").touch()
        try:
            Path(begun).rename(place)
        except OSError as error:
            if not (place / "whole").exists():  # another process was faster otherwise
                raise UnknownModel(f"{version.name} cannot be kept in {place}: {error}") from error
        Path(begun).mkdir(exist_ok=True)  # for the temporary folder to remove
