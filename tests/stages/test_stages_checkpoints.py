"""A stage that is run again after a kill: finished models are put back, a begun one goes on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from segments import rows, segment_home, set_numbers

from edgeprint.stages.checkpoints import Place, fingerprint, folder, settle
from edgeprint.stages.train import Trainer
from edgeprint.stages.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return segment_home(tmp_path)


def train(workspace: Workspace):
    folder = workspace.models / "lstm_cnn/lstm-cnn"
    shutil.rmtree(folder, ignore_errors=True)  # as DVC does before it runs a stage again
    return Trainer(workspace, "lstm_cnn").train("lstm-cnn", 0, folder)


def weights(trained) -> bytes:
    return (trained.folder / "weights.pt").read_bytes()


def test_a_finished_model_is_put_back_whichever_stage_asks_for_it(workspace):
    first = train(workspace)
    again = Trainer(workspace, "lstm_cnn", stage="retrain").train("lstm-cnn", 0, workspace.state / "again")
    assert (again.run_id, again.scores.to_dict()) == (first.run_id, first.scores.to_dict())
    assert weights(again) == weights(first) and (again.artifact / "model.tflite").is_file()


def test_a_model_killed_before_its_export_is_exported_and_not_trained_again(workspace, monkeypatch):
    trainer, folder = Trainer(workspace, "lstm_cnn"), workspace.models / "lstm_cnn/lstm-cnn"
    fitted = trainer.fit("lstm-cnn", 0, folder)
    assert fitted.trained.parity is None and not fitted.trained.artifact.exists()
    shutil.rmtree(folder)
    monkeypatch.setattr(trainer.method, "train", None)
    shipped = trainer.train("lstm-cnn", 0, folder)
    assert shipped.run_id == fitted.trained.run_id and shipped.parity is not None
    assert train(workspace).parity == shipped.parity  # kept with its artifact now


def test_what_no_stage_asked_for_last_is_forgotten(workspace):
    for name in ("old", "new", "of-retrain", "of-a-killed-run"):
        Place(folder(workspace, "cclp"), name).keep(workspace.captures, {})
    settle(workspace, "cclp", "retrain", {"of-retrain", "new"})
    settle(workspace, "cclp", "train", {"old", "new"})
    settle(workspace, "cclp", "train", {"new"})
    kept = {p.name for p in folder(workspace, "cclp").iterdir() if p.is_dir()}
    assert kept == {"new", "of-retrain", "of-a-killed-run"}


def test_another_store_has_none_of_it(workspace, monkeypatch):
    first = train(workspace)
    monkeypatch.setattr("edgeprint.registry.tracking.store_id", lambda: "another")
    assert train(workspace).run_id != first.run_id


def test_with_another_number_it_is_trained_anew(workspace):
    first = train(workspace)
    set_numbers(workspace, epochs=2)
    assert train(workspace).run_id != first.run_id


def test_a_model_killed_in_training_goes_on_to_the_same_weights(workspace):
    set_numbers(workspace, epochs=60)
    code = (
        "import sys; from pathlib import Path; from edgeprint.stages.train import Trainer\n"
        "from edgeprint.stages.workspace import Workspace; root = Path(sys.argv[1])\n"
        "Trainer(Workspace(root), 'lstm_cnn').train('lstm-cnn', 0, root / 'models/begun')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path])}
    process = subprocess.Popen([sys.executable, "-c", code, str(workspace.root)], env=environment)
    while not (begun := list(workspace.state.glob("checkpoints/lstm_cnn/lstm-cnn-0-*.ckpt"))):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert begun[0].is_file()
    resumed = train(workspace)
    assert not begun[0].exists()
    shutil.rmtree(workspace.state / "checkpoints")
    expected = weights(resumed)
    assert weights(train(workspace)) == expected


def test_what_is_kept_comes_back_whole(tmp_path):
    made, back = tmp_path / "made", tmp_path / "back"
    (made / "artifact").mkdir(parents=True)
    (made / "artifact/card.json").write_text("{}")
    place = Place(tmp_path / "kept", "plug-0-abc")
    assert place.restore(back) is None
    place.keep(made, {"run_id": "r"})
    assert place.restore(back) == {"run_id": "r"}
    assert (back / "artifact/card.json").read_text() == "{}"


def test_every_row_and_word_and_earlier_model_decides_the_name(tmp_path):
    table, other = rows("camera-a", 4.0, 0), rows("camera-a", 4.0, 1)
    (tmp_path / "weights").write_bytes(b"1")
    found = {
        fingerprint(("a", 1), [table], None),
        fingerprint(("a", 2), [table], None),
        fingerprint(("a", 1), [other], None),
        fingerprint(("a", 1), [table], tmp_path),
    }
    assert len(found) == 4 and fingerprint(("a", 1), [table], None) in found
