"""Real servers as child processes on free loopback ports: S3 (moto), PostgreSQL, MLflow and Prefect.

with s3() as url: ...
with postgresql(folder) as database: database.stop(); database.start()
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

KEYS = {
    "AWS_ACCESS_KEY_ID": "edgeprint",
    "AWS_SECRET_ACCESS_KEY": "a key that moto does not check",
    "AWS_DEFAULT_REGION": "us-east-1",
}
START_SECONDS = 300  # a machine that does much else is slow, not broken
SETTINGS = Path(__file__).resolve().parents[1] / "mlflow"
PASSWORD = "a long password of this test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    """A program that serves a URL, and may be ended and started again there."""

    command: list[str]
    url: str
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    process: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self.user,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.1)

    def answers(self) -> bool:
        """With any HTTP status; a server of another protocol by taking a connection."""
        try:
            if self.url.startswith("http"):
                urllib.request.urlopen(self.url, timeout=2).close()
            else:
                host, port = self.url.rpartition("/")[2].split(":")
                socket.create_connection((host, int(port)), timeout=2).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server and its own workers."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, how)
            self.process.wait(timeout=30)


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop(signal.SIGKILL if server.user is None else signal.SIGQUIT)


@contextlib.contextmanager
def s3(folder: Path, *buckets: str) -> Iterator[str]:
    """moto's S3 server with these buckets; what is stored lives as long as it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(Server(command, url, folder / "s3.log")):
        for bucket in buckets:
            request = urllib.request.Request(f"{url}/{bucket}", method="PUT")
            urllib.request.urlopen(request, timeout=10).close()
        yield url


@contextlib.contextmanager
def postgresql(*databases: str) -> Iterator[Server]:
    """PostgreSQL in a new folder, as a user that is not root; skips the test where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("needs Debian's package postgresql")
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(
        tempfile.mkdtemp(prefix="edgeprint-postgresql-", dir="/tmp")
    )  # pytest's folders are root's alone
    try:
        if user:
            shutil.chown(folder, user)
        port, data = free_port(), str(folder / "data")
        initdb = [found[-1], "--pgdata", data, "--username", "edgeprint", "--auth", "trust", "--no-sync"]
        subprocess.run(initdb, user=user, check=True, capture_output=True)
        command = [str(found[-1].with_name("postgres")), "-D", data, "-p", str(port), "-k", str(folder)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        with running(Server(command, f"tcp://127.0.0.1:{port}", folder / "log", user=user)) as server:
            for database in databases:
                createdb = [found[-1].with_name("createdb"), "-h", "127.0.0.1", "-p", str(port), database]
                subprocess.run([*createdb, "-U", "edgeprint"], check=True)
            yield server
    finally:
        shutil.rmtree(folder)


def mlflow_server(folder: Path, database: Server, artifacts: str) -> Server:
    """MLflow with the settings of mlflow/server.env, its roles in the database too, artifacts in S3."""
    lines = [line for line in (SETTINGS / "server.env").read_text().splitlines() if "=" in line]
    shipped = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    port, at = free_port(), database.url.rpartition(":")[2]
    own = {
        "MLFLOW_HOST": "127.0.0.1",
        "MLFLOW_PORT": str(port),
        "MLFLOW_WORKERS": "1",
        "MLFLOW_AUTH_CONFIG_PATH": str(SETTINGS / "roles.ini"),
        "MLFLOW_S3_ENDPOINT_URL": artifacts,
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test alone",
        "PGHOST": "127.0.0.1",
        "PGPORT": at,
        "PGUSER": "edgeprint",
    }
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"]
    return Server(command, f"http://127.0.0.1:{port}", folder / "mlflow.log", {**shipped, **own, **KEYS})


def prefect_server(folder: Path, database: Server) -> Server:
    """Prefect's server on the database `prefect`."""
    port, at = free_port(), database.url.rpartition("/")[2]
    own = {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://edgeprint@{at}/prefect",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_API_URL": f"http://127.0.0.1:{port}/api",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    return Server(command, f"http://127.0.0.1:{port}/api/health", folder / "prefect.log", own)
