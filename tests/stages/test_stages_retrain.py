"""Three quarters of a simulated home, in which one of three devices gets new firmware in the last one."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scripted_home import DEVICES, UPDATED, walk
from typer.testing import CliRunner

from edgeprint import artifact
from edgeprint.cli import app
from edgeprint.edge import bank
from edgeprint.errors import GateRefused
from edgeprint.registry import promote, tracking
from edgeprint.registry.tflite import KINDS
from edgeprint.stages import by_hand, champions
from edgeprint.stages.methods import Context
from edgeprint.stages.retrain import Walk, scores
from edgeprint.stages.train import Trainer
from edgeprint.stages.workspace import Workspace

NAME = f"binary.{UPDATED}"
OTHERS = [f"binary.{device}" for device in DEVICES if device != UPDATED]


@pytest.fixture(autouse=True)
def store(trainer: Trainer, lines: list[dict]) -> None:
    """Other tests opened stores of their own since the home was lived through."""
    tracking.open_store(trainer.workspace.state)


def line(lines: list[dict], name: str, interval: str) -> dict:
    return next(each for each in lines if (each["model"], each["interval"]) == (name, interval))


def runs(filter_string: str) -> list:
    import mlflow

    client = mlflow.MlflowClient()
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(ids, filter_string))


def test_exactly_the_device_with_new_firmware_is_retrained_and_promoted(lines):
    later = [each for each in lines if each["interval"] != "2025Q1"]
    assert [(x["model"], x["interval"]) for x in later if x["retrained"]] == [(NAME, "2025Q3")]
    assert line(lines, NAME, "2025Q3")["promoted"]
    aliases = {name: promote.champion(name).number for name in (NAME, *OTHERS)}
    assert aliases == {NAME: 2, **dict.fromkeys(OTHERS, 1)}
    assert promote.aliased(NAME, promote.PREVIOUS).number == 1


def test_the_reason_is_a_number_against_its_limit(lines):
    reasons = " ".join(line(lines, NAME, "2025Q3")["reasons"])
    assert re.search(r"F1 went from 0\.\d+ to 0\.\d+ \(-0\.\d+\), limit -0\.250", reasons)
    assert re.search(r"\d+% of the columns drifted, limit 50%", reasons)


def test_the_scores_say_how_many_were_retrained_and_how_good_each_champion_is(lines):
    told = scores(lines)
    assert (told["retrained"], told["promoted"], told["refused"]) == (1, 1, 0)
    assert set(told["f1"]) == {NAME, *OTHERS} and all(0.5 < f1 <= 1 for f1 in told["f1"].values())
    refused = [{**each, "promoted": False} for each in lines]
    assert scores(refused)["refused"] == 1 and scores(refused)["f1"][NAME] < told["f1"][NAME]


def test_the_challenger_was_the_better_of_two_on_the_validation_part(lines):
    told = line(lines, NAME, "2025Q3")["challenger"]
    one, other = (float(number) for number in re.findall(r"\d\.\d{3}", told))
    assert one >= other
    tried = runs(f"tags.stage = 'retrain' and tags.model = '{NAME}'")
    assert len(tried) == 3 and all("macro_f1" in run.data.metrics for run in tried)  # the first, two rivals
    exported = [run for run in tried if run.outputs and run.outputs.model_outputs]
    assert len(exported) == 2  # without the loser


def test_the_smallest_good_export_was_shipped_and_an_agent_proves_it(trainer, lines):
    shipped = set()
    for name in (NAME, *OTHERS):
        stored = artifact.read(champions.fetch(trainer, promote.champion(name)).artifact)
        kind = stored.card.export["kind"]
        assert (
            len(stored.tflite)
            == stored.card.export[kind]["bytes"]
            == min(stored.card.export[each]["bytes"] for each in (kind, "float32"))
        )
        bank.prove(stored)
        shipped.add(kind)
    assert shipped != {"float32"}
    (run,) = runs(f"attributes.run_id = '{promote.champion(NAME).run_id}'")
    assert {f"export.{kind}.macro_f1" for kind in KINDS} <= set(run.data.metrics)


def test_every_number_of_the_gate_is_a_metric_of_its_run(lines):
    (run,) = runs(f"tags.stage = 'gate' and tags.model = '{NAME}' and tags.version = '2'")[:1]
    assert run.data.tags["verdict"] == "passed"
    wanted = {
        "macro_f1 against champion",
        "calibration error",
        "unknown AUROC",
        "parity",
        "latency",
        "memory",
    }
    assert {f"gate.{name}" for name in wanted} <= set(run.data.metrics)


def test_lived_again_it_comes_to_the_same_without_training(trainer, lines, monkeypatch):
    monkeypatch.setattr(trainer.method, "train", None)
    again = [{key: each.get(key) for key in ("reasons", "version", "promoted")} for each in walk(trainer)]
    assert again == [{key: each.get(key) for key in ("reasons", "version", "promoted")} for each in lines]
    assert promote.champion(NAME).number == 2 and promote.aliased(NAME, promote.PREVIOUS).number == 1


def test_another_machine_goes_on_from_the_champions_weights(trainer, lines, tmp_path):
    for place in ("data", "params.yaml"):
        (tmp_path / place).symlink_to(trainer.workspace.root / place)
    elsewhere = Trainer(Workspace(tmp_path), "binary", stage="retrain")
    tracking.open_store(trainer.workspace.state)  # where the registry is
    fetched = Walk(elsewhere, {"models": {}}).adopt(NAME)
    assert fetched.interval == 2 and fetched.folder.is_relative_to(tmp_path)
    own = champions.fetch(trainer, promote.champion(NAME)).model.weights
    assert all(np.array_equal(a, b) for a, b in zip(own, fetched.model.weights, strict=True))


@pytest.fixture(scope="module")
def worse(trainer, lines) -> promote.Version:
    """The champion with weights that were damaged on purpose, registered as challenger."""
    champion = champions.fetch(trainer, promote.champion(NAME))
    shuffle = np.random.default_rng(0).permutation
    damaged = [shuffle(w.ravel()).reshape(w.shape) if w.ndim > 1 else w for w in champion.model.weights]
    model = replace(champion.model, weights=damaged)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.method, "train", lambda *_, **__: model)
        trained = trainer.train(NAME, 2, trainer.workspace.state / "worse", initial=champion)
    return champions.enter(trainer, trained)


def test_a_worse_challenger_is_refused_with_its_numbers(trainer, worse):
    shown: list[str] = []
    with pytest.raises(GateRefused, match=r"F1 of plug-a \d\.\d+ is below \d\.\d+, the champion's"):
        by_hand.promote(trainer.workspace, NAME, show=shown.append)
    assert "REFUSED" in shown[0] and "macro_f1 against champion" in shown[0]
    assert promote.champion(NAME).number == 2
    (run,) = runs(f"tags.verdict = 'refused' and tags.version = '{worse.number}'")
    assert run.data.tags["by_hand"] == "promote" and "is below" in run.data.tags["reasons"]


def test_the_command_promotes_it_for_a_reason_and_rolls_back(trainer, worse):
    place = ["--workspace", str(trainer.workspace.root)]
    published = trainer.workspace.reports / "release.json"
    published.parent.mkdir(exist_ok=True)
    published.write_text("{}")
    forced = CliRunner().invoke(app, ["promote", NAME, "--force", "a fire drill", *place])
    assert forced.exit_code == 0, forced.output
    assert f"{NAME}: version {worse.number} is the champion; it was version 2" in forced.output
    assert not published.exists()  # so that DVC publishes anew
    import mlflow

    stored = mlflow.MlflowClient().get_model_version(NAME, str(worse.number))
    assert stored.tags["forced"] == "a fire drill" and stored.tags["gate.verdict"] == "refused"
    back = CliRunner().invoke(app, ["rollback", NAME, *place])
    assert back.exit_code == 0, back.output
    assert promote.champion(NAME).number == 2


def test_the_next_step_begins_from_what_a_person_put_in_use(trainer, worse):
    lived = Walk(trainer, {"models": {}})
    lived.champions[NAME] = champions.fetch(trainer, promote.version(NAME, 2))
    promote.promote(NAME, 1, by=promote.HAND)
    line = lived.step(NAME, 2)
    assert line["retrained"] and line["version"] == 2  # as when version 1 was the champion
    assert promote.champion(NAME).number == 2 and not promote.champion(NAME).by_hand


def test_with_approval_asked_what_passes_waits_and_says_how(trainer, lines):
    name, before = OTHERS[0], promote.champion(OTHERS[0])
    params = trainer.context.params
    asked = params.model_copy(update={"gate": params.gate.model_copy(update={"approval": True})})
    careful = Trainer(trainer.workspace, "binary", stage="retrain")
    careful.context = Context(trainer.context.inventory, asked)
    lived = Walk(careful, {"models": {}})
    line = lived.step(name, 0)
    assert line["awaits"].endswith(f"edgeprint promote {name} --version 1")
    assert not line["promoted"] and name not in lived.champions
    assert not lived.waits(line)  # version 1 was promoted before
    done = lived.approve(line)
    assert done["promoted"] and "awaits" not in done
    assert promote.champion(name) == before and promote.champion(name).by_hand
    promote.promote(name, 1)
