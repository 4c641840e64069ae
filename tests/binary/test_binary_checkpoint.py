"""The file of a training that may be killed: whole or not there, and of one training only."""

from pathlib import Path

import numpy as np
import pytest

from edgeprint.binary.checkpoint import Checkpoint, Progress, fingerprint
from edgeprint.binary.epoch import State

STATE = State.of([np.arange(n, dtype="f4") for n in (4, 4, 4, 2)] + [np.float32(7)])
PROGRESS = Progress(3, STATE, np.random.default_rng(1).bit_generator.state)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "new" / "camera-a.npz", "mine")
    checkpoint.write(PROGRESS)
    back = checkpoint.read()
    assert back and (back.epochs, back.random) == (3, PROGRESS.random)
    assert all(np.array_equal(a, b) for a, b in zip(back.state, STATE, strict=True))
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["camera-a.npz"]


def test_no_file_and_anothers_file_are_no_beginning(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "camera-a.npz", "mine")
    assert checkpoint.read() is None
    Checkpoint(checkpoint.path, "another's").write(PROGRESS)
    assert checkpoint.read() is None


@pytest.mark.parametrize("kept", [0, 100, 1000, -1])
def test_a_damaged_file_is_warned_of_and_not_used(tmp_path: Path, kept: int) -> None:
    checkpoint = Checkpoint(tmp_path / "camera-a.npz", "mine")
    checkpoint.write(PROGRESS)
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:kept])
    with pytest.warns(UserWarning, match=r"camera-a\.npz is damaged and not used"):
        assert checkpoint.read() is None


def test_removing_twice_is_no_error(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "camera-a.npz", "mine")
    checkpoint.write(PROGRESS)
    checkpoint.remove()
    checkpoint.remove()
    assert not checkpoint.path.exists()


def test_the_fingerprint_sees_words_values_types_shapes_and_order() -> None:
    array = np.arange(6, dtype="f4")
    parts: list[list] = [
        ["a", array],
        ["b", array],
        [array, "a"],
        ["a", array[::-1]],
        ["a", array.reshape(2, 3)],
        ["a", array.view("i4")],
        ["", "a", array],
    ]
    assert len({fingerprint(each) for each in parts}) == len(parts)
    assert fingerprint(["a", array]) == fingerprint(["a", array.copy()])
