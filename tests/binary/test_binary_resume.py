"""A training stopped by an error or by kill -9 goes on from its last epoch and ends with equal weights."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from synthetic_home import INVENTORY, home, params

from edgeprint.binary.network import Model
from edgeprint.binary.train import train, train_home

EPOCHS = 4


class Stopped(Exception):
    """What a test stops a training with."""


def trained(path: Path | None, stop_after: int | None = None, seed: int = 3) -> tuple[Model, list[int]]:
    """A model of plug-b and the epochs that were reported on the way."""
    seen: list[int] = []

    def report(epoch: int, _: dict[str, float]) -> None:
        seen.append(epoch)
        if epoch == stop_after:
            raise Stopped

    rows = home(60), home(30, seed=1), INVENTORY, params(epochs=EPOCHS, mixed=0.2)
    return train("plug-b", *rows, seed=seed, on_epoch=report, checkpoint=path), seen


def same(one: Model, other: Model) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.weights, other.weights, strict=True))


def test_a_stopped_training_goes_on_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    path = tmp_path / "plug-b.npz"
    with pytest.raises(Stopped):
        trained(path, stop_after=1)
    assert path.exists()
    model, seen = trained(path)
    assert seen == [2, 3]
    assert same(model, trained(None)[0])
    assert not path.exists()


def test_a_checkpoint_of_other_arguments_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "plug-b.npz"
    with pytest.raises(Stopped):
        trained(path, stop_after=1, seed=4)
    model, seen = trained(path)
    assert seen == [0, 1, 2, 3]
    assert same(model, trained(None)[0])


def test_a_home_goes_on_where_each_device_was(tmp_path: Path) -> None:
    devices = ["plug-b", "hub-c", "camera-a"]
    rows = home(60), home(0), INVENTORY, params(epochs=EPOCHS, mixed=0.2)
    whole = train_home(devices, *rows, seed=3)
    seen: list[tuple[str, int]] = []

    def report(device: str, epoch: int, _: dict[str, float]) -> None:
        if len(seen) == EPOCHS:
            raise Stopped
        seen.append((device, epoch))

    with pytest.raises(Stopped):
        train_home(devices, *rows, seed=3, on_epoch=report, checkpoint=tmp_path)
    before, seen[:] = list(seen), []
    again = train_home(devices, *rows, seed=3, on_epoch=lambda *at: seen.append(at[:2]), checkpoint=tmp_path)
    assert not set(before) & set(seen)
    assert all(same(again[name], whole[name]) for name in devices)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


KILLED = f"""
import os, signal, sys
from pathlib import Path
from synthetic_home import INVENTORY, home, params
from edgeprint.binary.train import train

def die(epoch, _):
    if epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)

rows = home(60), home(30, seed=1), INVENTORY, params(epochs={EPOCHS}, mixed=0.2)
train("plug-b", *rows, seed=3, on_epoch=die, checkpoint=Path(sys.argv[1]))
"""


def test_a_killed_process_is_gone_on_from_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "plug-b.npz"
    folders = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": folders}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    model, seen = trained(path)
    assert seen == [2, 3]
    assert same(model, trained(None)[0])
