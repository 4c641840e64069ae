"""Sizes of the agent's images, as `make images` wrote them down; nothing is built here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Result, say

RECORD = Path(__file__).resolve().parents[1] / "state/images/images.json"
LIMIT_MB = 250  # that the tests hold every image to


def run(folder: Path, quick: bool) -> Iterator[Result]:
    """Whatever `folder` and `quick` say: the record is small, and the figures are real."""
    yield from sizes(RECORD)


def sizes(record: Path) -> Iterator[Result]:
    """A figure an image, in MB (10^6 bytes, as `docker image inspect` counts); none where none was built."""
    try:
        made = json.loads(record.read_bytes())
    except FileNotFoundError:
        say(f"images: skipped, for no image was built here: make images writes {record}")
        return
    for image in made["images"]:
        processor = image["platform"].rpartition("/")[2]
        where = f"{image['tag']} of revision {made['revision']}, {made['made']}, on {made['base']}"
        data = f"{where}, {len(image['layers'])} layers; the limit is {LIMIT_MB} MB"
        yield Result.alone(f"image-size-{processor}", image["bytes"] / 1e6, "MB", data)
