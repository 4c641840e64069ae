"""Take the pictures of docs/operations.md: python docs/draw_operations.py

A real run of a simulated home, quarter by quarter: MLflow and Prefect on PostgreSQL, artifacts in S3, and a
worker that carries out the deployment retrain of prefect.yaml. Needs Debian's postgresql and chromium.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgeprint.stages.ingest import ingest, open_workspace
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed.home import quarter_name, simulate

DOCS = Path(__file__).resolve().parent
sys.path += [str(DOCS.parent / "tests"), str(DOCS.parent / "tests/edge")]
import servers  # noqa: E402
from browser import Tab, tab  # noqa: E402

WIDTH, TALLEST, PATIENCE_S = 1280, 900, 120
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
        servers.running(servers.mlflow_server(Path(name), database, s3)) as mlflow,
        servers.running(servers.prefect_server(Path(name), database)) as prefect,
    ):
        folder, api = Path(name), prefect.url.removesuffix("/health")
        os.environ.update(
            servers.KEYS, AWS_ENDPOINT_URL=s3, PREFECT_API_URL=api, MLFLOW_TRACKING_URI=mlflow.url
        )
        os.environ.update(MLFLOW_TRACKING_USERNAME="admin", MLFLOW_TRACKING_PASSWORD=servers.PASSWORD)
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


def pictures(folder: Path, mlflow: str, prefect: str) -> None:
    known = mlflow.replace("://", f"://admin:{servers.PASSWORD.replace(' ', '%20')}@")
    with tab(folder / "chromium") as browser:
        picture(browser, f"{prefect}/deployments", "evaluate[^]*retrain[^]*train", "prefect-deployments")
        picture(browser, f"{prefect}/runs", "retrain of", "prefect-runs")
        picture(browser, f"{known}/#/experiments/1/runs", "gate passed", "mlflow-gate")
        picture(browser, f"{known}/#/models", "champion", "mlflow-champions")


def picture(browser: Tab, url: str, words: str, name: str) -> None:
    """The page once it says one of the words."""
    browser.open(url, WIDTH)
    deadline = time.monotonic() + PATIENCE_S
    while not browser.value(f"/{words}/.test(document.body.innerText)"):
        if time.monotonic() > deadline:
            print(f"{url} does not say {words}: {browser.value('document.body.innerText')[:500]}")
            break
        time.sleep(1)
    time.sleep(3)  # what is drawn after the words
    while True:
        try:
            browser.screenshot(DOCS / f"{name}.png", WIDTH, TALLEST)
            break
        except TimeoutError:  # a machine that does much else
            if time.monotonic() > deadline + PATIENCE_S:
                raise
    print(DOCS / f"{name}.png")


if __name__ == "__main__":
    main()
