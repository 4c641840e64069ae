"""`edgeprint fleet` as an operator types it: a ceremony, a release, its way, and what is said of mistakes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_fleet import model
from typer.testing import CliRunner

from edgeprint.cli import app
from edgeprint.fleet.chain import Chain

RINGS = """
[[ring]]
name = "canary"
pis = ["pi-kitchen"]
[[ring]]
name = "all"
share = 1.0
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, camera: Path) -> Path:
    """A folder with two sticks' passphrase, rings, and a model to publish."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "passphrase").write_text("correct horse\n")
    (tmp_path / "rings.toml").write_text(RINGS)
    return tmp_path


def fleet(command: str, ending: int = 0, typed: str | None = None) -> str:
    found = CliRunner().invoke(app, ["fleet", *command.split()], input=typed)
    assert found.exit_code == ending, (found.output, found.exception)
    return found.output if ending == 0 else str(found.exception)


STICKS = "--keys a --keys b --passphrase-file passphrase"


def begun() -> None:
    fleet(f"init public {STICKS} --threshold 2 --online online --rings rings.toml")
    fleet(f"publish public {STICKS} --models models")
    fleet("refresh public --online online")


def test_from_the_ceremony_to_a_release_in_its_first_ring(desk: Path) -> None:
    begun()
    plan = Chain.read(Path("public")).plan()
    assert (plan.candidate, plan.reached, plan.rings[0].name) == (1, 1, "canary")
    said = fleet("status public")
    assert "release 1 has reached 1 of 2 rings" in said and "binary.camera" in said
    lost = next(Path("a").glob("targets-*.key")).stem.removeprefix("targets-")  # as who lost it reads
    assert re.search(rf"keys of targets +2 of .*{lost}", said)


def test_a_passphrase_is_asked_for_each_stick_and_twice_for_a_new_one(desk: Path) -> None:
    typed = "one\none\ntwo\ntwo\n"
    fleet("init public --keys a --keys b --threshold 2 --online online", typed=typed)
    fleet("publish public --keys a --keys b --models models", typed="one\ntwo\n")
    model(desk / "models/camera", "binary.camera", b"2")
    refused = fleet("publish public --keys a --keys b --models models", ending=1, typed="one\nwrong\n")
    assert "is not the passphrase of b/targets-" in refused


def test_people_sign_one_after_the_other(desk: Path) -> None:
    fleet(f"init public {STICKS} --threshold 2 --online online")
    said = fleet("publish public --keys a --passphrase-file passphrase --models models")
    assert "targets waits for 1 more signature: edgeprint fleet sign" in said
    said = fleet("sign public --keys b --passphrase-file passphrase")
    assert "signed: binary.camera, targets" in said and "waits" not in said
    assert re.search(r"release 1 would be:\n  binary\.camera +[0-9a-f]{12}  new\nsigned", said)


def test_whoever_signs_sees_first_what_becomes_of_each_model(desk: Path) -> None:
    model(desk / "models/plug", "binary.plug")
    model(desk / "models/lamp", "binary.lamp")
    begun()
    model(desk / "models/camera", "binary.camera", b"2")
    model(desk / "models/radio", "binary.radio")
    shutil.rmtree(desk / "models/lamp")
    fleet("publish public --keys a --passphrase-file passphrase --models models")
    refused = CliRunner().invoke(app, ["fleet", "sign", "public", "--keys", "b"], input="wrong\n")
    lines = re.findall(r"^  binary\.(\w+) +(.*)$", refused.output, re.MULTILINE)
    told = {name: re.sub(r"[0-9a-f]{12}", "DIGEST", what) for name, what in lines}
    assert refused.exit_code == 1 and told == {
        "camera": "DIGEST  in place of DIGEST",
        "lamp": "withdrawn",
        "plug": "DIGEST  as before",
        "radio": "DIGEST  new",
    }


def test_a_person_pauses_resumes_and_rolls_back(desk: Path) -> None:
    begun()
    assert "paused: looks odd" in fleet("pause public --online online --reason looks_odd").replace("_", " ")
    assert "paused" not in fleet("resume public --online online")
    assert "release 1 was stopped" in fleet("rollback public --online online --reason bad")
    assert Chain.read(Path("public")).plan().candidate is None


def test_a_person_returns_everybody_to_an_earlier_release(desk: Path) -> None:
    fleet(f"init public {STICKS} --online online")
    for revision in (b"1", b"2"):
        model(desk / "models/camera", "binary.camera", revision)
        fleet(f"publish public {STICKS} --models models")
        fleet("refresh public --online online")
    assert "release 1 is everybody's" in fleet("rollback public --online online --to 1")
    assert "release 7 is not offered" in fleet("rollback public --online online --to 7", ending=1)


@pytest.mark.parametrize("role", ["root", "targets", "rings", "snapshot", "timestamp"])
def test_keys_are_rotated_by_one_command(desk: Path, role: str) -> None:
    begun()
    before = Chain.read(Path("public")).root.signed.version
    fleet(f"rotate public {STICKS} --role {role} --online online")
    assert Chain.read(Path("public")).root.signed.version == before + (role != "rings")


def test_status_draws_every_ring(desk: Path) -> None:
    begun()
    fleet("status public --picture rings.svg")
    assert "canary" in Path("rings.svg").read_text()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("status nowhere", "nowhere holds no whole repository"),
        ("publish public --keys a --no-passphrase", "give --models or --workspace"),
        ("publish public --keys a --no-passphrase --models nothing", "holds no folder of a model"),
        ("init public --keys public/keys --no-passphrase", "must not lie in public"),
        ("init public --keys a --no-passphrase --threshold 3", "a threshold of 3"),
        ("init public --keys a --no-passphrase --rings nothing.toml", "describes no rings"),
    ],
)
def test_mistakes_are_named(desk: Path, command: str, sentence: str) -> None:
    assert re.search(sentence, fleet(command, ending=1))


@pytest.mark.parametrize(
    ("rings", "sentence"),
    [
        ('[[ring]]\nname = "all"\nshare = 0.5\n', "must have the share 1"),
        ('[[ring]]\nname = "all"\nshare = 1.0\nshares = 2\n', "not shares"),
        ('[[ring]]\nname = "all"\npis = ["a/b"]\nshare = 1.0\n', "is not a Pi's id"),
        ("ring = 3", "tables"),
        ("[[", "tables"),
    ],
)
def test_rings_that_cannot_be_are_named(desk: Path, rings: str, sentence: str) -> None:
    Path("rings.toml").write_text(rings)
    refused = fleet("init public --keys a --no-passphrase --rings rings.toml", ending=1)
    assert sentence in refused


def test_a_broker_that_is_not_there_is_one_sentence() -> None:
    command = "fleet watch public --online online --broker mqtt://127.0.0.1:9"
    code = f"import sys; sys.argv[1:] = {command.split()}; from edgeprint.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("edgeprint: the fleet's broker 127.0.0.1:9 cannot be reached")
