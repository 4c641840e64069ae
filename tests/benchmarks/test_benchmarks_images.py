"""The sizes of images come from the record that `make images` writes."""

import json
from pathlib import Path

import pytest

from benchmarks.images import sizes

IMAGE = {"tag": "edgeprint-edge:dev-amd64", "platform": "linux/amd64", "bytes": 218_600_000, "layers": ["a"]}
RECORD = {"made": "2026-01-05", "revision": "abc", "base": "python:3.11-slim-bookworm", "images": [IMAGE]}


def test_each_image_is_a_figure_that_says_what_it_was_built_of(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(json.dumps(RECORD))
    (result,) = sizes(tmp_path / "images.json")
    assert (result.name, result.value, result.unit) == ("image-size-amd64", 218.6, "MB")
    assert "revision abc" in result.data and "python:3.11-slim-bookworm" in result.data


def test_where_no_image_was_built_the_reason_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(sizes(tmp_path / "images.json")) == []
    assert "skipped, for no image was built" in capsys.readouterr().err
