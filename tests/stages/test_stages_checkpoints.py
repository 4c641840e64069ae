"""A stage that is run again after a kill: finished models are put back, a begun one goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from edgeprint import feature_table
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn.features import MINUTE_NS, schema
from edgeprint.stages.checkpoints import Place, fingerprint, forget
from edgeprint.stages.train import Trainer
from edgeprint.stages.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]
LEVEL = {"camera": 400, "hub": 40}


def rows(device: str, level: float, seed: int) -> FeatureTable:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    columns = schema(5, params["lstm_cnn"]["features"]["columns"])
    values = level * np.random.default_rng(seed).lognormal(0, 0.3, (240, len(columns.columns)))
    return FeatureTable.of(columns, device, "monday", np.arange(240) * 5 * MINUTE_NS, values)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """Segments of two cameras and two hubs, as the extraction leaves them."""
    made = Workspace(tmp_path)
    made.captures.mkdir(parents=True)
    (made.captures / "source.json").write_text(json.dumps({"simulated": True}))
    names = [f"{category}-{i}" for category in LEVEL for i in "ab"]
    lines = [f"02:00:00:00:00:0{i},{name},{name[:-2]},1" for i, name in enumerate(names)]
    (made.captures / "devices.csv").write_text("\n".join(["mac,device,category,iot", *lines]))
    table = FeatureTable.concatenate([rows(n, LEVEL[n[:-2]], i) for i, n in enumerate(names)])
    feature_table.write(table, made.features / "lstm_cnn")
    set_numbers(made, epochs=3)
    return made


def set_numbers(workspace: Workspace, **numbers: float) -> None:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["lstm_cnn"]["train"] |= numbers
    (workspace.root / "params.yaml").write_text(yaml.safe_dump(params))


def train(workspace: Workspace):
    folder = workspace.models / "lstm_cnn/lstm-cnn"
    shutil.rmtree(folder, ignore_errors=True)  # as DVC does before it runs a stage again
    return Trainer(workspace, "lstm_cnn").train("lstm-cnn", 0, folder)


def weights(trained) -> bytes:
    return (trained.folder / "weights.pt").read_bytes()


def test_a_finished_model_is_put_back_until_the_stage_is_done(workspace):
    first = train(workspace)
    again = train(workspace)
    assert (again.run_id, again.scores.to_dict()) == (first.run_id, first.scores.to_dict())
    assert weights(again) and (again.artifact / "model.tflite").is_file()
    forget(workspace, "train", "lstm_cnn")
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
    while not (begun := list(workspace.state.glob("checkpoints/train/lstm_cnn/lstm-cnn-0-*.ckpt"))):
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
