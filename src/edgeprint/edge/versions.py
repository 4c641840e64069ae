"""The models on this Pi's disk: which is in use, which is on trial, which must never come back.

    versions = Versions(state)
    versions.swap("binary.camera-a", digest, trial=True)
    versions.confirm("binary.camera-a", digest)             # or
    versions.reject("binary.camera-a", digest, "misses its golden outputs", now)

state/
  versions/<digest>/     artifact folders, whole and never written to
  current/<model>        symlink to the version in use
  previous/<model>       while that is on trial: symlink to the one before, or to `none`
  starts/<model>         how often the agent was started with it on trial
  quarantine.json        digests that failed here, with the reason

Each change is one rename or one unlink, and is on disk before the next begins. A kill between two of them
leaves links that `settle` understands: the old model is in use or the new one, never neither.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from edgeprint.errors import BadArtifact, UntrustedModel
from edgeprint.whole_file import sync, write_whole

P = ParamSpec("P")
T = TypeVar("T")
DIGEST = re.compile(r"[0-9a-f]{64}")
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")
NONE = Path("../versions/none")
MOST_STARTS = 3  # with a model on trial: after so many ends without a verdict it is the model's fault
MOST_QUARANTINED = 1000
LOCK = threading.RLock()  # the agent judges a trial while another thread pulls


def _one_at_a_time(change: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(change)
    def locked(*arguments: P.args, **options: P.kwargs) -> T:
        with LOCK:
            return change(*arguments, **options)

    return locked


class Quarantined(BadArtifact):
    """A version that failed on this Pi before; only another one is pulled again."""


class Versions:
    """Not for two processes at a time on one `state`."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def folder(self, digest: str) -> Path:
        """Where the version with that digest lies. Raises UntrustedModel for what is no digest."""
        if not DIGEST.fullmatch(digest):
            raise UntrustedModel(f"{digest!r} is no digest of a model")
        return self.state / "versions" / digest

    def current(self, model: str) -> Path | None:
        """The folder in use: confirmed, or on trial."""
        return _folder(self.state / "current" / model)

    def previous(self, model: str) -> Path | None:
        """While `current` is on trial, the folder before it; None where there was none."""
        return _folder(self.state / "previous" / model)

    def on_trial(self, model: str) -> bool:
        return (self.state / "previous" / model).is_symlink()

    def confirmed(self, model: str) -> Path | None:
        """The folder that may be relied on: the last known good one."""
        return self.previous(model) if self.on_trial(model) else self.current(model)

    def models(self) -> list[str]:
        """With a version in use."""
        return sorted(link.name for link in _links(self.state / "current"))

    @_one_at_a_time
    def swap(self, model: str, digest: str, *, trial: bool) -> None:
        """Use that version from now on; on trial, the last confirmed one stays at hand."""
        link, before = self.state / "current" / _checked(model), self.state / "previous" / model
        target = Path("../versions") / self.folder(digest).name
        if _reads(link) == target:
            return
        (self.state / "starts" / model).unlink(missing_ok=True)
        if trial and _reads(before) in (None, NONE):  # what runs, were it on trial, is better than nothing
            _point(before, _reads(link) or NONE)
        _point(link, target)
        if _reads(before) == target or not trial:
            self.confirm(model)

    @_one_at_a_time
    def confirm(self, model: str, digest: str | None = None) -> None:
        """The trial is over and was passed, if it is still that version's."""
        if digest is not None and (_reads(self.state / "current" / model) or NONE).name != digest:
            return
        _remove(self.state / "previous" / model)
        (self.state / "starts" / model).unlink(missing_ok=True)

    @_one_at_a_time
    def reject(self, model: str, digest: str, reason: str, now: datetime) -> None:
        """Never pull that version again, and use the one before."""
        self.quarantine(digest, model, reason, now)
        if (_reads(self.state / "current" / model) or NONE).name == digest:
            self._swap_back(model)

    @_one_at_a_time
    def quarantine(self, digest: str, model: str, reason: str, now: datetime) -> None:
        """Remember that this version failed here, before anything else is done about it."""
        known = self.quarantined()
        known[digest] = {"model": model, "reason": reason[:500], "time": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        kept = dict(list(known.items())[-MOST_QUARANTINED:])
        write_whole(self.state / "quarantine.json", json.dumps(kept, indent=1).encode())

    def quarantined(self) -> dict[str, dict[str, str]]:
        """By digest: model, reason and time."""
        try:
            found = json.loads((self.state / "quarantine.json").read_bytes())
            return {str(digest): dict(about) for digest, about in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    @_one_at_a_time
    def withdraw(self, model: str) -> None:
        """Stop using a model that the repository no longer offers."""
        _remove(self.state / "current" / _checked(model))
        self.confirm(model)

    def begin(self, model: str) -> int:
        """Count a start of the agent with that model on trial; how many there were, this one included."""
        path = self.state / "starts" / model
        try:
            count = int(path.read_text()) + 1
        except (OSError, ValueError):
            count = 1
        write_whole(path, str(count).encode())
        return count

    def survive(self, now: datetime, *, say: Callable[[str], None]) -> None:
        """Before models are loaded: one that has ended the agent too often is not tried again.

        A disk that takes nothing is said, and the agent goes on with what is there.
        """
        try:
            self.settle()
            for model in self.models():
                folder = self.current(model)
                if folder and self.on_trial(model) and self.begin(model) > MOST_STARTS:
                    reason = f"the agent ended {MOST_STARTS} times while it was on trial"
                    self.reject(model, folder.name, reason, now)
                    say(f"{model}: {reason}; the model before it is in use again")
        except OSError as error:
            say(f"what models on trial did to this Pi cannot be kept: {error}")

    @_one_at_a_time
    def settle(self) -> None:
        """Finish what a kill interrupted."""
        bad = self.quarantined()
        for link in _links(self.state / "previous"):
            current = self.state / "current" / link.name
            if _reads(current) in (None, _reads(link)):  # nothing was swapped yet, or already back
                self.confirm(link.name)
            elif (folder := self.current(link.name)) is None or folder.name in bad:
                self._swap_back(link.name)

    @_one_at_a_time
    def tidy(self) -> None:
        """Remove versions that nothing uses, and what broken downloads left."""
        links = [*_links(self.state / "current"), *_links(self.state / "previous")]
        used = {link.readlink().name for link in links}
        with contextlib.suppress(FileNotFoundError):
            for folder in (self.state / "versions").iterdir():
                if folder.name not in used:
                    shutil.rmtree(folder, ignore_errors=True)

    def _swap_back(self, model: str) -> None:
        link, before = self.state / "current" / model, self.state / "previous" / model
        if _folder(before) is None:
            _remove(link)
            _remove(before)
        else:
            before.replace(link)
            sync(link.parent)
            sync(before.parent)
        (self.state / "starts" / model).unlink(missing_ok=True)


def _checked(model: str) -> str:
    if not MODEL_NAME.fullmatch(model):
        raise UntrustedModel(f"{model!r} is not a model's name")
    return model


def _links(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from [path for path in folder.iterdir() if path.is_symlink() and not path.name.startswith(".")]


def _reads(link: Path) -> Path | None:
    return link.readlink() if link.is_symlink() else None


def _folder(link: Path) -> Path | None:
    return link.resolve() if link.is_dir() else None


def _point(link: Path, target: Path) -> None:
    """Let the symlink name the target, in one step."""
    link.parent.mkdir(parents=True, exist_ok=True)
    begun = link.with_name(f".{link.name}.begun")
    begun.unlink(missing_ok=True)
    begun.symlink_to(target)
    begun.replace(link)
    sync(link.parent)


def _remove(link: Path) -> None:
    if link.is_symlink():
        link.unlink()
        sync(link.parent)
