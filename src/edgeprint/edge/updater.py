"""Pull this Pi's models from the signed repository: verify, prove, and only then swap.

    updater = Updater("https://models.example/edgeprint", state, root_bytes, pi="pi-kitchen")
    updater.refresh()                       # the metadata and this Pi's release; raises UntrustedModel
    folder = updater.pull("binary.camera-a")

A model in use is never written to: a new one is downloaded beside it, proven in a process of its own, and the
symlink replaced in one step (versions.py). Whatever goes wrong before that step leaves the old model in use.
A model that replaces another one begins on trial (trials.py); one that fails is quarantined and never pulled
again. Which release this Pi runs it finds itself, in a plan that is a signed static file (edgeprint.rings).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3.exceptions
from tuf import ngclient
from tuf.api import exceptions as tuf

from edgeprint import artifact
from edgeprint.edge import fetch
from edgeprint.edge.identity import pi_id
from edgeprint.edge.selftest import prove_apart
from edgeprint.edge.tuf_client import Client
from edgeprint.edge.versions import MODEL_NAME, Quarantined, Versions
from edgeprint.errors import BadArtifact, BadPlan, UntrustedModel
from edgeprint.rings import LARGEST_BYTES, NO_RELEASE, Plan
from edgeprint.whole_file import sync, write_whole

PLAN = "rings/plan.json"
LOCK = threading.RLock()  # two threads of one agent pull: what is new, and what a person just named
LARGEST_FILE = 64 * 2**20  # of a model: what a Pi has room for, whatever was signed

# What TUF's errors mean to the owner of a Pi; the first type that fits speaks.
MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (tuf.ExpiredMetadataError, "offers expired metadata: it is frozen, or nobody refreshes it"),
    (tuf.UnsignedMetadataError, "offers metadata that the trusted keys did not sign"),
    (tuf.BadVersionNumberError, "offers metadata older than, or not of one state with, what was seen"),
    (tuf.LengthOrHashMismatchError, "offers a file other than the one that was signed"),
    (tuf.DownloadLengthMismatchError, "sends more than was signed"),
    (tuf.RepositoryError, "offers metadata that does not hold"),
    (tuf.SlowRetrievalError, "is too slow"),
    (Exception, "cannot be reached"),
)


class Updater:
    """One look at the repository: refresh once, then pull models. Not for two processes on one `state`."""

    def __init__(
        self,
        repository: str,
        state: Path,
        root: bytes,
        *,
        pi: str | None = None,
        prove: Callable[[Path], None] = prove_apart,
        fetcher: ngclient.FetcherInterface | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`repository` is a URL or a folder, `root` the root.json that this Pi was given out of band.

        Raises UntrustedModel when `root` is no root metadata.
        """
        self._repository, self._state = repository.rstrip("/"), state
        self._pi = pi_id(state, pi)
        self._prove, self._now = prove, now
        self.versions = Versions(state)
        self.versions.settle()
        self.release = NO_RELEASE
        self._before = remembered_release(state)
        self._digests: dict[str, str] = {}
        with self._untrusted("root.json"):
            self._tuf = Client(
                str(state / "metadata"),
                f"{self._repository}/metadata/",
                target_base_url=f"{self._repository}/targets/",
                fetcher=fetcher or (fetch.Web() if is_url(repository) else fetch.Folder()),
                bootstrap=root,
            )

    def refresh(self) -> None:
        """Take over the newest metadata, and find the release that this Pi runs. Raises UntrustedModel."""
        try:
            with LOCK:
                with self._untrusted("metadata"):
                    self._tuf.refresh()
                self._find_release()
        except (BadPlan, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UntrustedModel(f"{self._repository} offers no release that can be read: {error}") from error

    def _find_release(self) -> None:
        self.release = Plan.from_json(self._file(PLAN, LARGEST_BYTES)).release(self._pi)
        if self.release != NO_RELEASE:
            manifest = json.loads(self._file(f"releases/{self.release}.json", LARGEST_FILE))
            self._digests = {str(model): str(digest) for model, digest in manifest["models"].items()}

    def pull(self, model: str) -> Path | None:
        """The verified, proven folder of the model, now `current`; None where its release has none.

        Raises UntrustedModel for what is not as signed, BadArtifact for what is but does not work here.
        """
        if not MODEL_NAME.fullmatch(model):
            raise UntrustedModel(f"{model!r} is not a model's name")
        digest = self._digests.get(model)
        if digest is None:
            self.versions.withdraw(model)
            return None
        folder = self.versions.folder(digest)
        if known := self.versions.quarantined().get(digest):
            raise Quarantined(f"{model} {digest[:12]} failed here on {known['time']}: {known['reason']}")
        with LOCK:  # with the swap: another thread's `finish` clears away what nothing uses yet
            if not self._holds(model, folder, digest):
                self._download(model, folder, digest)
            # The way back is not for this Pi to judge, least of all by the model that it is to get rid of.
            self.versions.swap(model, digest, trial=self.release >= self._before)
        return folder

    def finish(self) -> None:
        """Every model was pulled, or refused: remember the release, and clear away what nothing uses."""
        if self.release != self._before:
            write_whole(self._state / "release", str(self.release).encode())
        with LOCK:
            self.versions.tidy()

    def _file(self, path: str, largest: int) -> bytes:
        """A small signed file, kept until another one is signed under that name."""
        kept = self._state / "metadata" / path.replace("/", "-")
        with self._untrusted(path):
            target = self._target(path, largest)
            if self._tuf.find_cached_target(target, str(kept)) is None:
                self._tuf.download_target(target, str(kept))
            data = kept.read_bytes()
            target.verify_length_and_hashes(data)
            return data

    def _target(self, path: str, largest: int = LARGEST_FILE) -> ngclient.TargetFile:
        """What was signed about a file. Raises UntrustedModel where nothing was, or more than fits."""
        with self._untrusted(path):
            target = self._tuf.get_targetinfo(path)
        if target is None:
            raise UntrustedModel(f"{self._repository} does not offer {path}, which its release names")
        if target.length > largest:
            raise UntrustedModel(f"{path} has {target.length:,} bytes, more than the {largest:,} allowed")
        return target

    def _download(self, model: str, folder: Path, digest: str) -> None:
        """Fetch into a folder of its own, prove, and give it its name only when it is on disk for good."""
        targets = [self._target(f"{model}/{digest}/{file}") for file in artifact.FILES]
        begun = folder.with_name(f"{digest}.begun")
        shutil.rmtree(begun, ignore_errors=True)
        try:
            for target, file in zip(targets, artifact.FILES, strict=True):
                with self._untrusted(target.path):
                    self._tuf.download_target(target, str(begun / file))
                sync(begun / file)
            if artifact.digest(begun) != digest:
                raise UntrustedModel(f"the files of {model} are not those of {digest[:12]}")
            self._proven(model, begun, digest)
            shutil.rmtree(folder, ignore_errors=True)
            sync(begun)
            begun.rename(folder)
            sync(folder.parent)
        finally:
            shutil.rmtree(begun, ignore_errors=True)

    def _proven(self, model: str, folder: Path, digest: str) -> None:
        """Quarantine what was signed and downloaded in order, and does not work: it never will."""
        try:
            self._prove(folder)
            name = artifact.read(folder).card.name
            if name != model:
                raise BadArtifact(f"{self._repository} offers {name!r} under the name {model!r}")
        except BadArtifact as error:
            reason = str(error).replace(str(folder), model)
            self.versions.quarantine(digest, model, reason, self._now())
            raise BadArtifact(reason) from error

    def _holds(self, model: str, folder: Path, digest: str) -> bool:
        """Whether an earlier pull left the model whole on this disk."""
        try:
            card = json.loads((folder / "card.json").read_bytes())
            return artifact.digest(folder) == digest and card["name"] == model
        except (OSError, ValueError, TypeError, KeyError):
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


def remembered_release(state: Path) -> int:
    """The release that this Pi last looked for."""
    try:
        return int((state / "release").read_text())
    except (OSError, ValueError):
        return NO_RELEASE


def current(state: Path, model: str) -> Path | None:
    """The model's folder in use."""
    return Versions(state).current(model)


def _said(error: Any) -> str:
    """The error's own words, or those of what caused it."""
    cause = getattr(error, "reason", None) or (None if str(error) else error.__cause__)
    return _said(cause) if isinstance(cause, BaseException) else str(error) or type(error).__name__
