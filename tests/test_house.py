"""Facts about the repository itself."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_mlflow_imported_from_the_repository_is_the_real_one() -> None:
    assert "site-packages" in python("import mlflow; print(mlflow.__file__)")


def test_docker_and_mlflow_hold_no_python_package() -> None:
    assert not [p for name in ("docker", "mlflow") for p in (REPOSITORY / name).rglob("*.py")]


def test_nothing_imports_upward() -> None:
    lint = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert lint.returncode == 0, lint.stdout


def test_the_locks_name_versions_and_hashes_but_no_host() -> None:
    for lock in (REPOSITORY / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text and "--index" not in text and "--find-links" not in text, lock
        assert text.count("==") <= text.count("--hash=sha256:"), lock


def test_help_needs_no_heavy_import() -> None:
    heavy = "torch tensorflow mlflow prefect pandas numba pyarrow scipy lightning dvc evidently"
    loaded = python(
        "import sys, edgeprint.cli, typer.testing as t;"
        "assert t.CliRunner().invoke(edgeprint.cli.app, ['--help']).exit_code == 0;"
        f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    assert loaded == "[]"
