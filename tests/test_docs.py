"""The pages show pictures that are there, and that are small enough for a repository."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_every_picture_of_the_features_is_there_and_small():
    shown = set(re.findall(r"\]\((features-\w+\.png)\)", (DOCS / "features.md").read_text()))
    assert shown == {path.name for path in DOCS.glob("features-*.png")}
    assert all((DOCS / name).stat().st_size < 80_000 for name in shown)
