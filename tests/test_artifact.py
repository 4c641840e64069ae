"""A model's folder is read back as written, or refused with what is wrong."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.schema import Column, FeatureSchema

SCHEMA = FeatureSchema("toy", (Column("a", "s", "both", "none"),), (("minutes", 5),))
CARD = artifact.ModelCard("binary", "binary.plug", ["plug"], [1], SCHEMA.hash)
GOLDEN = np.ones((2, 1), "f4"), np.zeros((2, 1), "f4")


def written(folder: Path) -> artifact.Artifact:
    return artifact.write(folder, tflite=b"net", card=CARD, schema=SCHEMA, golden=GOLDEN)


def test_a_folder_is_read_back_as_written(tmp_path: Path) -> None:
    read = written(tmp_path)
    assert (read.card, read.schema, read.tflite) == (CARD, SCHEMA, b"net")
    assert np.array_equal(read.golden_inputs, GOLDEN[0])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "golden.npz").unlink()
    with pytest.raises(BadArtifact, match=r"lacks golden.npz"):
        artifact.read(tmp_path)


@pytest.mark.parametrize("file", ["schema.json", "card.json", "golden.npz"])
@pytest.mark.parametrize("at", [0, 1, 10, 100, -60, -1])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, file: str, at: int) -> None:
    written(tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:at])
    with pytest.raises(BadArtifact, match=r"cannot be read"):
        artifact.read(tmp_path)


def test_golden_rows_with_one_wrong_bit_in_their_directory_are_read_or_refused(tmp_path: Path) -> None:
    data = bytearray((written(tmp_path).folder / "golden.npz").read_bytes())
    for bit in range(8 * data.index(b"PK\x01\x02"), 8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        (tmp_path / "golden.npz").write_bytes(data)
        with contextlib.suppress(BadArtifact):
            artifact.read(tmp_path)
        data[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize("content", ["[]", "null", "7", '{"hash": 1}'])
def test_json_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    for file in ("schema.json", "card.json"):
        written(tmp_path)
        (tmp_path / file).write_text(content)
        with pytest.raises(BadArtifact):
            artifact.read(tmp_path)


def test_another_schema_than_the_card_names_is_refused(tmp_path: Path) -> None:
    card = replace(CARD, schema_hash="0" * 64)
    with pytest.raises(BadArtifact, match=r"names schema 000000000000"):
        artifact.write(tmp_path, tflite=b"", card=card, schema=SCHEMA, golden=GOLDEN)


def test_a_schema_changed_by_hand_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    stored = json.loads((tmp_path / "schema.json").read_text())
    stored["settings"] = [["minutes", 6]]
    (tmp_path / "schema.json").write_text(json.dumps(stored))
    with pytest.raises(BadArtifact):
        artifact.read(tmp_path)


def test_the_digest_changes_with_any_file(tmp_path: Path) -> None:
    written(tmp_path)
    before = artifact.digest(tmp_path)
    (tmp_path / "model.tflite").write_bytes(b"other")
    assert artifact.digest(tmp_path) != before


def test_the_schema_hash_knows_order_meaning_and_settings() -> None:
    other = replace(SCHEMA, columns=(Column("a", "byte", "both", "none"),))
    assert len({SCHEMA.hash, other.hash, replace(SCHEMA, settings=()).hash}) == 3
    assert FeatureSchema.from_dict(json.loads(json.dumps(SCHEMA.to_dict()))) == SCHEMA
