"""A real Docker engine, and one network that both a container and this test can put a wire into."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OWN = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
PROCESSORS = ("amd64", "arm64")
WANTED = "EDGEPRINT_IMAGE"  # the name of the image without its processor; set by make images-test
PATIENCE_S = 240


def image(processor: str) -> str:
    """The image of that processor. Skips where nobody asked for this test, or it cannot be had."""
    name = os.environ.get(WANTED)
    if not name:
        pytest.skip(f"make images-test builds the images and sets {WANTED}")
    found = f"{name}-{processor}"
    if run("image", "inspect", found, check=False).returncode:
        pytest.skip(f"the engine has no {found}")
    if processor != OWN and not Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        pytest.skip(f"nothing here emulates {processor}: apt install qemu-user-static binfmt-support")
    return found


def run(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`docker ARGUMENTS`."""
    if not shutil.which("docker"):
        pytest.skip("needs docker")
    command = ["docker", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
    return done


def inspect(name: str) -> dict:
    return json.loads(run("inspect", name).stdout)[0]


def emulated(processor: str) -> list[str]:
    """What qemu needs to run TFLite: a processor without newer instructions, and its /proc/cpuinfo."""
    if processor == OWN:
        return []
    cpuinfo = HERE / "cpuinfo.raspberry-pi-4"
    return ["--init", "-e", "QEMU_CPU=cortex-a72", "-v", f"{cpuinfo}:/proc/cpuinfo:ro"]


def capturing(processor: str) -> list[str]:
    """Who captures: the image's user; under qemu root, with the same one capability.

    binfmt starts the emulator instead of the interpreter, and the capability of its file is lost.
    """
    return [] if processor == OWN else ["--user", "0", "--health-timeout", "60s"]


@contextlib.contextmanager
def container(*arguments: str | Path) -> Iterator[str]:
    """A container in the background; gives its id, and removes it with its volumes."""
    name = run("run", "--detach", *arguments).stdout.strip()
    try:
        yield name
    finally:
        run("rm", "--force", "--volumes", name, check=False)


@contextlib.contextmanager
def network(image: str) -> Iterator[tuple[str, int]]:
    """A container that only holds a network: its id and the process whose network it is."""
    sleep = ("--entrypoint", "/usr/local/bin/python", image, "-c", "import time; time.sleep(3600)")
    with container("--network", "none", *sleep) as name:
        yield name, inspect(name)["State"]["Pid"]


def plug(interface: str, process: int) -> None:
    """Move an interface of this network into that of a process, as its eth0."""
    subprocess.run(["ip", "link", "set", interface, "netns", str(process)], check=True)
    inside = ["nsenter", f"--net=/proc/{process}/ns/net", "ip", "link", "set", interface]
    subprocess.run([*inside, "name", "eth0", "up"], check=True)


def wait(condition: Callable[[], bool], name: str, what: str) -> None:
    """Until it holds of a container that runs."""
    due = time.monotonic() + PATIENCE_S
    while not condition():
        state = inspect(name)["State"]
        assert state["Running"] and time.monotonic() < due, f"waited for {what}: {logs(name)} {state}"
        time.sleep(0.5)


def logs(name: str) -> str:
    done = run("logs", name)
    return done.stdout + done.stderr
