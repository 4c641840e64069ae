"""Captures too short for one method, or for all: the rest goes on, and the page says what is missing."""

from pathlib import Path

import pytest

from edgeprint.stages import job, page
from edgeprint.testbed.home import simulate

REPOSITORY = Path(__file__).resolve().parents[2]
HALF_HOURS = """
intervals: {by: shares, count: 1, test_fraction: 0.4}
cclp: {features: {window_minutes: 5}, train: {iterations: 50}}
lstm_cnn: {features: {segment_minutes: 30}}
binary: {train: {width: 16, samples: 20, epochs: 1}, evaluate: {runs: 2, run_length: 5}}
gate: {min_macro_f1: 0.0, max_latency_ms: 1000}
agent: {hours: 0.5}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "an-hour"
    simulate(folder, devices=3, quarters=1, hours=1, seed=3)
    return folder


def test_a_method_without_enough_traffic_is_named_and_the_others_go_on(data: Path, tmp_path: Path) -> None:
    (data / "params.yaml").write_text(HALF_HOURS)
    workspace = job.prepare(REPOSITORY, data, tmp_path)
    job.run(workspace)
    evaluate = workspace.report("evaluate")
    assert evaluate["lstm_cnn"]["judged_on"] == {}
    assert evaluate["cclp"]["judged_on"] and evaluate["binary"]["judged_on"]
    text = (workspace.reports / "index.html").read_text()
    assert "LSTM-CNN: what kind: no model could be trained" in text
    assert "agent on the Pi" in text


def test_where_nothing_can_be_published_the_page_shows_what_came_before(data: Path, tmp_path: Path) -> None:
    (data / "params.yaml").write_text(HALF_HOURS.replace("width: 16", "width: 1000"))
    workspace = job.prepare(REPOSITORY, data, tmp_path)
    with pytest.raises(job.StageFailed, match=r"shown in .*index\.html"):
        job.run(workspace)
    text = (workspace.reports / "index.html").read_text()
    assert "Stopped early: no binary model passed the gate" in text
    assert "What was retrained" in text and "agent on the Pi" not in text


def test_a_page_without_any_run_is_refused(tmp_path: Path) -> None:
    from edgeprint.errors import NotEnoughData
    from edgeprint.stages.workspace import Workspace

    with pytest.raises(NotEnoughData, match="holds no report"):
        page.write(Workspace(tmp_path))
