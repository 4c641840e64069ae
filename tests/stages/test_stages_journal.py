"""What the walk through the intervals has lived through is not lived through again."""

import shutil

import pytest
from segments import segment_home, set_numbers

from edgeprint import artifact
from edgeprint.registry import promote
from edgeprint.stages.journal import Journal
from edgeprint.stages.retrain import Walk
from edgeprint.stages.train import Trainer
from edgeprint.stages.workspace import Workspace

NAME = "lstm-cnn"
# Every interval retrains, and every challenger passes.
EASY = {
    "policy": {"max_new_data": 0.01, "from_scratch": False},
    "gate": {
        "min_macro_f1": 0.0,
        "max_drop": 1.0,
        "max_device_drop": 1.0,
        "max_ece_rise": 1.0,
        "max_auroc_drop": 1.0,
        "max_rss_bytes": 10**9,
        "max_parity": 1.0,
        "max_latency_ms": 1000,
    },
}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two intervals of four, each with a promotion."""
    workspace = segment_home(tmp_path_factory.mktemp("lived"))
    set_numbers(workspace, sections=EASY, epochs=2)
    journal = opened(workspace)
    assert all(journal.step(NAME, index)["promoted"] for index in (0, 1))
    return workspace


def opened(workspace: Workspace) -> Journal:
    return Journal(Walk(Trainer(workspace, "lstm_cnn", stage="retrain"), {"models": {}}))


def test_a_new_run_recalls_what_was_decided_and_has_the_champion(lived):
    journal = opened(lived)
    lines = [journal.recall(NAME, index) for index in (0, 1, 2)]
    assert [line and line["promoted"] for line in lines] == [True, True, None]
    champion = promote.champion(NAME)
    assert champion and artifact.digest(journal.walk.champions[NAME].artifact) == champion.digest
    assert champion.number == lines[1]["version"] == 2


def test_another_number_of_the_policy_makes_another_history(lived):
    set_numbers(lived, sections={**EASY, "policy": {"max_new_data": 0.02, "from_scratch": False}}, epochs=2)
    try:
        assert opened(lived).recall(NAME, 0) is None
    finally:
        set_numbers(lived, sections=EASY, epochs=2)
    assert opened(lived).recall(NAME, 0)


def test_a_step_whose_model_was_lost_is_lived_through_again(lived):
    kept = lived.root / "kept"
    champion = opened(lived).folder.parents[1] / "challengers" / f"{NAME}-0"
    shutil.move(champion, kept)
    try:
        assert opened(lived).recall(NAME, 0) is None
    finally:
        shutil.move(kept, champion)


def test_what_is_no_part_of_this_history_is_forgotten(lived):
    journal = opened(lived)
    stale = journal.folder / f"{NAME}-0-0123456789abcdef.json"
    stale.write_text("{}")
    for index in (0, 1):
        journal.recall(NAME, index)
    journal.settle()
    assert not stale.exists() and len(list(journal.folder.iterdir())) == 2


def test_what_a_person_approves_of_later_is_remembered(lived):
    journal = opened(lived)
    lines = [journal.recall(NAME, index) for index in (0, 1)]
    journal.amend(NAME, 1, {**lines[1], "promoted": True, "approved": "by a person"})
    assert [opened(lived).recall(NAME, index) for index in (0,)] == lines[:1]
    again = opened(lived)
    assert [again.recall(NAME, index) for index in (0, 1)][1]["approved"] == "by a person"
    journal.amend(NAME, 1, lines[1])


def test_a_machine_without_a_past_begins_from_the_champion_in_the_registry(lived, monkeypatch):
    journal = opened(lived)
    shutil.move(journal.folder, journal.folder.with_name("elsewhere"))
    monkeypatch.setattr(Trainer, "train", None)
    line = opened(lived).step(NAME, 1)
    assert not line["retrained"] and "the champion was trained through share 2/4" in line["reasons"]
    assert promote.champion(NAME).number == 2
