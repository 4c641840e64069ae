"""The pages show pictures that are there, and that are small enough for a repository."""

import re
from pathlib import Path

import yaml

from docs import collect_results

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_every_picture_of_the_features_is_there_and_small():
    shown = set(re.findall(r"\]\((features-\w+\.png)\)", (DOCS / "features.md").read_text()))
    assert shown == {path.name for path in DOCS.glob("features-*.png")}
    assert all((DOCS / name).stat().st_size < 80_000 for name in shown)


def test_the_page_of_results_says_what_its_words_say_of_each_table():
    page = (DOCS / "results.md").read_text()
    words = yaml.safe_load((DOCS / "results.yaml").read_text())
    assert [key for key, said in words.items() if said.strip() not in page] == []


def test_every_picture_of_the_results_is_there_and_shown():
    shown = set(re.findall(r"\]\(results/([\w-]+\.png)\)", (DOCS / "results.md").read_text()))
    assert shown == {path.name for path in (DOCS / "results").glob("*.png")}


def test_collecting_nothing_leaves_the_page_of_results_as_it_is():
    page = (DOCS / "results.md").read_text()
    words = yaml.safe_load((DOCS / "results.yaml").read_text())
    assert collect_results.page_of(collect_results.on_page(page), words) == page
