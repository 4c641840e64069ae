"""Models in memory: what they are given, what they answer, and which are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_home import SPEC, WIDTH, write_model

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.binary.features import normalise, samples
from edgeprint.edge.bank import Bank, ColumnRing, prove
from edgeprint.errors import BadArtifact
from edgeprint.litert import Runner

COLUMNS = np.random.default_rng(3).random((20, SPEC.height), "f4")


@pytest.fixture
def camera(tmp_path: Path) -> Artifact:
    return artifact.read(write_model(tmp_path / "camera", "camera"))


def test_nothing_is_predicted_before_the_ring_is_full(camera: Artifact) -> None:
    bank = Bank({"camera": camera})
    for column in COLUMNS[: WIDTH - 1]:
        bank.append("camera", column)
        assert bank.predict(["camera"]) == {"camera": None}
    bank.append("camera", COLUMNS[WIDTH - 1])
    assert bank.predict(["camera"])["camera"] == pytest.approx(0.98, abs=0.02)


def test_the_confidence_is_that_of_the_same_sample_offline(camera: Artifact) -> None:
    bank = Bank({"camera": camera})
    for column in COLUMNS:
        bank.append("camera", column)
    offline = normalise(samples(COLUMNS, WIDTH, np.array([len(COLUMNS) - WIDTH])), "max")
    assert bank.predict(["camera"])["camera"] == Runner(camera.tflite).one(offline[0])[0]


@given(st.integers(WIDTH, len(COLUMNS)))
def test_the_ring_holds_the_last_columns_with_the_oldest_left(count: int) -> None:
    ring = ColumnRing(SPEC.height, WIDTH)
    for column in COLUMNS[:count]:
        ring.append(column)
    assert np.array_equal(ring.sample(), samples(COLUMNS, WIDTH, np.array([count - WIDTH]))[0])


def test_devices_do_not_share_columns(tmp_path: Path, camera: Artifact) -> None:
    bank = Bank({"camera": camera, "plug": artifact.read(write_model(tmp_path / "plug", "plug"))})
    for column in COLUMNS:
        bank.append("camera", column)
    assert bank.predict(["plug"]) == {"plug": None}


def test_a_silent_sample_gives_a_number(camera: Artifact) -> None:
    bank = Bank({"camera": camera})
    for _ in range(WIDTH):
        bank.append("camera", np.zeros(SPEC.height, "f4"))
    assert 0 <= bank.predict(["camera"])["camera"] <= 1  # type: ignore[operator]


def test_a_model_that_gives_its_golden_outputs_is_proven(camera: Artifact) -> None:
    prove(camera)


@pytest.mark.parametrize("wrong", [0.1, np.nan])
def test_a_model_that_misses_its_golden_outputs_is_refused(camera: Artifact, wrong: float) -> None:
    with pytest.raises(BadArtifact, match="misses its golden outputs"):
        prove(replace(camera, golden_outputs=camera.golden_outputs + np.float32(wrong)))


def test_a_model_without_golden_inputs_is_refused(camera: Artifact) -> None:
    with pytest.raises(BadArtifact, match="golden"):
        prove(
            replace(camera, golden_inputs=camera.golden_inputs[:0], golden_outputs=camera.golden_outputs[:0])
        )


def test_golden_inputs_of_another_shape_are_refused(camera: Artifact) -> None:
    with pytest.raises(BadArtifact, match="cannot run its golden inputs"):
        prove(replace(camera, golden_inputs=camera.golden_inputs[:, 1:]))


def test_bytes_that_are_no_model_are_refused(camera: Artifact) -> None:
    (camera.folder / "model.tflite").write_bytes(b"no model")
    with pytest.raises(BadArtifact, match="8 bytes are no TFLite model"):
        Bank({"camera": camera})


@pytest.mark.parametrize("key", ["height", "bin_seconds"])
def test_a_model_trained_on_other_columns_is_refused(camera: Artifact, key: str) -> None:
    card = replace(camera.card, preprocessing={**camera.card.preprocessing, key: 20})
    with pytest.raises(BadArtifact, match="this agent makes"):
        Bank({"camera": replace(camera, card=card)})


@pytest.mark.parametrize("key", ["height", "width", "bin_seconds", "normalisation"])
def test_a_card_must_say_how_to_make_inputs(camera: Artifact, key: str) -> None:
    rest = {name: value for name, value in camera.card.preprocessing.items() if name != key}
    with pytest.raises(BadArtifact, match=key):
        Bank({"camera": replace(camera, card=replace(camera.card, preprocessing=rest))})
