"""Take the pictures of docs/operations.md: python docs/draw_operations.py

A real run of a simulated home, quarter by quarter: MLflow and Prefect on PostgreSQL, artifacts in S3, and a
worker that carries out the deployment retrain of prefect.yaml. Needs Debian's postgresql and chromium.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from edgeprint.stages.ingest import ingest, open_workspace
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed.home import quarter_name, simulate

DOCS = Path(__file__).resolve().parent
sys.path.append(str(DOCS.parent / "tests"))
import servers  # noqa: E402

SIZE = "1280,900"
HOME = """
intervals: {by: calendar, test_fraction: 0.3}
cclp: {features: {window_minutes: 5}, train: {iterations: 100}}
lstm_cnn: {features: {segment_minutes: 1}, train: {epochs: 3}}
binary: {train: {width: 16, samples: 60, epochs: 3}, evaluate: {runs: 3, run_length: 5}}
gate: {min_macro_f1: 0.5, max_latency_ms: 1000}
"""


def main() -> None:
    """Serve, ingest, deploy, work, and take all pictures."""
    with (
        tempfile.TemporaryDirectory() as name,
        servers.postgresql("mlflow", "prefect") as database,
        servers.s3(Path(name), "mlflow", "captures") as s3,
        servers.running(without_roles(servers.mlflow_server(Path(name), database, s3))) as mlflow,
        servers.running(servers.prefect_server(Path(name), database)) as prefect,
    ):
        folder, api = Path(name), prefect.url.removesuffix("/health")
        os.environ.update(
            servers.KEYS, AWS_ENDPOINT_URL=s3, PREFECT_API_URL=api, MLFLOW_TRACKING_URI=mlflow.url
        )
        arrived = quarters(folder)
        (arrived[0] / "params.yaml").write_text(HOME)
        site = open_workspace(DOCS.parent, folder / "site", arrived[0], "s3://captures/site")
        prefect_cli("work-pool", "create", "edgeprint", "--type", "process")
        prefect_cli("--no-prompt", "deploy", "--all")
        for quarter in arrived[1:]:
            ingest(site, quarter, quarter.name)
            retrain(site, folder)
        pictures(folder, mlflow.url, api.removesuffix("/api"))


def quarters(folder: Path) -> list[Path]:
    """The folder `made` with what describes the home, and one a quarter."""
    made = simulate(folder / "made", devices=4, quarters=3, hours=2, seed=3)
    found = [folder / "made"]
    for number, file in enumerate(made.files, 1):
        found.append(folder / quarter_name(number))
        found[-1].mkdir()
        (folder / "made" / file).rename(found[-1] / file)
        for kept in ("devices.csv", "source.json"):
            (found[-1] / kept).write_bytes((folder / "made" / kept).read_bytes())
    return found


def prefect_cli(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "prefect", *arguments], cwd=DOCS.parent, check=True)


def retrain(site: Workspace, folder: Path) -> None:
    """Start the deployment as a person would, and let a worker carry it out."""
    prefect_cli("deployment", "run", "pipeline/retrain", "--param", f"workspace={site.root}")
    with (folder / "worker.log").open("a") as log:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "edgeprint", "--run-once"]
        subprocess.run(command, cwd=DOCS.parent, stdout=log, stderr=log, check=True)


def without_roles(mlflow: servers.Server) -> servers.Server:
    """Chromium has no name to give when it is started for one picture."""
    mlflow.command = mlflow.command[:-2]
    return mlflow


def pictures(folder: Path, mlflow: str, prefect: str) -> None:
    from mlflow import MlflowClient

    from edgeprint.registry import promote, tracking

    tracking.open_store(folder / "site/state", mlflow)
    verdict = "tags.stage = 'gate' and tags.verdict = 'passed' and tags.family = 'binary'"
    run = MlflowClient().search_runs(["1"], verdict)[0]
    name = run.data.tags["model"]
    champion = promote.champion(name)
    assert champion, f"{name} passed the gate and has no champion"
    picture(folder, f"{prefect}/deployments", "prefect-deployments")
    picture(folder, f"{prefect}/runs", "prefect-runs")
    picture(folder, f"{mlflow}/#/experiments/1/runs/{run.info.run_id}", "mlflow-gate")
    picture(folder, f"{mlflow}/#/models/{name}/versions/{champion.number}", "mlflow-champion")


def picture(folder: Path, url: str, name: str) -> None:
    """A page as headless Chromium shows it, once it has had a minute of its own time."""
    path = DOCS / f"{name}.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={SIZE}"]
    place = [f"--user-data-dir={folder}/{name}", "--virtual-time-budget=60000", f"--screenshot={path}"]
    subprocess.run(["chromium", *options, *place, url], check=True, capture_output=True)
    print(path)


if __name__ == "__main__":
    main()
