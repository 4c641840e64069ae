"""params.yaml is checked by name and value."""

from pathlib import Path

import pytest
import yaml

from edgeprint.errors import BadParams
from edgeprint.params import load

SHIPPED = Path(__file__).resolve().parents[1] / "params.yaml"


def changed(tmp_path: Path, *keys: str, value: object) -> Path:
    content = yaml.safe_load(SHIPPED.read_text())
    section = content
    for key in keys[:-1]:
        section = section[key]
    section[keys[-1]] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_shipped_file_is_accepted() -> None:
    assert load(SHIPPED).binary.features.height == 75


def test_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadParams, match=r"cclp.train.stesp is not a known key"):
        load(changed(tmp_path, "cclp", "train", "stesp", value=3))


def test_a_value_out_of_range_is_refused_with_the_value(tmp_path: Path) -> None:
    with pytest.raises(BadParams, match=r"intervals.test_fraction = 1.5 is refused"):
        load(changed(tmp_path, "intervals", "test_fraction", value=1.5))


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: 1\n")
    with pytest.raises(BadParams, match=r"gate is missing"):
        load(path)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("a: [1,\n")
    with pytest.raises(BadParams, match=r"params.yaml cannot be read"):
        load(path)


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    path = changed(tmp_path, "gate", "max_parity", value=-1)
    content = yaml.safe_load(path.read_text()) | {"sede": 1}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(BadParams, match=r"gate.max_parity.*sede|sede.*gate.max_parity"):
        load(path)
