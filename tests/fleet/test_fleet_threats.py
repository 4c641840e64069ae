"""The table of threats in docs/fleet.md names tests that are there, and every attack that is tested."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TABLE = re.compile(r"^\| threat \|.*?\n\n", re.MULTILINE | re.DOTALL)


def rows() -> dict[str, list[str]]:
    """The names of the tests by threat."""
    (table,) = TABLE.findall((TESTS.parent / "docs/fleet.md").read_text())
    cells = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]
    return {threat: re.findall(r"`(\w+)`", tests) for threat, _, tests in cells}


def written() -> set[str]:
    """Every test function of the project."""
    found = [re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE) for path in TESTS.rglob("*.py")]
    return {name for names in found for name in names}


def test_every_threat_names_a_test_that_is_there() -> None:
    missing = {threat: sorted(set(names) - written()) for threat, names in rows().items()}
    assert all(rows().values()) and not any(missing.values()), missing


def test_every_attack_that_is_tested_stands_in_the_table() -> None:
    named = {name for names in rows().values() for name in names}
    assert {name for name in written() if name.startswith("test_attack_")} <= named
