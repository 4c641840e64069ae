"""Drift of the scripted home as an evaluation sees it, with what agents reported."""

import json
from pathlib import Path

import numpy as np
import pytest
from scripted_home import DEVICES, UPDATED

from edgeprint.drift.field import FieldSignals
from edgeprint.scores import Scores
from edgeprint.stages import evaluate as stage

INTERVALS = ["2025Q1", "2025Q2", "2025Q3"]


@pytest.fixture(scope="module")
def folder(trainer, lines, tmp_path_factory) -> Path:
    """Where the pages go; models/binary/runs.json names the models of the first quarter."""
    models = {
        f"binary.{device}": {"folder": f"state/challengers/binary.{device}-0-scratch"} for device in DEVICES
    }
    place = trainer.workspace.models / "binary" / "runs.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"intervals": INTERVALS, "models": {"0": models}, "skipped": []}))
    return tmp_path_factory.mktemp("drift")


@pytest.fixture(scope="module")
def moved(trainer, folder) -> list[dict]:
    return [stage.drift_of(trainer, index, 0, folder) for index in (1, 2)]


def test_the_updated_device_moved_in_every_view_and_the_others_in_none(moved):
    quiet, update = moved
    assert set(update["views"]) == {"energies", "predictions"}
    for view in (update, *update["views"].values()):
        shares = view["devices"]
        assert shares[UPDATED] > 0.5
        assert all(shares[device] < 0.5 for device in shares if device != UPDATED), shares
    assert max(quiet["devices"][device] for device in DEVICES) < 0.5


def test_every_view_has_a_page_and_its_json(moved, folder):
    pages = [moved[1]["page"], *(view["page"] for view in moved[1]["views"].values())]
    assert pages == [f"binary-2025Q3{view}.html" for view in ("", "-energies", "-predictions")]
    for page in pages:
        assert "<html" in (folder / page).read_text()
        assert json.loads((folder / page).with_suffix(".json").read_text())["metrics"]


def test_the_conclusion_is_one_run_with_a_picture_and_everything_in_it(trainer, folder, moved, monkeypatch):
    import mlflow

    signals = {"2025Q3": {UPDATED: FieldSignals(ticks=10, deviating=9, streaks=1)}, "2025Q1": {}}
    monkeypatch.setattr(stage.agents, "by_interval", lambda _: signals)
    scores = Scores(["other", UPDATED], np.array([[9, 1], [1, 9]]))
    cells = {(0, 0): scores, (0, 2): None}
    part = {**stage.summary(cells, INTERVALS), "drift": moved, "skipped": []}
    whole = stage.conclude(trainer, cells, part, folder)
    assert whole["decay"]["macro_f1"] == [pytest.approx(0.9), None, None]
    assert whole["field"]["2025Q3"][UPDATED]["deviating_share"] == 0.9
    client = mlflow.MlflowClient()
    (experiment,) = [e for e in client.search_experiments() if e.name == "edgeprint"]
    (run,) = client.search_runs([experiment.experiment_id], "tags.stage = 'evaluation'")
    assert {item.path for item in client.list_artifacts(run.info.run_id)} == {
        "plots",
        "evaluation.json",
        "drift",
    }
    assert len(client.list_artifacts(run.info.run_id, "drift")) == 12
    assert run.data.metrics["drift.predictions"] == moved[1]["views"]["predictions"]["share"]
    assert (folder / "binary-summary.png").stat().st_size > 10_000
