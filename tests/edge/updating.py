"""A Pi that pulls the camera's model, and what stands on its disk meanwhile."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulated_home import Home
from tuf.api.metadata import TargetFile

from edgeprint.edge.updater import Updater
from edgeprint.errors import BadArtifact, UntrustedModel
from edgeprint.fleet import seal
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.keys import Keys
from edgeprint.whole_file import write_whole

CAMERA = "binary.camera"
REFUSED = (UntrustedModel, BadArtifact)


def now() -> datetime:
    return datetime.now(UTC)


def updater(home: Home, repository: str | None = None, pi: str | None = None, **options: object) -> Updater:
    return Updater(repository or home.url, home.state, home.root, pi=pi, **options)


def pull(
    home: Home,
    repository: str | None = None,
    *,
    model: str = CAMERA,
    pi: str | None = None,
    **options: object,
) -> Path | None:
    look = updater(home, repository, pi, **options)
    look.refresh()
    found = look.pull(model)
    look.finish()
    return found


def on_disk(*folders: Path) -> dict[str, object]:
    """Every file's bytes and every link's target."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
    return {str(p): p.readlink() if p.is_symlink() else p.is_file() and p.read_bytes() for p in paths}


def in_use(home: Home) -> dict[str, object]:
    return on_disk(home.state / "versions", home.state / "current", home.state / "previous")


def refuses(home: Home, sentence: str, attempt: Callable[[], object] | None = None) -> None:
    """The attempt, a pull by default, fails with that sentence, and the models in use stay."""
    before = in_use(home)
    with pytest.raises(REFUSED, match=sentence):
        (attempt or (lambda: pull(home)))()
    assert in_use(home) == before


def signers(home: Home, role: str) -> list:
    """Who may sign for a role of the root now."""
    root = Chain.read(home.folder).root.signed
    return Keys(home.keys).signers(role, [root.get_key(k) for k in root.roles[role].keyids])


def signed_by_an_insider(home: Home, change: Callable[[dict[str, TargetFile]], None]) -> None:
    """New metadata of the camera's files with `change` made to them, signed with the right keys."""
    chain, keys = Chain.read(home.folder), Keys(home.keys)
    role, targets = chain.roles[CAMERA].signed, chain.targets.signed
    change(role.targets)
    for name, signed in ((CAMERA, role), ("targets", targets)):
        signed.version = seal.next_version(home.folder, name)
        seal.store(home.folder, signed, name, signers(home, "targets"), now())
    seal.seal(home.folder, keys, now())


def release_by_an_insider(home: Home, manifest: bytes) -> None:
    """The newest release says something else, signed with the right keys."""
    chain, keys = Chain.read(home.folder), Keys(home.keys)
    targets = chain.targets.signed
    (path,) = targets.targets
    target = targets.targets[path] = TargetFile.from_data(path, manifest)
    write_whole(home.folder / "targets" / target.get_prefixed_paths()[0], manifest)
    targets.version = seal.next_version(home.folder, "targets")
    seal.store(home.folder, targets, "targets", signers(home, "targets"), now())
    seal.seal(home.folder, keys, now())
