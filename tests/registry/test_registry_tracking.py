import os
import subprocess

import numpy as np
import pytest

from edgeprint.registry import figures, tracking
from edgeprint.scores import Scores

SCORES = Scores.count(["camera #1", "plug"], np.array([0, 0, 1]), np.array([0, 1, 1]), ce=0.5)


@pytest.fixture(scope="module")
def client(state):
    import mlflow

    return mlflow.MlflowClient()


def test_a_run_says_what_it_stands_on(client):
    tags = {"data_version": "md5-1", "simulated": True, "trained_on": "2025Q1"}
    with tracking.training_run("cclp", "cclp trained on 2025Q1", {"train": {"steps": 3}}, tags) as run:
        pass
    stored = client.get_run(run.id)
    assert stored.info.run_name == "cclp trained on 2025Q1"
    assert stored.info.status == "FINISHED"
    assert stored.data.params == {"train.steps": "3"}
    assert (
        stored.data.tags.items()
        >= {
            "family": "cclp",
            "data_version": "md5-1",
            "simulated": "True",
            "git_revision": tracking.git_revision(),
        }.items()
    )


def test_every_epoch_is_kept_also_those_of_a_run_that_fails(client):
    with pytest.raises(ZeroDivisionError), tracking.training_run("cclp", "fails", {}, {}) as run:
        for step in range(tracking.BUFFERED_EPOCHS + 5):
            run.on_epoch(step, {"loss": 1 / (step + 1)})
        raise ZeroDivisionError
    assert client.get_run(run.id).info.status == "FAILED"
    history = client.get_metric_history(run.id, "loss")
    assert [metric.step for metric in history] == list(range(tracking.BUFFERED_EPOCHS + 5))
    assert history[-1].value == pytest.approx(1 / 25)


def test_scores_have_the_names_of_scores_metrics_after_an_optional_prefix(client):
    with tracking.training_run("cclp", "scores", {}, {}) as run:
        run.scores(SCORES)
        run.scores(SCORES, "share 1/4")
    names = ["accuracy", "ce", "f1.camera _1", "f1.plug", "macro_f1", "samples"]
    found = client.get_run(run.id).data.metrics
    assert sorted(found) == sorted(names + [f"share 1/4/{name}" for name in names])
    assert found["macro_f1"] == pytest.approx(SCORES.macro_f1)


def test_a_finished_run_takes_more_metrics_by_step(client, state):
    with tracking.training_run("cclp", "reopened", {}, {}) as run:
        pass
    for step in (0, 1):
        tracking.reopen(run.id).metrics({"f1_by_interval": 0.9 - step / 10}, step)
    history = client.get_metric_history(run.id, "f1_by_interval")
    assert [(metric.step, metric.value) for metric in history] == [(0, 0.9), (1, 0.8)]
    assert client.get_run(run.id).info.status == "FINISHED"


def test_figures_texts_and_the_folder_are_with_the_run(client, folder):
    with tracking.training_run("cclp", "artifacts", {}, {}) as run:
        run.figure("confusion", figures.confusion(SCORES, "simulated"))
        run.text("drift/2025Q2.html", "<html>")
        uri = run.artifact_folder(folder)
    assert {item.path for item in client.list_artifacts(run.id, "plots")} == {"plots/confusion.png"}
    assert {item.path for item in client.list_artifacts(run.id, "drift")} == {"drift/2025Q2.html"}
    assert uri == f"models:/{client.get_run(run.id).outputs.model_outputs[0].model_id}"


def test_opening_a_store_again_keeps_what_it_holds(client, state, run_id):
    tracking.open_store(state)
    assert client.get_run(run_id).info.run_name == "cclp trained on 2025Q1"


def test_artifacts_lie_under_the_state_folder(client, state):
    stored = client.get_experiment_by_name(tracking.EXPERIMENT)
    assert stored.artifact_location == (state / "mlartifacts").as_uri()


def test_git_revision_tells_changed_code_and_no_git_at_all(tmp_path):
    assert tracking.git_revision(tmp_path) == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "code.py").write_text("1")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(git + command, check=True)
    clean = tracking.git_revision(tmp_path)
    (tmp_path / "code.py").write_text("2")
    assert len(clean) >= 7
    assert tracking.git_revision(tmp_path) == f"{clean}-dirty"


def test_f1_by_interval_draws_a_line_for_each_name_and_leaves_gaps():
    figure = figures.f1_by_interval({"Q1": [0.9, None], "Q2": [None, 0.8]}, ["Q1", "Q2"], "simulated", 0.6)
    first, second, floor = figure.axes[0].lines
    assert first.get_ydata().tolist()[0] == 0.9 and np.isnan(first.get_ydata()[1])
    assert second.get_label() == "Q2"
    assert floor.get_ydata() == [0.6, 0.6]


def test_confusion_writes_the_counts_and_names_the_score():
    axes = figures.confusion(SCORES, "simulated").axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "1", "1"]
    assert axes.get_title() == "simulated\nmacro-F1 0.667, 3 samples"


def test_opening_a_store_leaves_what_a_person_set_for_other_programs(state, monkeypatch):
    monkeypatch.delenv(tracking.URI, raising=False)
    tracking.open_store(state)
    assert tracking.URI not in os.environ
    monkeypatch.setenv(tracking.URI, "http://mlflow.example:5000")
    tracking.open_store(state)
    assert os.environ[tracking.URI] == "http://mlflow.example:5000"
