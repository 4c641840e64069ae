"""The source files that each stage of dvc.yaml depends on: all that its program imports, however deep.

    python tools/stage_sources.py        # writes them into dvc.yaml

A change in any of them makes the stage stale. Left out is what only words and progress bars depend on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORDS = {"edgeprint.errors", "edgeprint.progress"}
METHODS = ("cclp", "lstm_cnn", "binary")
ROOMS = (
    "features",
    "train",
    "evaluate",
    "export",
    "quiet",
)  # what stages/methods.py imports by name when it runs


def rooms(*methods: str) -> list[str]:
    return [f"edgeprint.{method}.{room}" for method in methods for room in ROOMS]


ENTRIES = {
    "testbed": ["edgeprint.testbed.home"],
    "extract": ["flows.extract"],
    **{f"train-{method}": ["flows.train", *rooms(method)] for method in METHODS},
    "evaluate": ["flows.evaluate", *rooms(*METHODS)],
    "retrain": ["flows.retrain", *rooms(*METHODS)],
    "release": ["flows.release"],
    "watch": ["edgeprint.edge.agent"],
    "page": ["edgeprint.stages.page"],
}


def source(module: str) -> Path | None:
    """The file of a module of ours, relative to the repository; None for a module of others."""
    place = Path("src", *module.split(".")) if module.startswith("edgeprint") else Path(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if module.partition(".")[0] in ("edgeprint", "flows") and (ROOT / path).is_file():
            return path
    return None


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function, and the packages they lie in."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        names: Iterable[str] = ()
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: i + 1]) for i in range(len(parts)))


def sources(entries: Iterable[str]) -> list[Path]:
    """The files of these modules and of all that they import, sorted; empty packages are left out."""
    found: set[Path] = set()
    seen: set[str] = set()
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        path = source(module)
        if module in seen or path is None or module in WORDS:
            continue
        seen.add(module)
        if path.name != "__init__.py" or "import" in (ROOT / path).read_text():
            found.add(path)
        waiting += imports(path)
    return sorted(found)


def of_stage(stage: str) -> list[str]:
    """The dependencies of a stage as dvc.yaml names them."""
    return [f"${{code}}/{path}" for path in sources(ENTRIES[stage])]


def rewritten(text: str) -> str:
    """dvc.yaml with the source files of every stage as they are now."""
    lines: list[str] = []
    stage = ""
    for line in text.splitlines():
        if line.startswith("  ") and line[2:3].isalpha() and line.endswith(":"):
            stage = line.strip(" :")
        if line.strip().startswith("- ${code}/"):
            continue
        lines.append(line)
        if line.strip() == "deps:":
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            lines += [f"{indent}- {path}" for path in of_stage(stage)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    path = ROOT / "dvc.yaml"
    path.write_text(rewritten(path.read_text()))
