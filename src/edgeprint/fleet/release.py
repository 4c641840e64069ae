"""A release: which version of each model, numbered, as one small signed file.

release = next_release(chain, {"binary.camera-a": folder})
release.changed                      # models that differ from the newest release
release.manifests, release.roles     # the targets that name it, and each model's
print(proposed(folder))              # what waits for signatures, model by model

A release lists a digest a model. Two are on offer at a time: the one that everybody runs, to which Pis
return, and the newest; a model's files stay as long as one of the two lists them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuf.api.metadata import TargetFile

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.fleet import files
from edgeprint.fleet.chain import Chain, releases

# A path with no way up, a family and a name: so that no model's role is called root, targets or rings.
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)+")


@dataclass(frozen=True)
class Release:
    number: int
    changed: list[str]  # models added, replaced or withdrawn
    manifests: dict[str, TargetFile]  # of this release and those that stay on offer
    roles: dict[str, dict[str, TargetFile]]  # by model, the files of its versions
    artifacts: dict[str, Path]
    manifest: bytes

    def files(self) -> Iterator[tuple[str, bytes]]:
        """What is to be written below targets/."""
        for model, folder in self.artifacts.items():
            for path, target in self.roles[model].items():
                if path.split("/")[1] == artifact.digest(folder):
                    yield target.get_prefixed_paths()[0], (folder / Path(path).name).read_bytes()
        (stored,) = self.manifests[_path(self.number)].get_prefixed_paths()
        yield stored, self.manifest


def next_release(chain: Chain, artifacts: dict[str, Path]) -> Release:
    """These models as the release after the newest one. Raises BadArtifact."""
    wanted = {model: _targets(model, folder) for model, folder in sorted(artifacts.items())}
    digests = {model: artifact.digest(folder) for model, folder in sorted(artifacts.items())}
    before, plan = chain.releases(), chain.plan()
    newest = before.get(max(before, default=0), {})
    changed = sorted({model for model, _ in newest.items() ^ digests.items()})
    number = max(before, default=0) + bool(changed or not before)
    kept = {n: models for n, models in before.items() if n in (plan.stable, number) and n != number}
    manifest = json.dumps({"release": number, "models": digests}, separators=(",", ":")).encode()
    manifests = {_path(n): chain.targets.signed.targets[_path(n)] for n in kept}
    manifests[_path(number)] = TargetFile.from_data(_path(number), manifest)
    roles = {model: dict(wanted.get(model, {})) for model in sorted({*wanted, *_models(kept)})}
    for models in kept.values():
        for model, digest in models.items():
            roles[model] |= _of_digest(chain.roles[model].signed.targets, digest)
    return Release(number, changed, manifests, roles, artifacts, manifest)


@dataclass(frozen=True)
class Proposal:
    """A release that waits for signatures, and the newest that has them: digests by model."""

    number: int
    models: dict[str, str]
    before: dict[str, str]

    def __str__(self) -> str:
        """A line a model, as `fleet status` shows it, and what becomes of it."""
        lines = [f"release {self.number} would be:"]
        for model in sorted({*self.models, *self.before}):
            new, old = self.models.get(model), self.before.get(model)
            what = "as before" if new == old else f"in place of {old[:12]}" if old else "new"
            lines.append(f"  {model:<32} {new[:12]}  {what}" if new else f"  {model:<32} withdrawn")
        return "\n".join(lines)


def proposed(folder: Path) -> Proposal:
    """What the newest targets name, signed or not: for whoever is asked to sign. Raises SigningFailed."""
    chain, newest = Chain.read(folder), files.versions(folder, "targets")[0]
    offered = releases(folder, files.load(folder, "targets", newest).signed)
    before, number = chain.releases(), max(offered, default=0)
    return Proposal(number, offered.get(number, {}), before.get(max(before, default=0), {}))


def _targets(model: str, folder: Path) -> dict[str, TargetFile]:
    """The four targets of an artifact, below its digest."""
    card = artifact.read(folder).card
    if not MODEL_NAME.fullmatch(model) or card.name != model:
        raise BadArtifact(f"{folder} holds {card.name!r} and cannot be published as {model!r}")
    digest = artifact.digest(folder)
    paths = {f"{model}/{digest}/{file}": folder / file for file in artifact.FILES}
    return {path: TargetFile.from_file(path, str(file)) for path, file in paths.items()}


def _of_digest(targets: dict[str, TargetFile], digest: str) -> dict[str, TargetFile]:
    return {path: target for path, target in targets.items() if path.split("/")[1] == digest}


def _models(releases: dict[int, dict[str, str]]) -> set[str]:
    return {model for models in releases.values() for model in models}


def _path(number: int) -> str:
    return f"releases/{number}.json"
