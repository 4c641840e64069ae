"""The ranking of devices, alone and behind a real MLflow server process."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from edgeprint import artifact
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.edge import ranking
from edgeprint.errors import BadArtifact, NotEnoughData, NotIdentified
from edgeprint.litert import Runner
from edgeprint.registry import flavor, identify, promote, tflite

SPEC, WIDTH = SpectrogramSpec(height=8, bin_seconds=0.1), 4
TONES = {"camera": 1, "plug": 5}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Of each device a network that is sure where the device's tone is the loudest of a sample."""
    import keras

    base, made = tmp_path_factory.mktemp("devices"), {}
    for device, tone in TONES.items():
        source = keras.Input((SPEC.height, WIDTH, 1), batch_size=1)
        energy = keras.layers.Flatten()(keras.layers.AveragePooling2D((1, WIDTH))(source))
        dense = keras.layers.Dense(1, "sigmoid")
        model = keras.Model(source, dense(energy))
        weights = np.full((SPEC.height, 1), -1.0)
        weights[tone] = 8.0
        dense.set_weights([weights, np.array([-4.0])])
        name, inputs = f"binary.{device}", np.zeros((1, SPEC.height, WIDTH, 1), "f4")
        network = tflite.convert(model)
        card = artifact.ModelCard(
            family="binary",
            name=name,
            labels=[device],
            input_shape=[SPEC.height, WIDTH, 1],
            schema_hash=SPEC.schema().hash,
            thresholds={"recognised": 0.5},
            preprocessing={"height": 8, "width": WIDTH, "bin_seconds": 0.1, "normalisation": "max"},
            data={"categories": {device: f"{device}s"}},
        )
        golden = inputs, Runner(network)(inputs)
        artifact.write(base / name, tflite=network, card=card, schema=SPEC.schema(), golden=golden)
        made[name] = base / name
    return made


@pytest.fixture(scope="module")
def members(folders) -> dict[str, identify.Member]:
    return {name: identify.Member.of(artifact.read(folder)) for name, folder in folders.items()}


def columns(tone: int, count: int = 20) -> np.ndarray:
    values = np.random.default_rng(tone).random((count, SPEC.height)).astype("f4")
    values[:, tone] += 100
    return values


@pytest.mark.parametrize("device", TONES)
def test_the_device_is_first_and_recognised_and_the_other_is_not(members, device):
    first, second = identify.rank(columns(TONES[device]), members)
    assert (first.device, first.category, first.iot) == (device, f"{device}s", True)
    assert second.iot is False and first.confidence > 0.9 > second.confidence


def test_a_stranger_is_recognised_by_none(members):
    assert [candidate.iot for candidate in identify.rank(columns(7), members)] == [False, False]


def test_fewer_columns_than_a_sample_are_refused_with_both_numbers(members):
    with pytest.raises(NotEnoughData, match="3 columns are given, a sample takes 4"):
        identify.rank(columns(1, 3), members)


def test_columns_of_another_height_are_refused(members):
    with pytest.raises(BadArtifact, match=r"columns of shape \(9, 5\) given, the models take rows of 8"):
        identify.rank(np.zeros((9, 5), "f4"), members)


def test_no_more_windows_are_asked_about_than_are_there(members):
    assert len(members["binary.plug"].confidences(columns(1, 6))) == 3
    assert len(members["binary.plug"].confidences(columns(1, 500))) == identify.MOST_SAMPLES


def test_the_same_champions_are_offered_once(folders, state):
    first = promote.offer_identify(folders, {})
    again = promote.offer_identify(folders, {})
    fewer = promote.offer_identify({"binary.plug": folders["binary.plug"]}, {})
    assert (again, fewer.number) == (first, first.number + 1)
    assert promote.champion("identify") == fewer
    assert promote.aliased("identify", promote.PREVIOUS) == first


def test_models_of_no_device_are_none(tmp_path):
    with pytest.raises(BadArtifact, match="no model: only models of the same columns"):
        flavor.save_model({}, tmp_path / "none")


@pytest.fixture(scope="module")
def server(folders, tmp_path_factory):
    """`mlflow models serve` in a process of its own; its URL."""
    path = tmp_path_factory.mktemp("served") / "identify"
    flavor.save_model(folders, path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(path), "-p", str(port)]
    command += ["--host", "127.0.0.1", "--env-manager", "local", "--workers", "1"]
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where it looks for uvicorn
    log = (path.parent / "log").open("w+")
    process = subprocess.Popen(
        command, stdout=log, stderr=log, env={**os.environ, "PATH": scripts}, start_new_session=True
    )
    try:
        wait(f"http://127.0.0.1:{port}/ping", process, log.name)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        os.killpg(process.pid, 15)  # the server and its worker, a group of their own
        process.wait(timeout=60)


def wait(url: str, process: subprocess.Popen, log: str) -> None:
    for _ in range(1200):
        assert process.poll() is None, Path(log).read_text()
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(Path(log).read_text())


def ask(url: str, inputs: list) -> dict:
    request = urllib.request.Request(
        url, json.dumps({"inputs": inputs}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_mlflow_serves_the_ranking(server, members):
    asked = columns(TONES["plug"])
    best, other = ask(server, asked.tolist())["predictions"]
    assert set(best) == {"device", "confidence", "category", "iot"}
    assert (best["device"], best["category"], best["iot"]) == ("plug", "plugs", True)
    assert other["device"] == "camera"
    assert best["confidence"] == pytest.approx(identify.rank(asked, members)[0].confidence, abs=1e-5)


def test_the_agent_on_a_pi_understands_what_mlflow_serves(server, members):
    where = ranking.address(server.removesuffix(ranking.PATH))
    asked = columns(TONES["plug"])
    best, other = ranking.ask(where, asked)
    assert (best.device, best.category, best.iot, other.device) == ("plug", "plugs", True, "camera")
    assert best.confidence == pytest.approx(identify.rank(asked, members)[0].confidence, abs=1e-5)
    with pytest.raises(NotIdentified, match="status 400"):
        ranking.ask(where, columns(1, 3))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [([[0.0] * 8] * 3, "3 columns are given, a sample takes 4"), ([[0.0] * 5] * 9, "shape")],
)
def test_mlflow_answers_bad_columns_with_400_and_a_reason(server, inputs, said):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(server, inputs)
    assert refused.value.code == 400
    assert said in refused.value.read().decode()
