import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.registry import flavor


@pytest.fixture(scope="module")
def saved(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved")
    flavor.save_model(folder, path)
    return path


def test_a_saved_model_is_the_folder_as_it_is(folder, saved):
    assert artifact.digest(saved / "artifact") == artifact.digest(folder)


def test_pyfunc_gives_the_golden_outputs_for_arrays_and_frames(folder, saved):
    import mlflow
    import pandas as pd

    model, golden = mlflow.pyfunc.load_model(str(saved)), artifact.read(folder)
    assert np.array_equal(model.predict(golden.golden_inputs), golden.golden_outputs)
    assert np.array_equal(model.predict(pd.DataFrame(golden.golden_inputs)), golden.golden_outputs)


def test_the_signature_refuses_rows_of_another_width(saved):
    import mlflow

    with pytest.raises(mlflow.MlflowException, match="Shape of input"):
        mlflow.pyfunc.load_model(str(saved)).predict(np.zeros((2, 5), "f4"))


def test_the_environment_is_pinned(saved):
    pins = (saved / "requirements.txt").read_text().split()
    assert [pin.partition("==")[0] for pin in pins] == ["ai-edge-litert", "mlflow", "numpy"]
    assert json.loads((saved / "python_env.yaml").read_text())["dependencies"] == ["-r requirements.txt"]


OUTSIDE = """
import json, sys
sys.path.insert(0, {packages!r})
import mlflow, numpy
from importlib.util import find_spec
assert find_spec("edgeprint") is None
model = mlflow.pyfunc.load_model({model!r})
print(json.dumps(model.predict(numpy.load({rows!r})).tolist()))
"""


def test_it_loads_in_a_fresh_process_where_edgeprint_is_not_installed(folder, saved, tmp_path):
    golden, rows = artifact.read(folder), tmp_path / "rows.npy"
    np.save(rows, golden.golden_inputs)
    packages = str(Path(np.__file__).parents[1])
    program = OUTSIDE.format(packages=packages, model=str(saved), rows=str(rows))
    bare = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, "-S", "-c", program]  # without the site module no editable install is found
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=bare)
    assert done.returncode == 0, done.stderr
    assert np.allclose(json.loads(done.stdout), golden.golden_outputs)


def test_load_model_gives_the_card_and_a_runner(folder, saved):
    model = flavor.load_model(str(saved))
    assert model.artifact.card == artifact.read(folder).card
    assert np.array_equal(model.predict(model.artifact.golden_inputs), model.artifact.golden_outputs)


def test_load_model_fetches_into_the_folder_asked_for(saved, tmp_path):
    model = flavor.load_model(str(saved), tmp_path)
    assert model.artifact.folder.is_relative_to(tmp_path)


def test_an_incomplete_folder_is_not_saved(folder, tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"")
    with pytest.raises(BadArtifact, match=r"lacks schema.json, card.json, golden.npz"):
        flavor.save_model(tmp_path, tmp_path / "saved")


def test_a_logged_model_lies_in_the_store_with_its_digest(folder, state, run_id):
    import mlflow

    info = flavor.log_model(folder, run_id=run_id)
    logged = mlflow.get_logged_model(info.model_id)
    assert logged.tags["digest"] == artifact.digest(folder)
    assert logged.artifact_location.startswith((state / "mlartifacts").as_uri())
    assert artifact.digest(flavor.load_model(info.model_uri).artifact.folder) == artifact.digest(folder)


def test_log_model_registers_where_a_name_is_given(folder, state, run_id):
    info = flavor.log_model(folder, run_id=run_id, registered_model_name="by-hand.cclp")
    assert (
        flavor.load_model(f"models:/by-hand.cclp/{info.registered_model_version}").artifact.card.name
        == "cclp"
    )
