"""The servers of docker/compose.yaml: pinned images, no secret in git, settings that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = REPOSITORY / "docker/compose.yaml"
EXAMPLE = REPOSITORY / "docker/servers.env.example"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
OF_OURS = {"edgeprint-mlflow", "edgeprint-trainer"}


def test_every_image_of_others_is_pinned_to_a_full_version() -> None:
    images = {service["image"] for service in SERVICES.values()} - OF_OURS
    assert images and all(re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", image) for image in images), images


def test_every_variable_is_in_the_example_without_a_value_unless_it_is_no_secret() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    example = dict(line.split("=", 1) for line in lines)
    assert set(re.findall(r"\$\{(\w+)", COMPOSE.read_text())) == set(example)
    assert {key for key, value in example.items() if value} == {"EDGEPRINT_WORKSPACES"}
    ignored = ["git", "check-ignore", "--quiet", "--no-index", "docker/servers.env"]
    assert subprocess.run(ignored, cwd=REPOSITORY).returncode in (0, 128)  # 128: no git here


def test_every_server_has_a_health_check_that_others_wait_for() -> None:
    for name in ("postgres", "s3", "mlflow", "prefect"):
        assert "healthcheck" in SERVICES[name], name
    waits = [wait for service in SERVICES.values() for wait in service.get("depends_on", {}).values()]
    assert {wait["condition"] for wait in waits} == {"service_healthy", "service_completed_successfully"}


def test_every_file_that_is_mounted_is_there() -> None:
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    files = [volume.split(":")[0] for volume in volumes if volume.startswith((".", "/"))]
    assert files and all((COMPOSE.parent / file).exists() for file in files)


def test_docker_compose_takes_the_file(tmp_path: Path) -> None:
    program = next((shutil.which(name) for name in ("docker-compose",) if shutil.which(name)), None)
    command = [program] if program else ["docker", "compose"]
    try:
        known = subprocess.run([*command, "version"], capture_output=True).returncode == 0
    except OSError:
        known = False
    if not known:
        pytest.skip("needs docker compose")
    filled = tmp_path / "servers.env"
    filled.write_text(re.sub(r"=$", "=secret", EXAMPLE.read_text(), flags=re.MULTILINE))
    for line, expected in ((["--env-file", str(filled)], 0), ([], 1)):
        done = subprocess.run(
            [*command, *line, "-f", str(COMPOSE), "config"], capture_output=True, text=True, cwd=tmp_path
        )
        assert min(done.returncode, 1) == expected, done.stderr
    assert "set it in docker/servers.env" in done.stderr
