"""The self-test in a process of its own: what is no good is refused by name, and the agent lives on."""

import io
import json
import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from simulated_home import write_model
from strange_models import hanging, write_strange

from edgeprint.edge import selftest
from edgeprint.edge.selftest import prove_apart
from edgeprint.errors import BadArtifact


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "camera", "camera")


def refused(folder: Path, sentence: str) -> None:
    with pytest.raises(BadArtifact, match=sentence):
        prove_apart(folder, patience_s=20)


def test_a_good_model_passes(folder: Path) -> None:
    prove_apart(folder)


def test_no_child_is_left(folder: Path) -> None:
    prove_apart(folder)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_other_outputs_than_the_golden_ones_are_refused(folder: Path) -> None:
    golden = dict(np.load(folder / "golden.npz"))
    np.savez(folder / "golden.npz", inputs=golden["inputs"], outputs=golden["outputs"] - 0.5)
    refused(folder, "misses its golden outputs by 0.5")


def test_a_model_that_hangs_is_ended_and_named(tmp_path: Path) -> None:
    folder = write_strange(tmp_path / "camera", "camera", hanging(live_only=False))
    with pytest.raises(BadArtifact, match=r"hangs: its self-test had not ended after 4 s"):
        prove_apart(folder, patience_s=0.5, fresh_s=4)


def test_a_fork_that_hangs_by_no_fault_of_the_model_is_tried_again_in_a_fresh_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "answer", lambda folder, out: signal.pause())
    prove_apart(folder, patience_s=0.2, fresh_s=120)


def test_a_model_that_breaks_the_runtime_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "answer", lambda folder, out: os.kill(os.getpid(), signal.SIGKILL))
    refused(folder, "the self-test ended with SIGKILL")


def array_header(shape: str) -> bytes:
    """The beginning of a .npy that claims to be that large."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def golden_of(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inputs.npy", data)
        archive.writestr("outputs.npy", data)
    return packed.getvalue()


def card_with(**changes: object) -> Callable[[Path], bytes]:
    return lambda folder: json.dumps({**json.loads((folder / "card.json").read_text()), **changes}).encode()


def pickled(_: Path) -> bytes:
    data = io.BytesIO()
    np.save(data, np.array([Evil()], dtype=object), allow_pickle=True)
    return golden_of(data.getvalue())


class Evil:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("/tmp/edgeprint-was-here",)


HUGE = {"height": 10, "bin_seconds": 0.1, "width": 10**12, "normalisation": "max"}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("golden.npz", lambda _: golden_of(array_header("(1000000, 1000000)"))),
        ("golden.npz", lambda _: golden_of(b"")),
        ("golden.npz", lambda _: b"PK\x03\x04 and then nothing"),
        ("golden.npz", pickled),
        ("card.json", lambda _: b"[" * 100_000),
        ("card.json", lambda _: b"\xff\xfe"),
        ("card.json", card_with(preprocessing=HUGE)),
        ("card.json", card_with(preprocessing={})),
        ("card.json", card_with(thresholds={"recognised": "often"})),
        ("card.json", card_with(preprocessing=None)),
        ("schema.json", lambda _: b"{}"),
        ("schema.json", lambda _: b"[1]"),
        ("model.tflite", lambda _: b""),
        ("model.tflite", lambda folder: (folder / "model.tflite").read_bytes()[:500]),
        ("model.tflite", lambda _: bytes(range(256)) * 100),
    ],
)
def test_a_hostile_folder_is_refused_and_harms_nobody(
    folder: Path, file: str, content: Callable[[Path], bytes]
) -> None:
    (folder / file).write_bytes(content(folder))
    with pytest.raises(BadArtifact):
        prove_apart(folder, patience_s=20)
    assert not Path("/tmp/edgeprint-was-here").exists()


@pytest.mark.parametrize("file", ["card.json", "golden.npz"])
def test_a_folder_with_a_link_out_of_it_is_refused_where_it_leads_to_no_model(
    folder: Path, file: str
) -> None:
    (folder / file).unlink()
    (folder / file).symlink_to("/etc/hostname")
    with pytest.raises(BadArtifact):
        prove_apart(folder)
