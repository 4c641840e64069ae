"""The retrain flow over real servers: MLflow and Prefect, each on PostgreSQL, and artifacts in S3.

One tiny simulated home goes through it all, test after test in this order: servers and models cost minutes.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import servers
import yaml

from edgeprint.stages.ingest import ingest, open_workspace
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed.home import simulate

REPOSITORY = Path(__file__).resolve().parents[2]
# Two devices' models and one of CCLP; segments too long for the LSTM-CNN. Each quarter retrains all.
TINY = """
intervals: {by: calendar, test_fraction: 0.3}
extract: {workers: 1}
cclp: {features: {window_minutes: 5}, train: {iterations: 10}}
lstm_cnn: {features: {segment_minutes: 120}}
binary: {train: {width: 16, samples: 20, epochs: 1}, evaluate: {runs: 2, run_length: 5}}
policy: {max_new_data: 0.01, from_scratch: false}
gate: {min_macro_f1: 0.0, max_drop: 1.0, max_device_drop: 1.0, max_ece_rise: 1.0, max_auroc_drop: 1.0,
  max_parity: 0.1, max_latency_ms: 1000, max_rss_bytes: 1000000000}
"""
MODELS = {"binary.camera-a", "binary.plug-a", "cclp"}


@dataclass
class Site:
    """The servers of a training site, a workspace on them, and what arrives each quarter."""

    database: servers.Server
    mlflow: servers.Server
    prefect: servers.Server
    s3: str
    workspace: Workspace
    arrived: dict[str, Path]

    def begin(self, **variables: str) -> subprocess.Popen:
        """edgeprint run --until retrain, in a process group of its own."""
        command = ["run", "--data", str(self.workspace.root), "--until", "retrain"]
        return subprocess.Popen(
            [sys.executable, "-c", "from edgeprint.cli import main; main()", *command],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path]), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def versions(self) -> dict[str, list[Any]]:
        """All versions of every registered model, the oldest first."""
        from mlflow import MlflowClient

        found: dict[str, list[Any]] = {}
        for version in sorted(MlflowClient().search_model_versions(), key=lambda v: int(v.version)):
            found.setdefault(version.name, []).append(version)
        return found

    def champions(self) -> dict[str, int]:
        from edgeprint.registry import promote

        found = {name: promote.champion(name) for name in self.versions()}
        return {name: version.number for name, version in found.items() if version}

    def trainings(self) -> list[tuple[str, str]]:
        """Model and quarter of every training that was finished."""
        import mlflow

        runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
        tags = [run.data.tags for run in runs if run.info.status == "FINISHED"]
        return sorted((t["model"], t["trained_on"]) for t in tags if t["stage"] == "retrain")

    def psql(self, statement: str) -> None:
        at = self.database.url.rpartition(":")[2]
        command = ["psql", "-h", "127.0.0.1", "-p", at, "-U", "edgeprint", "-d", "prefect", "-c", statement]
        subprocess.run(command, check=True, capture_output=True)

    def cut_the_database(self) -> None:
        """MLflow's database is gone for every connection there is, and for new ones."""
        self.psql("ALTER DATABASE mlflow ALLOW_CONNECTIONS false")
        self.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'mlflow'")

    def mend_the_database(self) -> None:
        self.psql("ALTER DATABASE mlflow ALLOW_CONNECTIONS true")

    def dvc(self, *arguments: str) -> str:
        """As a person types it in the workspace, with the virtual environment active."""
        command, path = [sys.executable, "-m", "dvc", *arguments], Path(sys.executable).parent
        active = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(command, cwd=self.workspace.root, env=active, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def prefect_cli(self, *arguments: str) -> None:
        """Prefect's own program, for which the server's URL is in the environment."""
        environment = {**os.environ, "PREFECT_API_URL": self.prefect.url.removesuffix("/health")}
        command = [sys.executable, "-m", "prefect", *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def flow_runs(self) -> list[tuple[str, str]]:
        """Flow's name and final state, as the Prefect server tells them."""
        flows = {flow["id"]: flow["name"] for flow in self.ask("flows/filter")}
        return sorted((flows[run["flow_id"]], run["state_type"]) for run in self.ask("flow_runs/filter"))

    def ask(self, path: str) -> list[dict]:
        url = f"{self.prefect.url.removesuffix('/health')}/{path}"
        request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def login(name: str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": servers.PASSWORD}


def admit(url: str, *names: str) -> Any:
    """Give people a name on the MLflow server; returns the administrator's client."""
    from mlflow.server import get_app_client

    users = get_app_client("basic-auth", tracking_uri=url)
    for name in names:
        users.create_user(name, servers.PASSWORD)
    return users


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, patch = tmp_path_factory.mktemp("site"), pytest.MonkeyPatch()
    with (
        servers.postgresql("mlflow", "prefect") as database,
        servers.s3(folder, "mlflow", "captures") as s3,
        servers.running(servers.mlflow_server(folder, database, s3)) as mlflow,
        servers.running(servers.prefect_server(folder, database)) as prefect,
    ):
        for key, value in {**servers.KEYS, **login("admin"), "AWS_ENDPOINT_URL": s3}.items():
            patch.setenv(key, value)
        admit(mlflow.url, "trainer", "ada")
        for key, value in login("trainer").items():  # what the flows are to do, and no more
            patch.setenv(key, value)
        arrived = by_quarter(folder)
        named = {"mlflow": mlflow.url, "prefect": prefect.url.removesuffix("/health")}
        numbers = {**yaml.safe_load(TINY), "servers": named}
        (arrived["2025Q1"] / "params.yaml").write_text(yaml.safe_dump(numbers))
        workspace = open_workspace(REPOSITORY, folder / "home", arrived["2025Q1"], "s3://captures/home")
        from edgeprint.registry import tracking

        tracking.open_store(workspace.state, mlflow.url)
        yield Site(database, mlflow, prefect, s3, workspace, arrived)
    patch.undo()


def by_quarter(folder: Path) -> dict[str, Path]:
    """A simulated home's captures as they arrive: a folder a quarter, the first with devices.csv."""
    simulate(folder / "made", devices=2, quarters=2, hours=1, seed=3)
    found = {}
    for quarter, capture in zip(("2025Q1", "2025Q2"), sorted((folder / "made").glob("*.pcap")), strict=True):
        found[quarter] = folder / quarter
        found[quarter].mkdir()
        capture.rename(found[quarter] / capture.name)
    for name in ("devices.csv", "source.json"):
        (folder / "made" / name).rename(found["2025Q1"] / name)
    return found


def until(happened: Callable[[], Any], process: subprocess.Popen) -> None:
    while not happened():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)


def test_two_runs_at_once_and_a_database_that_goes_away_promote_every_model_once(site: Site) -> None:
    ingest(site.workspace, site.arrived["2025Q1"], "2025Q1")
    # MLflow's client would wait by itself: here the flow's own tries must do.
    first = site.begin(MLFLOW_HTTP_REQUEST_MAX_RETRIES="0", PREFECT_LOGGING_LEVEL="INFO")
    until(lambda: (site.workspace.state / "turn").read_text() == str(first.pid), first)
    second = site.begin()
    until(site.versions, first)
    site.cut_the_database()
    time.sleep(3)
    site.mend_the_database()
    said, also = first.communicate()[0], second.communicate()[0]
    assert "Done" in said and "Retry 1/3" in said and "Traceback" not in said, said
    assert f"waiting for process {first.pid}" in also and "Nothing to recompute" in also, also
    assert {name: len(found) for name, found in site.versions().items()} == dict.fromkeys(MODELS, 1)
    assert site.champions() == dict.fromkeys(MODELS, 1)
    assert site.trainings() == [(name, "2025Q1") for name in sorted(MODELS)]


def test_the_flows_are_seen_in_prefect_and_the_models_in_s3(site: Site) -> None:
    assert site.flow_runs() == [("extract", "COMPLETED"), ("retrain", "COMPLETED")]
    with urllib.request.urlopen(f"{site.s3}/mlflow?list-type=2", timeout=10) as answer:
        stored = answer.read().decode()
    assert stored.count("artifact/model.tflite") == len(MODELS)
    assert not list(site.workspace.state.glob("mlflow.db"))


def test_only_who_has_a_name_may_look_and_only_who_may_edit_moves_an_alias(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{site.mlflow.url}/api/2.0/mlflow/registered-models/search", timeout=10)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    assert site.champions() == dict.fromkeys(MODELS, 1)
    with pytest.raises(MlflowException, match="Permission denied"):
        MlflowClient().set_registered_model_alias("cclp", "reviewed", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    admit(site.mlflow.url).grant_user_permission("ada", "registered_model", "cclp", "EDIT")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    MlflowClient().set_registered_model_alias("cclp", "reviewed", "1")


def test_a_killed_run_goes_on_with_the_next_model_even_while_mlflow_restarts(site: Site) -> None:
    ingest(site.workspace, site.arrived["2025Q2"], "2025Q2")
    before = site.workspace.data_version()
    killed = site.begin()
    until(lambda: len(site.trainings()) > len(MODELS) and max(site.champions().values()) > 1, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    done = site.trainings()
    site.mlflow.stop()
    resumed = site.begin()
    until(lambda: len(site.flow_runs()) > 4, resumed)
    site.mlflow.start()
    said = resumed.communicate()[0]
    assert "Done" in said, said
    expected = [(name, quarter) for name in sorted(MODELS) for quarter in ("2025Q1", "2025Q2")]
    assert set(done) < set(expected) and site.trainings() == expected
    assert site.champions() == dict.fromkeys(MODELS, 2)
    assert {v[-1].tags["data.data_version"] for v in site.versions().values()} == {before}


def test_the_scheduled_deployment_finds_nothing_new_and_changes_nothing(site: Site) -> None:
    before = site.trainings(), site.versions(), len(site.flow_runs())
    site.prefect_cli("work-pool", "create", "edgeprint", "--type", "process")
    site.prefect_cli("--no-prompt", "deploy", "--all")
    found = {each["name"]: each for each in site.ask("deployments/filter")}
    assert set(found) == {"extract", "train", "evaluate", "retrain", "release"}
    (quarterly,) = found["retrain"]["schedules"]
    assert quarterly["active"] and quarterly["schedule"]["cron"] == "0 3 2 1,4,7,10 *"
    assert found["retrain"]["global_concurrency_limit"]["limit"] == 1
    form = found["retrain"]["parameter_openapi_schema"]["properties"]
    assert set(form) == {"workspace", "until", "force"} and all("description" in f for f in form.values())
    site.prefect_cli("deployment", "run", "pipeline/retrain", "--param", f"workspace={site.workspace.root}")
    site.prefect_cli("worker", "start", "--pool", "edgeprint", "--run-once")
    assert (site.trainings(), site.versions(), len(site.flow_runs())) == (*before[:2], before[2] + 1)
    assert ("pipeline", "COMPLETED") in site.flow_runs()


def test_dvc_shows_scores_and_numbers_names_what_came_and_has_nothing_to_do(site: Site) -> None:
    shown = json.loads(site.dvc("exp", "show", "--json"))
    now = next(each for each in shown if each["rev"] == "workspace")["data"]
    assert now["params"]["params.yaml"]["data"]["policy"]["max_new_data"] == 0.01
    scores = now["metrics"]["reports/retrain-scores.json"]["data"]
    assert (scores["retrained"], scores["promoted"], set(scores["f1"])) == (3, 3, MODELS)
    log = ["git", "-C", str(site.workspace.root), "log", "--format=%h %s"]
    commits = [line.split(" ", 1) for line in subprocess.check_output(log, text=True).splitlines()]
    told = [message for _, message in commits[:4]]
    second, arrival, first = "Reproduced retrain", "Captures of 2025Q2", "Reproduced retrain"
    assert told == [second, arrival, first, "Captures of 2025Q1"]
    new = site.arrived["2025Q2"].glob("*.pcap")
    came = site.dvc("diff", commits[2][0], commits[1][0])
    assert all(f"data/captures/2025Q2/{path.name}" in came for path in new)
    made = site.dvc("diff", commits[1][0], commits[0][0])
    assert "data/features/binary/2025-05-14.parquet" in made and "captures" not in made
    assert "retrain-scores.json" in site.dvc("metrics", "diff", commits[2][0], "--all")
    assert "up to date" in site.dvc("repro", "retrain")
    assert site.dvc("status", "retrain").splitlines()[-1] == "Data and pipelines are up to date."
