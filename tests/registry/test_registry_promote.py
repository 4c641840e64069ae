import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from edgeprint import artifact, params
from edgeprint.errors import EdgeprintError, UnknownModel
from edgeprint.registry import flavor, promote, tracking
from edgeprint.registry.gate import Exam, examine

LIMITS = params.load(Path(__file__).resolve().parents[2] / "params.yaml").gate
names = (f"binary.camera-{i}" for i in itertools.count())


@pytest.fixture
def name(state) -> str:
    """A registered name that nothing is stored under yet; it has a dot, as a device's model has."""
    return next(names)


@pytest.fixture(scope="module")
def folders(write_folder, tmp_path_factory) -> list[Path]:
    base, notes = tmp_path_factory.mktemp("three"), ("one", "two", "three")
    return [write_folder(base / note, "binary.plug", note) for note in notes]


@pytest.fixture(scope="module")
def three(run_id, folders) -> list[promote.Version]:
    return [promote.register(run_id, folder, "binary.plug") for folder in folders]


@pytest.fixture
def plug(three) -> str:
    """The name of a model with versions 1, 2 and 3, of which 3 is the challenger and none the champion."""
    clear("binary.plug")
    client().set_registered_model_alias("binary.plug", "challenger", "3")
    return "binary.plug"


def client():
    import mlflow

    return mlflow.MlflowClient()


def clear(name: str) -> None:
    for alias in aliases(name):
        client().delete_registered_model_alias(name, alias)


def aliases(name: str) -> dict[str, int]:
    found = {alias: promote.aliased(name, alias) for alias in ("champion", "challenger", "previous")}
    return {alias: version.number for alias, version in found.items() if version}


def test_a_model_that_was_never_registered_has_no_champion(name):
    assert promote.champion(name) is None


def test_a_registered_version_is_the_challenger_and_holds_the_folder(name, run_id, write_folder, tmp_path):
    folder = write_folder(tmp_path, name)
    version = promote.register(run_id, folder, name)
    assert version == promote.Version(name, 1, run_id, artifact.digest(folder))
    assert aliases(name) == {"challenger": 1}
    assert artifact.digest(flavor.load_model(version.uri).artifact.folder) == version.digest


def test_registering_the_same_folder_again_gives_the_same_version(name, run_id, write_folder, tmp_path):
    folder = write_folder(tmp_path, name)
    assert promote.register(run_id, folder, name) == promote.register(run_id, folder, name)


def test_registering_uses_the_model_that_the_run_has_logged(name, run_id, write_folder, tmp_path):
    folder = write_folder(tmp_path, name)
    logged = flavor.log_model(folder, run_id=run_id)
    promote.register(run_id, folder, name)
    assert client().get_model_version(name, "1").source == logged.model_uri


def test_promotion_moves_champion_and_keeps_the_one_before(plug):
    promote.promote(plug, 1)
    assert aliases(plug) == {"champion": 1, "challenger": 3}
    promote.promote(plug, 3)
    assert aliases(plug) == {"champion": 3, "previous": 1}


def test_promoting_the_champion_again_changes_nothing(plug):
    for number in (1, 2, 2):
        promote.promote(plug, number)
    assert aliases(plug) == {"champion": 2, "previous": 1, "challenger": 3}


def test_the_champion_does_not_become_a_challenger_again(plug, folders, run_id):
    promote.promote(plug, 3)
    promote.register(run_id, folders[2], plug)
    assert aliases(plug) == {"champion": 3}


def test_promoting_what_is_not_there_changes_nothing(plug):
    promote.promote(plug, 1)
    with pytest.raises(UnknownModel, match=f"{plug} has no version 9"):
        promote.promote(plug, 9)
    assert aliases(plug)["champion"] == 1


def test_an_alias_that_reads_back_another_version_is_an_error_with_both(plug, monkeypatch):
    promote.promote(plug, 1)
    from mlflow import MlflowClient

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", lambda *_: None)  # a server that forgets
    with pytest.raises(EdgeprintError, match=r"alias previous .* was set to version 1 and reads back"):
        promote.promote(plug, 2)
    assert aliases(plug)["champion"] == 1


def test_rollback_goes_back_once(plug):
    promote.promote(plug, 1)
    promote.promote(plug, 2)
    assert promote.rollback(plug).number == 1
    assert aliases(plug) == {"champion": 1, "challenger": 3}
    with pytest.raises(UnknownModel, match="has no previous version to go back to"):
        promote.rollback(plug)


def test_a_refusal_is_a_run_with_every_number(plug, three):
    import mlflow

    exam = Exam(0.5, "a", "a", 1e-8, 0.3, 3000)
    report = examine(exam, replace(exam, macro_f1=0.9, device_f1={"plug": 0.8}), LIMITS)
    run = client().get_run(promote.record_gate(report, three[1], {"interval": "2025Q4"}))
    assert run.info.run_name == f"gate refused: {plug} version 2"
    assert run.data.metrics["gate.macro_f1"] == 0.5
    assert run.data.params["limit.macro_f1"] == "0.6"
    assert run.data.tags.items() >= {"family": "binary", "stage": "gate", "interval": "2025Q4"}.items()
    assert "macro_f1 0.500 is below 0.600" in run.data.tags["reasons"]
    assert "REFUSED" in mlflow.artifacts.load_text(f"{run.info.artifact_uri}/gate.txt")
    assert client().get_model_version(plug, "2").tags["gate.verdict"] == "refused"


def test_aliases_follow_the_state_machine_whatever_is_done(plug):
    class Aliases(RuleBasedStateMachine):
        champion: int | None = None
        previous: int | None = None

        def __init__(self) -> None:
            super().__init__()
            clear(plug)

        @rule(number=st.sampled_from([1, 2, 3]))
        def promote(self, number):
            if number != self.champion:
                self.champion, self.previous = number, self.champion
            promote.promote(plug, number)
            self.agrees()

        @precondition(lambda self: self.previous)
        @rule()
        def rollback(self):
            self.champion, self.previous = self.previous, None
            promote.rollback(plug)
            self.agrees()

        def agrees(self) -> None:
            expected = {"champion": self.champion, "previous": self.previous}
            assert aliases(plug) == {alias: number for alias, number in expected.items() if number}

    few = settings(
        max_examples=6, stateful_step_count=6, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Aliases, settings=few)


def test_the_weights_and_what_is_said_of_them_go_with_a_version(name, run_id, write_folder, tmp_path):
    folder, source = write_folder(tmp_path / "artifact", name), tmp_path / "model"
    (source / "artifact").mkdir(parents=True)
    (source / "weights.npz").write_bytes(b"weights")
    version = promote.register(run_id, folder, name, source=source, about={"interval": "2025Q4"})
    fetched = promote.fetch_source(version, tmp_path / "there")
    assert {path.name for path in fetched.iterdir()} == {"weights.npz", "about.json"}
    assert (fetched / "weights.npz").read_bytes() == b"weights"
    assert promote.read_about(fetched) == {"interval": "2025Q4"}


def test_a_version_without_weights_says_so(plug, tmp_path):
    with tracking.training_run("binary", "without weights", {}, {}) as run:
        pass
    bare = replace(promote.version(plug, 1), run_id=run.id)
    with pytest.raises(UnknownModel, match="version 1 was registered without the weights to go on from"):
        promote.fetch_source(bare, tmp_path)
