"""The way without Docker: the playbook makes a virtual environment and a unit that systemd takes.

Part of `make rollout-test`. Run on this machine into a folder of its own, without the user and the service.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from engine import WANTED

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = ROOT / "deploy/ansible"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    if not os.environ.get(WANTED) or not shutil.which("ansible-playbook"):
        pytest.skip(f"needs ansible-playbook, and {WANTED} as make rollout-test sets it")
    source = tmp_path / "source"
    source.mkdir()
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        source,
    ]
    subprocess.run(command, check=True)
    (found,) = tmp_path.glob("*.whl")
    return found


def test_a_pi_without_docker_gets_a_locked_environment_and_a_unit(wheel: Path, tmp_path: Path) -> None:
    for name in ("root.json", "devices.csv"):
        (tmp_path / name).write_text("")
    settings = {
        "wheel": wheel,
        "edgeprint_dir": tmp_path / "etc",
        "edgeprint_venv": tmp_path / "venv",
        "edgeprint_unit": tmp_path / "edgeprint.service",
        "edgeprint_repository": "https://models.example",
        "edgeprint_root_json": tmp_path / "root.json",
        "edgeprint_devices_csv": tmp_path / "devices.csv",
        "edgeprint_python": sys.executable,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(
        "[pis]\npi " + " ".join(f"{name}={value}" for name, value in settings.items()) + "\n"
    )
    command = ["ansible-playbook", "-i", inventory, "--skip-tags", "user", ANSIBLE / "provision-systemd.yml"]
    said = [subprocess.run(command, capture_output=True, text=True) for _ in range(2)]
    assert [done.returncode for done in said] == [0, 0], said[0].stdout + said[0].stderr
    assert "changed=0 " in said[1].stdout
    edgeprint = tmp_path / "venv/bin/edgeprint"
    lines = subprocess.run([edgeprint, "agent", "--help"], capture_output=True, text=True, check=True)
    assert "--repository" in lines.stdout
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", tmp_path / "edgeprint.service"], capture_output=True, text=True
        )
        assert "edgeprint.service" not in checked.stderr, checked.stderr
