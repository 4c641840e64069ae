"""Pis as network namespaces behind a router: each with sshd and a Docker engine of its own, real ones.

    with pi_fleet(folder, 3, models, household) as fleet:        # pi1 is the canary
        release = fleet.push(image)
        fleet.play("roll-out.yml", f"-eimage={release}")

The router runs a registry and the web server of the signed models. All share this machine's file system: the
first Pi's /etc/edgeprint is folder/pi1/etc. Needs root, docker.io, docker-registry, openssh-server, iproute2
and ansible.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pi_networks import ROUTER, address, inside, laid

PLAYBOOKS = Path(__file__).resolve().parents[2] / "deploy" / "ansible"
PROGRAMS = ("ansible-playbook", "docker", "dockerd", "docker-registry", "ip", "nsenter", "ssh-keygen")
SSHD = Path("/usr/sbin/sshd")
REGISTRY, MODELS = f"{ROUTER}:5000", f"http://{ROUTER}:8000"
OWN_REGISTRY = "127.0.0.1:5051"
NAME = "edgeprint-edge"
PATIENCE_S = 60
# A network of which nothing is heard for five minutes is not healthy.
CHATTER = """
import socket, sys, time
speaker = socket.socket(type=socket.SOCK_DGRAM)
while True:
    for address in sys.argv[1:]:
        speaker.sendto(b"?", (address, 9))
    time.sleep(5)
"""


RELEASE = """
import json, pathlib, sys
from edgeprint.fleet.roll_out import RollOut, roll_out
wanted = RollOut(sys.argv[1], pathlib.Path(sys.argv[2]))
print(json.dumps(roll_out(wanted, say=lambda line: None).to_dict()))
"""


@dataclass
class Pi:
    name: str
    address: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """For docker, from this machine or from within the Pi."""
        return {"DOCKER_HOST": f"unix://{self.folder}/docker.sock"}

    def docker(self, *arguments: str, check: bool = True) -> str:
        environment = {**os.environ, **self.environment}
        done = subprocess.run(["docker", *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0 or not check, f"{self.name}: docker {arguments}: {done.stderr}"
        return done.stdout.strip()

    def running(self) -> str:
        """Image and health of its agent; nothing where there is none."""
        return self.docker(
            "inspect",
            "--format",
            "{{.Config.Image}} {{.State.Health.Status}}",
            "edgeprint-agent-1",
            check=False,
        )


@dataclass
class Fleet:
    folder: Path
    pis: list[Pi]

    def play(self, playbook: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a playbook from the router, as an operator would."""
        command = ["ansible-playbook", "-i", self.folder / "inventory.yml", PLAYBOOKS / playbook, *arguments]
        return self._from_the_router(*command, check=check)

    def release(self, image: str) -> dict[str, dict]:
        """Roll out as the release flow does; what came of each Pi."""
        done = self._from_the_router(sys.executable, "-c", RELEASE, image, self.folder / "inventory.yml")
        return json.loads(done.stdout)["pis"]

    def _from_the_router(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
        }
        done = subprocess.run(
            [*inside("router"), *map(str, command)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=1200,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def push(self, image: str) -> str:
        """Into the registry; how a Pi calls it."""
        tag = f"{OWN_REGISTRY}/{NAME}"
        for words in (["tag", image, tag], ["push", "--quiet", tag]):
            subprocess.run(["docker", *words], check=True, capture_output=True)
        found = ["docker", "inspect", "--format", '{{join .RepoDigests " "}}', tag]
        digests = subprocess.run(found, check=True, capture_output=True, text=True).stdout.split()
        (digest,) = {name.partition("@")[2] for name in digests if name.startswith(tag)}
        return f"{REGISTRY}/{NAME}@{digest}"

    def running(self) -> list[str]:
        return [pi.running() for pi in self.pis]


@contextlib.contextmanager
def pi_fleet(folder: Path, count: int, models: Path, household: Path) -> Iterator[Fleet]:
    """`models` is what the web server serves, `household` holds root.json and devices.csv."""
    missing = [name for name in PROGRAMS if not shutil.which(name)] + ([] if SSHD.exists() else ["sshd"])
    if missing or os.geteuid():
        pytest.skip(f"needs root and {', '.join(missing) or 'nothing else'}")
    with contextlib.ExitStack() as ends:
        folder.mkdir(parents=True)
        laid(count, ends)
        pis = [Pi(f"pi{i}", address(i), folder / f"pi{i}") for i in range(1, count + 1)]
        _registry(folder, ends)
        served = [sys.executable, "-m", "http.server", "--bind", ROUTER, "8000", "--directory", models]
        _start(folder / "models", [*inside("router"), *served], ends)
        addresses = [pi.address for pi in pis]
        _start(folder / "chatter", [*inside("router"), sys.executable, "-c", CHATTER, *addresses], ends)
        key = folder / "key"
        _keygen(key)
        for pi in pis:
            pi.folder.mkdir()
            _sshd(pi, key, ends)
            _dockerd(pi, ends)
        _inventory(folder, pis, key, household)
        yield Fleet(folder, pis)


def _start(log: Path, command: list, ends: contextlib.ExitStack, patience_s: float = PATIENCE_S) -> None:
    """A server until the end, which it is asked for and then waited for."""
    with log.with_suffix(".log").open("w") as file:
        server = subprocess.Popen([str(word) for word in command], stdout=file, stderr=file)

    def end() -> None:
        server.terminate()
        try:
            server.wait(patience_s)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    ends.callback(end)


def _registry(folder: Path, ends: contextlib.ExitStack) -> None:
    """One registry with two doors: of the router, for the Pis, and of this machine, for who pushes."""
    for door, way, at in (("router", inside("router"), REGISTRY), ("own", [], OWN_REGISTRY)):
        config = folder / f"registry-{door}.yml"
        storage = f"{{filesystem: {{rootdirectory: {folder}/registry}}}}"
        config.write_text(f"version: 0.1\nstorage: {storage}\nhttp: {{addr: '{at}'}}\n")
        _start(folder / f"registry-{door}", [*way, "docker-registry", "serve", config], ends)


def _keygen(key: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)


def _sshd(pi: Pi, key: Path, ends: contextlib.ExitStack) -> None:
    Path("/run/sshd").mkdir(exist_ok=True)
    _keygen(pi.folder / "host_key")
    (pi.folder / "sshd_config").write_text(
        f"ListenAddress {pi.address}\nHostKey {pi.folder}/host_key\nAuthorizedKeysFile {key}.pub\n"
        "StrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\nUsePAM no\n"
        f"PidFile {pi.folder}/sshd.pid\nSubsystem sftp internal-sftp\n"
    )
    _start(pi.folder / "sshd", [*inside(pi.name), SSHD, "-D", "-e", "-f", pi.folder / "sshd_config"], ends)


def _dockerd(pi: Pi, ends: contextlib.ExitStack) -> None:
    """An engine whose host network is the Pi's. Without a bridge, it leaves the tables of others alone."""
    options = [
        f"--{name}={pi.folder}/{place}" for name, place in (("data-root", "data"), ("exec-root", "exec"))
    ]
    quiet = [
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
    ]
    limits = ["--default-ulimit=nofile=8192:8192", "--default-ulimit=nproc=4096:4096"]
    paths = [f"--pidfile={pi.folder}/dockerd.pid", "-H", pi.environment["DOCKER_HOST"]]
    command = ["dockerd", *options, *paths, *quiet, *limits, f"--insecure-registry={REGISTRY}"]
    ends.callback(shutil.rmtree, pi.folder / "data", ignore_errors=True)
    ends.callback(subprocess.run, ["umount", "--quiet", pi.folder / "exec/netns/default"])
    _start(pi.folder / "dockerd", [*inside(pi.name), *command], ends)
    ends.callback(pi.docker, "rm", "--force", "edgeprint-agent-1", check=False)
    due = time.monotonic() + PATIENCE_S
    while "Server" not in pi.docker("version", check=False):
        assert time.monotonic() < due, (pi.folder / "dockerd.log").read_text()[-2000:]
        time.sleep(0.5)


def _inventory(folder: Path, pis: list[Pi], key: Path, household: Path) -> None:
    known = [f"{pi.address} {(pi.folder / 'host_key.pub').read_text().strip()}" for pi in pis]
    (folder / "known_hosts").write_text("\n".join([*known, ""]))
    lines = [
        f"    {pi.name}: {{ansible_host: {pi.address}, edgeprint_dir: {pi.folder}/etc, "
        f"edgeprint_cmdline: {pi.folder}/cmdline.txt, "
        f"edgeprint_docker: {{DOCKER_HOST: '{pi.environment['DOCKER_HOST']}', "
        f"DOCKER_CONFIG: '{os.environ.get('DOCKER_CONFIG', '')}'}}}}"
        for pi in pis
    ]
    ssh = f"-o UserKnownHostsFile={folder}/known_hosts"
    text = f"""all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {key}
    ansible_ssh_common_args: {ssh}
    ansible_python_interpreter: {sys.executable}
    edgeprint_repository: {MODELS}
    edgeprint_root_json: {household}/root.json
    edgeprint_devices_csv: {household}/devices.csv
    probation_s: 2
    patience_s: 240
pis:
  hosts:
{chr(10).join(lines)}
  children:
    canary: {{hosts: {{{pis[0].name}: }}}}
"""
    (folder / "inventory.yml").write_text(text)
