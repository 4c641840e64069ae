"""A rival is trained on another core, and here where that fails; the model is the same."""

import subprocess
from pathlib import Path

import pytest
from segments import segment_home, set_numbers

from edgeprint.registry import tracking
from edgeprint.stages import aside
from edgeprint.stages.checkpoints import folder
from edgeprint.stages.train import Trainer

NAME = "lstm-cnn"


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    monkeypatch.setattr(aside, "cores", lambda: 2)
    return Trainer(segment_home(tmp_path), "lstm_cnn", stage="retrain")


def kept(trainer: Trainer) -> list[Path]:
    return [path for path in folder(trainer.workspace, "lstm_cnn").iterdir() if path.is_dir()]


def test_what_it_has_made_is_not_trained_again_and_is_what_would_be_made_here(trainer, tmp_path, monkeypatch):
    with aside.training(trainer, NAME, 0, tmp_path / "scratch"):
        meanwhile = Trainer(trainer.workspace, "lstm_cnn", stage="retrain")
    (finished,) = kept(trainer)
    with monkeypatch.context() as patch:
        patch.setattr(trainer.method, "train", None)
        made = trainer.fit(NAME, 0, tmp_path / "scratch").trained
    assert tracking.tags_of(made.run_id)["stage"] == "retrain"
    finished.rename(tmp_path / "away")
    here = meanwhile.fit(NAME, 0, tmp_path / "here").trained
    assert here.run_id != made.run_id
    assert (here.folder / "weights.pt").read_bytes() == (made.folder / "weights.pt").read_bytes()


def test_where_it_cannot_train_the_model_is_trained_here(trainer, tmp_path):
    numbers = trainer.workspace.root / "params.yaml"
    before = numbers.read_text()
    numbers.write_text("no: number")
    with aside.training(trainer, NAME, 0, tmp_path / "scratch"):
        pass
    numbers.write_text(before)
    assert not (tmp_path / "scratch").exists()
    assert trainer.fit(NAME, 0, tmp_path / "scratch").trained.scores.samples


def test_it_is_ended_where_its_rival_fails(trainer, tmp_path):
    set_numbers(trainer.workspace, epochs=100_000)
    with pytest.raises(ZeroDivisionError), aside.training(trainer, NAME, 0, tmp_path / "scratch"):
        raise ZeroDivisionError
    assert not folder(trainer.workspace, "lstm_cnn").exists()


@pytest.mark.parametrize(("cores", "is_slow"), [(1, True), (2, False)])
def test_on_one_core_or_for_a_fast_method_no_process_starts(trainer, tmp_path, monkeypatch, cores, is_slow):
    monkeypatch.setattr(aside, "cores", lambda: cores)
    monkeypatch.setattr(trainer.method, "is_slow", is_slow)
    monkeypatch.setattr(subprocess, "Popen", None)
    with aside.training(trainer, NAME, 0, tmp_path / "scratch"):
        pass
