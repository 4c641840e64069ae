"""The main job, end to end, on a small simulated home."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from edgeprint.registry import promote, tracking
from edgeprint.stages import job
from edgeprint.stages.workspace import Workspace

FINISHED = "tags.stage = 'train' and attributes.status = 'FINISHED'"


def dvc(workspace: Workspace, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, check=True).stdout


def test_a_second_run_recomputes_nothing(workspace: Workspace) -> None:
    page = workspace.reports / "index.html"
    before = page.stat().st_mtime_ns
    assert not job.run(workspace)
    assert page.stat().st_mtime_ns == before


def test_a_changed_parameter_makes_only_what_depends_on_it_stale(workspace: Workspace) -> None:
    path = workspace.root / "params.yaml"
    shipped = path.read_text()
    changed = yaml.safe_load(shipped)
    changed["cclp"]["train"]["steps"] = 2
    path.write_text(yaml.safe_dump(changed))
    try:
        stale = json.loads(dvc(workspace, "status", "--json"))
    finally:
        path.write_text(shipped)
    assert sorted(stale) == ["retrain", "train-cclp"]  # each trains, from what the features say


def test_the_file_that_is_no_capture_is_named_and_the_rest_went_on(workspace: Workspace) -> None:
    report = workspace.report("extract")
    assert [each["capture"] for each in report["refused"]] == ["notes.pcap"]
    assert len(report["captures"]) == 2
    assert "notes.pcap" in (workspace.reports / "index.html").read_text()


def test_a_quarter_without_traffic_is_named_and_the_others_went_on(workspace: Workspace) -> None:
    for part in workspace.report("evaluate").values():
        assert part["intervals"] == ["2025Q1", "2025Q2", "2025Q3"]
        assert any("2025Q2 holds no traffic" in each["reason"] for each in part["skipped"])
        assert part["matrices"]["macro_f1"][0][1] is None and part["matrices"]["macro_f1"][0][2] is not None


def test_a_device_without_traffic_is_named_and_the_others_have_models(workspace: Workspace) -> None:
    reasons = [each["reason"] for each in workspace.report("evaluate")["binary"]["skipped"]]
    assert any("ghost" in reason for reason in reasons)
    assert "ghost is in devices.csv but sent no packet" in (workspace.reports / "index.html").read_text()


def test_there_is_one_feature_file_a_capture_day_and_method(workspace: Workspace) -> None:
    days = {p.stem for p in workspace.captures.glob("2*.pcap")}
    for method in ("cclp", "lstm_cnn", "binary"):
        assert {p.stem for p in (workspace.features / method).glob("*.parquet")} == days


def test_every_method_has_a_matrix_of_trained_on_by_evaluated_on(workspace: Workspace) -> None:
    for part in workspace.report("evaluate").values():
        matrix = part["matrices"]["macro_f1"]
        assert len(matrix) == len(part["intervals"]) == 3
        assert all(0 <= value <= 1 for row in matrix for value in row if value is not None)
        assert set(part["judged_on"].values()) <= {"never-seen devices", "seen devices, later time"}
    pages = list((workspace.reports / "drift").glob("*.html"))
    assert workspace.reports / "drift" / "cclp-2025Q3.html" in pages
    assert all(10_000 < page.stat().st_size < 1_000_000 for page in pages)  # their library lies beside them


def test_every_retraining_has_its_reason(workspace: Workspace) -> None:
    for line in workspace.report("retrain"):
        assert line["reasons"], line


def test_what_was_promoted_is_the_champion_in_the_registry(workspace: Workspace) -> None:
    tracking.open_store(workspace.state)
    promoted = {x["model"]: x["version"] for x in workspace.report("retrain") if x["promoted"]}
    assert promoted
    for name, number in promoted.items():
        champion = promote.champion(name)
        assert champion is not None and champion.number == number


def test_every_run_says_what_data_and_code_it_stands_on(workspace: Workspace) -> None:
    import mlflow

    tracking.open_store(workspace.state)
    runs = mlflow.search_runs(experiment_names=[tracking.EXPERIMENT], filter_string=FINISHED)
    assert set(runs["tags.family"]) == {"cclp", "lstm-cnn", "binary"}
    assert set(runs["tags.data_version"]) == {workspace.data_version()}
    assert runs["tags.git_revision"].notna().all()
    for metric in ("macro_f1", "accuracy", "loss", "val_macro_f1"):
        assert runs[f"metrics.{metric}"].notna().all(), metric


def test_the_agent_judged_devices_by_the_published_models(workspace: Workspace) -> None:
    published = set(workspace.report("release")["models"])
    lines = [json.loads(line) for line in (workspace.reports / "verdicts.jsonl").read_text().splitlines()]
    judged = {line["device"] for line in lines if line["verdict"] in ("recognised", "deviates")}
    assert judged and {f"binary.{device}" for device in judged} <= published


def test_the_page_stands_alone_and_shows_every_part(workspace: Workspace) -> None:
    text = (workspace.reports / "index.html").read_text()
    for heading in (
        "Captures",
        "Drift by interval",
        "What was retrained",
        "Promoted or refused",
        "agent on the Pi",
    ):
        assert heading in text
    assert "http://" not in text and "https://" not in text


def test_publishing_again_without_change_keeps_the_targets(workspace: Workspace) -> None:
    from edgeprint.stages import release

    before = workspace.report("release")["versions"]["targets"]
    assert release.publish(workspace, datetime.now(UTC))["versions"]["targets"] == before


@pytest.mark.parametrize("stage", ["extract", "train", "evaluate", "retrain", "release"])
def test_each_flow_is_one_file(stage: str) -> None:
    source = (Path(__file__).resolve().parents[2] / "flows" / f"{stage}.py").read_text()
    assert f'@flow(name="{stage}"' in source and "import numpy" not in source
