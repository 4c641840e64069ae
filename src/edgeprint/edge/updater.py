"""Pull this Pi's models from the signed repository: verify, prove, and only then swap.

    updater = Updater("https://models.example/edgeprint", state, root_bytes)
    updater.refresh()                       # the metadata; raises UntrustedModel
    folder = updater.pull("binary.camera-a")

state/
  metadata/              what TUF trusts so far
  versions/<digest>/     artifact folders, verified against the metadata and proven on their golden inputs
  current/<model>        symlink to the version in use

A model in use is never written to: a new one is downloaded beside it, proven, and the symlink replaced in one
step. Whatever goes wrong before that step leaves the old model in use.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import urllib3.exceptions
from tuf import ngclient
from tuf.api import exceptions as tuf

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.edge.bank import prove
from edgeprint.errors import BadArtifact, UntrustedModel

DIGEST = re.compile(r"[0-9a-f]{64}")
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")

# What TUF's errors mean to the owner of a Pi; the first type that fits speaks.
MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (tuf.ExpiredMetadataError, "offers expired metadata: it is frozen, or nobody refreshes it"),
    (tuf.UnsignedMetadataError, "offers metadata that the trusted keys did not sign"),
    (tuf.BadVersionNumberError, "offers metadata older than, or not of one state with, what was seen"),
    (tuf.LengthOrHashMismatchError, "offers a file other than the one that was signed"),
    (tuf.DownloadLengthMismatchError, "sends more than was signed"),
    (tuf.RepositoryError, "offers metadata that does not hold"),
    (Exception, "cannot be reached"),
)


class FolderFetcher(ngclient.FetcherInterface):
    """Reads a repository that is a folder on this machine, with a web server's answers."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            return iter([Path(url).read_bytes()])
        except FileNotFoundError as error:
            raise tuf.DownloadHTTPError(f"{url} does not exist", 404) from error


class Updater:
    """One look at the repository: refresh once, then pull models. Not for two processes on one `state`."""

    def __init__(
        self, repository: str, state: Path, root: bytes, prove: Callable[[Artifact], None] = prove
    ) -> None:
        """`repository` is a URL or a folder, `root` the root.json that this Pi was given out of band.

        Raises UntrustedModel when `root` is no root metadata.
        """
        self._repository, self._state, self._prove = repository.rstrip("/"), state, prove
        fetcher = None if is_url(repository) else FolderFetcher()
        with self._untrusted("root.json"):
            self._tuf = ngclient.Updater(
                str(state / "metadata"),
                f"{self._repository}/metadata/",
                target_base_url=f"{self._repository}/targets/",
                fetcher=fetcher,
                bootstrap=root,
            )

    def refresh(self) -> None:
        """Take over the newest metadata. Raises UntrustedModel."""
        with self._untrusted("metadata"):
            self._tuf.refresh()

    def pull(self, model: str) -> Path | None:
        """The verified, proven folder of the model, now `current`; None where the repository offers none.

        Raises UntrustedModel for what is not as signed, BadArtifact for what is but does not work.
        """
        if not MODEL_NAME.fullmatch(model):
            raise UntrustedModel(f"{model!r} is not a model's name")
        targets = self._targets(model)
        if targets is None:
            withdraw(self._state, model)
            return None
        digest = targets[0].custom["digest"]
        folder = self._state / "versions" / digest
        if not self._holds(model, folder, digest):
            self._download(model, targets, folder, digest)
        _point(self._state / "current" / model, folder)
        return folder

    def _targets(self, model: str) -> list[ngclient.TargetFile] | None:
        """The signed description of the model's four files, all of one artifact folder."""
        with self._untrusted(model):
            found = [self._tuf.get_targetinfo(f"{model}/{file}") for file in artifact.FILES]
        targets = [target for target in found if target is not None]
        if not targets:
            return None
        labels = [target.custom if isinstance(target.custom, dict) else {} for target in targets]
        digest = str(labels[0].get("digest"))
        if len(targets) < len(found) or labels != [{"model": model, "digest": digest}] * len(found):
            raise UntrustedModel(f"{self._repository} does not offer {model} as one whole model: {labels}")
        if not DIGEST.fullmatch(digest):
            raise UntrustedModel(f"{self._repository} offers {model} with {digest!r}, which is no digest")
        return targets

    def _download(self, model: str, targets: list[ngclient.TargetFile], folder: Path, digest: str) -> None:
        """Fetch into a folder of its own, prove, and give it its name only when it is on disk for good."""
        begun = folder.with_name(f"{digest}.begun")
        try:
            for target, file in zip(targets, artifact.FILES, strict=True):
                with self._untrusted(target.path):
                    self._tuf.download_target(target, str(begun / file))
                _sync(begun / file)
            self._prove(self._checked(model, begun, digest))
            shutil.rmtree(folder, ignore_errors=True)
            _sync(begun)
            begun.rename(folder)
            _sync(folder.parent)
        finally:
            shutil.rmtree(begun, ignore_errors=True)

    def _checked(self, model: str, folder: Path, digest: str) -> Artifact:
        """The artifact of that digest and name."""
        if artifact.digest(folder) != digest:
            raise UntrustedModel(f"the files of {model} are not those of {digest[:12]}")
        found = artifact.read(folder)
        if found.card.name != model:
            raise BadArtifact(f"{self._repository} offers {found.card.name!r} under the name {model!r}")
        return found

    def _holds(self, model: str, folder: Path, digest: str) -> bool:
        """Whether an earlier pull left the model whole on this disk."""
        try:
            return self._checked(model, folder, digest) is not None
        except (OSError, UntrustedModel, BadArtifact):
            return False

    @contextlib.contextmanager
    def _untrusted(self, what: str) -> Iterator[None]:
        """Every error of TUF and of the way to it as one sentence. Errors of this Pi's own disk pass."""
        try:
            yield
        except (tuf.RepositoryError, tuf.DownloadError, urllib3.exceptions.HTTPError) as error:
            meaning = next(text for kind, text in MEANINGS if isinstance(error, kind))
            raise UntrustedModel(f"{self._repository} {meaning} ({what}: {_said(error)})") from error


def is_url(repository: str) -> bool:
    return repository.startswith(("http://", "https://"))


def current(state: Path, model: str) -> Path | None:
    """The model's folder in use: the last known good one."""
    link = state / "current" / model
    return link.resolve() if link.is_dir() else None


def withdraw(state: Path, model: str) -> None:
    """Stop using a model that the repository no longer offers."""
    (state / "current" / model).unlink(missing_ok=True)


def _point(link: Path, folder: Path) -> None:
    """Let the symlink name the folder, in one step."""
    target = Path("..") / folder.parent.name / folder.name
    if link.is_symlink() and link.readlink() == target:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    begun = link.with_name(f".{link.name}.begun")
    begun.unlink(missing_ok=True)
    begun.symlink_to(target)
    begun.replace(link)
    _sync(link.parent)


def _sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _said(error: BaseException) -> str:
    """The error's own words, or those of what caused it."""
    cause = getattr(error, "reason", None) or (None if str(error) else error.__cause__)
    return _said(cause) if isinstance(cause, BaseException) else str(error) or type(error).__name__
