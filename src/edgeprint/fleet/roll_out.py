"""A container's way to the Pis: Ansible over SSH, ring after ring, called by the release flow.

    came = roll_out(RollOut("registry.example/edgeprint-edge@sha256:...", inventory), say=print)
    came.pis             # {"pi-lab": Came("done"), "pi-1": Came("failed", "pi-1 did not become healthy ...")}
    came.check()         # raises RollOutFailed where not every Pi runs it

The playbook decides what a ring is, what healthy means and how a Pi returns: deploy/ansible/roll-out.yml.
What it says is handed on line by line, for a fleet takes hours.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeprint.errors import RollOutFailed

PLAYBOOKS = Path(__file__).resolve().parents[3] / "deploy/ansible"
PLAYBOOK = PLAYBOOKS / "roll-out.yml"
FATAL = re.compile(r"fatal: \[(?P<pi>[^\]\s]+)[^\]]*\]: (?:FAILED|UNREACHABLE)! => (?P<about>\{.*)")
RECAP = re.compile(
    r"(?P<pi>\S+)\s+: ok=\d+\s+changed=\d+\s+unreachable=(?P<away>\d+)\s+failed=(?P<failed>\d+)"
)
PLAIN = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Came:
    """What came of one Pi: done, failed (and gone back), or unreachable; with the playbook's reason."""

    state: str
    reason: str = ""


@dataclass(frozen=True)
class RollOut:
    """Which image (NAME@sha256:DIGEST) goes to which Pis: an Ansible inventory."""

    image: str
    inventory: Path
    playbook: Path = PLAYBOOK


@dataclass
class Outcome:
    """By Pi, in the order of the rings. Pis of rings that were never reached do not appear."""

    image: str
    pis: dict[str, Came] = field(default_factory=dict)
    status: int = 0  # of ansible-playbook
    last: str = ""  # line that it said

    def check(self) -> None:
        """Raises RollOutFailed with each Pi that failed and why, or with what ansible ended with instead."""
        failed = {pi: came for pi, came in self.pis.items() if came.state != "done"}
        if failed:
            words = "; ".join(f"{pi}: {came.reason or came.state}" for pi, came in failed.items())
            raise RollOutFailed(f"{self.image} did not come to all Pis: {words}")
        if self.status or not self.pis:
            whom = f"{', '.join(self.pis)} alone" if self.pis else "no Pi"
            raise RollOutFailed(f"{self.image} came to {whom}: ansible-playbook says {self.last!r}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def roll_out(wanted: RollOut, *, say: Callable[[str], None]) -> Outcome:
    """Run the playbook to its end; the lines that it prints go to `say` as they come.

    Raises RollOutFailed where it cannot even be started. Safe to run again: Pis that are done are left alone.
    """
    if not wanted.inventory.is_file():
        raise RollOutFailed(f"the Pis of a roll-out stand in {wanted.inventory}, which is no file")
    program = shutil.which("ansible-playbook")
    if program is None:
        raise RollOutFailed(
            f"{wanted.image} cannot be rolled out: ansible-playbook is not installed; apt install ansible"
        )
    command: list[str | Path] = [
        program,
        "-i",
        wanted.inventory,
        wanted.playbook,
        "-e",
        f"image={wanted.image}",
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"), **PLAIN}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout
        outcome = read(wanted.image, _told(running.stdout, say))
    outcome.status = running.returncode
    return outcome


def read(image: str, lines: Iterable[str]) -> Outcome:
    """What came of each Pi, from the lines of ansible's default output."""
    outcome, reasons = Outcome(image), {}
    pi, about = "", ""  # of a failure whose JSON has not ended yet
    for line in lines:
        outcome.last = line.strip() or outcome.last
        if found := FATAL.search(line):
            pi, about = found["pi"], found["about"]
        elif pi:
            about += line
        if pi and (reason := _reason(about)) is not None:
            reasons[pi], pi = reason, ""  # the last word of a Pi is the whole story
        if found := RECAP.match(line):
            state = "unreachable" if int(found["away"]) else "failed" if int(found["failed"]) else "done"
            reason = "" if state == "done" else reasons.get(found["pi"], "")
            outcome.pis[found["pi"]] = Came(state, reason)
    return outcome


def _told(lines: Iterable[str], say: Callable[[str], None]) -> Iterable[str]:
    for line in lines:
        if line.strip():
            say(line.rstrip())
        yield line


def _reason(about: str) -> str | None:
    """The message in a task's result; None where its JSON is not whole."""
    try:
        return " ".join(str(json.loads(about).get("msg", "")).split())
    except ValueError:
        return None
