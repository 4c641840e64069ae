"""A container's way to the Pis: what ansible says is read, and a real ansible is run where there is one."""

import shutil
import sys
from pathlib import Path

import pytest

from edgeprint.errors import RollOutFailed
from edgeprint.fleet.roll_out import Came, Outcome, RollOut, read, roll_out

IMAGE = "registry.example/edgeprint-edge@sha256:" + "a" * 64
SAID = """
TASK [Start it, and wait until it calls itself healthy] ****
fatal: [pi-1]: FAILED! => {"changed": true, "msg": "non-zero return code", "rc": 1}
TASK [Count this Pi as failed] ****
fatal: [pi-1]: FAILED! => {"changed": false, "msg": "pi-1 did not become healthy\\nand is back"}
fatal: [pi-2]: UNREACHABLE! => {
    "changed": false,
    "msg": "no route to host"
}

PLAY RECAP *****
pi-lab      : ok=9    changed=5    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
pi-1        : ok=12   changed=5    unreachable=0    failed=1    skipped=0    rescued=1    ignored=0
pi-2        : ok=0    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0
""".splitlines()
PLAYBOOK = """
- hosts: pis
  serial: 1
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that: inventory_hostname != unlucky | default('')
        fail_msg: "{{ inventory_hostname }} does not like {{ image }}"
"""


def test_every_pi_is_told_with_its_last_word() -> None:
    assert read(IMAGE, SAID).pis == {
        "pi-lab": Came("done"),
        "pi-1": Came("failed", "pi-1 did not become healthy and is back"),
        "pi-2": Came("unreachable", "no route to host"),
    }


def test_a_roll_out_that_a_pi_did_not_follow_fails_by_its_name() -> None:
    with pytest.raises(RollOutFailed, match=r"not come to all Pis: pi-1: .* is back; pi-2: no route to host"):
        read(IMAGE, SAID).check()


@pytest.mark.parametrize("line", ["skipping: no hosts matched", "ERROR! the inventory is no YAML"])
def test_a_roll_out_to_nobody_fails_with_what_ansible_said(line: str) -> None:
    with pytest.raises(RollOutFailed, match=f"came to no Pi: .*{line[:8]}"):
        read(IMAGE, [line]).check()


def test_a_roll_out_that_ansible_broke_off_says_who_was_reached() -> None:
    outcome = read(IMAGE, [*SAID[-3:-2], "ERROR! a template of the second ring is broken"])
    outcome.status = 4
    with pytest.raises(RollOutFailed, match=r"came to pi-lab alone: .*second ring is broken"):
        outcome.check()


@pytest.mark.parametrize("line", ["fatal: [pi-1]: FAILED! => {broken}", "pi-1 : ok=x", "fatal: [", "\x00"])
def test_a_line_that_cannot_be_read_does_not_end_a_roll_out(line: str) -> None:
    assert read(IMAGE, [line, *SAID]).pis == read(IMAGE, SAID).pis


def test_an_inventory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RollOutFailed, match=r"nowhere\.yml, which is no file"):
        roll_out(RollOut(IMAGE, tmp_path / "nowhere.yml"), say=print)


def test_a_machine_without_ansible_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inventory.yml").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RollOutFailed, match="apt install ansible"):
        roll_out(RollOut(IMAGE, tmp_path / "inventory.yml"), say=print)


def played(folder: Path, unlucky: str, said: list[str]) -> Outcome:
    """A real ansible-playbook over three hosts that are this machine, one after the other."""
    if not shutil.which("ansible-playbook"):
        pytest.skip("needs ansible-playbook")
    local = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    hosts = "\n".join(f"pi-{number} {local} unlucky={unlucky}" for number in (1, 2, 3))
    (folder / "inventory.ini").write_text(f"[pis]\n{hosts}\n")
    (folder / "playbook.yml").write_text(PLAYBOOK)
    wanted = RollOut(IMAGE, folder / "inventory.ini", folder / "playbook.yml")
    return roll_out(wanted, say=said.append)


def test_a_real_ansible_that_stops_at_the_second_pi_leaves_the_third_alone(tmp_path: Path) -> None:
    said: list[str] = []
    outcome = played(tmp_path, "pi-2", said)
    assert outcome.pis == {"pi-1": Came("done"), "pi-2": Came("failed", f"pi-2 does not like {IMAGE}")}
    assert outcome.status and any("PLAY RECAP" in line for line in said)


def test_a_real_ansible_that_reaches_every_pi_is_a_roll_out(tmp_path: Path) -> None:
    outcome = played(tmp_path, "none", [])
    outcome.check()
    assert list(outcome.pis) == ["pi-1", "pi-2", "pi-3"]
