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
    "policy": {"max_new_data": 0.01},
    "gate": {
        "min_macro_f1": 0.0,
        "max_drop": 1.0,
        "max_device_drop": 1.0,
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
    set_numbers(lived, sections={**EASY, "policy": {"max_new_data": 0.02}}, epochs=2)
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


def test_the_next_step_compares_with_what_a_person_rolled_back_to(lived):
    promote.rollback(NAME)
    journal = opened(lived)
    for index in (0, 1):
        journal.recall(NAME, index)
    assert journal.walk.champions[NAME].interval == 1
    journal._heed_registry(NAME)
    assert journal.walk.champions[NAME].interval == 0


def test_what_is_no_part_of_this_history_is_forgotten(lived):
    journal = opened(lived)
    stale = journal.folder / "lstm-cnn-0-ofanotherhistory.json"
    stale.write_text("{}")
    for index in (0, 1):
        journal.recall(NAME, index)
    journal.settle()
    assert not stale.exists() and len(list(journal.folder.iterdir())) == 2
