"""kill -9 at every step of an update: afterwards the old model runs or the new one, never neither.

A fork of this process pulls version 2 and is killed before the nth thing that it does to the disk (Python's
audit events); n goes up until the pull comes to its end. After each kill the Pi starts again.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from simulated_home import Home
from updating import CAMERA, now, pull

from edgeprint import artifact
from edgeprint.edge.bank import prove
from edgeprint.edge.versions import Versions

STEPS = ("open", "os.", "shutil.")
MOST_STEPS = 2000


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Run `work` in a fork that dies by SIGKILL before that step; whether it did."""
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event: str, arguments: tuple) -> None:
            nonlocal count
            if not event.startswith(STEPS) or (event == "open" and not writes(arguments)):
                return
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def writes(arguments: tuple) -> bool:
    """Reading changes nothing, and there is much of it."""
    mode, flags = arguments[1], arguments[2]
    return bool(mode and set(mode) & set("wax+")) or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def take(home: Home) -> Path:
    """A pull without a server and without a self-test: neither changes the disk."""
    found = pull(home, str(home.folder), prove=lambda _: None)
    assert found
    return found


def runs(state: Path, old: str, new: str) -> str:
    """What an agent that starts now relies on: whole, and giving its golden outputs."""
    versions = Versions(state)
    versions.settle()
    folder = versions.confirmed(CAMERA) or versions.current(CAMERA)
    assert folder is not None, "neither runs"
    found = artifact.read(folder)
    prove(found)
    assert artifact.digest(folder) == folder.name and folder.name in (old, new)
    return folder.name


@pytest.fixture
def pi(home: Home) -> Home:
    home.publish(camera={})
    pull(home)
    Versions(home.state).confirm(CAMERA)
    shutil.copytree(home.state, home.state.parent / "before", symlinks=True)
    return home


def begin_again(home: Home) -> None:
    shutil.rmtree(home.state)
    shutil.copytree(home.state.parent / "before", home.state, symlinks=True)


def every_step(home: Home, work: Callable[[], object], check: Callable[[], str]) -> list[str]:
    """What ran after a kill at each step."""
    seen = []
    for step in range(1, MOST_STEPS):
        begin_again(home)
        if not killed_at(step, work):
            return seen
        seen.append(check())
    raise AssertionError("the work never ends")


def test_kill_at_every_step_of_an_update(pi: Home) -> None:
    old = Versions(pi.state).current(CAMERA).name
    pi.publish(camera={"revision": "2"})
    new = artifact.digest(pi.models / "camera")

    def check() -> str:
        ran = runs(pi.state, old, new)
        assert take(pi).name == new  # and the next look brings the update to its end
        return ran

    seen = every_step(pi, lambda: take(pi), check)
    assert len(seen) > 40 and set(seen) == {old}  # on trial, the old one is relied on


def test_kill_at_every_step_of_a_confirmation(pi: Home) -> None:
    old = Versions(pi.state).current(CAMERA).name
    pi.publish(camera={"revision": "2"})
    new = pull(pi).name
    shutil.rmtree(pi.state.parent / "before")
    shutil.copytree(pi.state, pi.state.parent / "before", symlinks=True)
    seen = every_step(pi, lambda: Versions(pi.state).confirm(CAMERA, new), lambda: runs(pi.state, old, new))
    assert set(seen) == {old, new}


def test_kill_at_every_step_of_a_rejection(pi: Home) -> None:
    old = Versions(pi.state).current(CAMERA).name
    pi.publish(camera={"revision": "2"})
    new = pull(pi).name
    shutil.rmtree(pi.state.parent / "before")
    shutil.copytree(pi.state, pi.state.parent / "before", symlinks=True)

    def check() -> str:
        ran = runs(pi.state, old, new)
        versions = Versions(pi.state)
        if new in versions.quarantined():
            assert not versions.on_trial(CAMERA) and versions.current(CAMERA).name == old
        return ran

    seen = every_step(pi, lambda: Versions(pi.state).reject(CAMERA, new, "bad", now()), check)
    assert set(seen) == {old}


def test_kill_at_every_step_of_a_first_installation_leaves_the_next_look_a_clear_way(home: Home) -> None:
    home.publish(camera={})
    new = artifact.digest(home.models / "camera")
    home.state.mkdir()
    (home.state.parent / "before").mkdir()

    def check() -> str:
        return take(home).name

    assert set(every_step(home, lambda: take(home), check)) == {new}
