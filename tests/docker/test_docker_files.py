"""What can be known of the container files without building an image."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
COMPOSE_FILES = sorted((ROOT / "docker").glob("*compose.yaml"))
PLAYBOOKS = sorted((ROOT / "deploy/ansible").glob("*.yml"))

EXAMPLE = (ROOT / "docker/servers.env.example").read_text().splitlines()
SECRETS = {line.removesuffix("="): "given" for line in EXAMPLE if line.endswith("=")}


def name(path: Path) -> str:
    return path.name


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Skips where the program is not there."""
    if not shutil.which(command[0]):
        pytest.skip(f"needs {command[0]}")
    environment = {**os.environ, **SECRETS, "EDGEPRINT_REPOSITORY": "https://models.example"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name)
def test_hadolint_finds_no_fault(dockerfile: Path) -> None:
    done = run("hadolint", "--failure-threshold", "error", dockerfile)
    assert done.returncode == 0, done.stdout


def test_hadolint_finds_nothing_to_warn_of_in_the_agents_image() -> None:
    done = run("hadolint", ROOT / "docker/edge.Dockerfile")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=name)
def test_compose_understands(file: Path) -> None:
    compose = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    if run(*compose, "version").returncode:
        pytest.skip("needs docker compose")
    done = run(*compose, "-f", file, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["services"]


def test_bake_knows_every_dockerfile() -> None:
    if run("docker", "buildx", "version").returncode:
        pytest.skip("needs docker's buildx plugin")
    done = run("docker", "buildx", "bake", "-f", "docker/docker-bake.hcl", "--print")
    assert done.returncode == 0, done.stderr
    targets = json.loads(done.stdout)["target"].values()
    assert {ROOT / target["dockerfile"] for target in targets} == set(DOCKERFILES)


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=name)
def test_ansible_understands(playbook: Path) -> None:
    if "inventory" in playbook.name:
        done = run("ansible-inventory", "-i", playbook, "--list")
        assert {"pis", "canary"} <= set(json.loads(done.stdout))
    else:
        example = "deploy/ansible/inventory.example.yml"
        done = run("ansible-playbook", "--syntax-check", "-i", example, playbook)
    assert done.returncode == 0, done.stderr


def test_the_agent_of_a_pi_may_read_a_wire_and_nothing_else() -> None:
    (agent,) = yaml.safe_load((ROOT / "docker/edge.compose.yaml").read_text())["services"].values()
    assert agent["cap_drop"] == ["ALL"] and agent["cap_add"] == ["NET_RAW"]
    assert agent["read_only"] and agent["user"] == "1000:1000" and "privileged" not in agent
    assert (
        agent["mem_limit"]
        and agent["cpus"]
        and agent["pids_limit"]
        and agent["logging"]["options"]["max-size"]
    )
    state = [volume for volume in agent["volumes"] if not volume.endswith(":ro")]
    assert state == ["state:/var/lib/edgeprint"]


def test_no_container_file_names_an_index_or_a_certificate_of_a_machine() -> None:
    for path in [*(ROOT / "docker").iterdir(), *PLAYBOOKS, *(ROOT / "deploy/ansible/tasks").iterdir()]:
        text = path.read_text().lower()
        assert not [
            word for word in ("index-url", "trusted-host", "find-links", ".crt", ".pem") if word in text
        ], path


def test_trimming_takes_packages_with_their_lines_in_dpkgs_status(tmp_path: Path) -> None:
    """A root of another processor, of which nothing can be run."""
    for file in (
        "usr/bin/perl",
        "usr/bin/env",
        "usr/share/doc/env/copyright",
        "usr/lib/python3.11/ensurepip/x.py",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    (tmp_path / "usr/bin/env").chmod(0o4755)
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "perl-base.list").write_text("/.\n/usr\n/usr/bin\n/usr/bin/perl\n")
    stanzas = "Package: {}\nStatus: install ok installed\nVersion: 1\n\n"
    (info.parent / "status").write_text("".join(map(stanzas.format, ("bash", "perl-base", "perl-base-doc"))))
    done = run("sh", "docker/trim.sh", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "usr/bin").iterdir()] == ["env"]
    assert (tmp_path / "usr/bin/env").stat().st_mode & 0o7000 == 0
    assert not (tmp_path / "usr/share/doc").exists() and not list((tmp_path / "usr/lib/python3.11").iterdir())
    kept = (info.parent / "status").read_text()
    assert "Package: bash\n" in kept and "perl-base-doc" in kept and "Package: perl-base\n" not in kept


def test_trimming_spares_the_running_system() -> None:
    done = run("sh", "docker/trim.sh", "/")
    assert done.returncode == 1 and "not the running system" in done.stderr
