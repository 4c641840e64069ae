"""Put the findings of studies together as docs/results.md, with what is to be said of each.

    python docs/collect_results.py workspaces/fit-week workspaces/forty-home

Tables and figures are those that `edgeprint study` wrote; docs/results.yaml holds the words: for each study
and data set a sentence on how its figures differ from the paper's. A study without words is refused.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import yaml

from edgeprint.stages.study import all_studies
from edgeprint.study import Study

DOCS = Path(__file__).parent
FIGURE = "![The figure](figure.png)"


def section(study: Study, workspaces: list[Path], words: dict[str, str]) -> list[str]:
    """A heading, the paper's figures, and each data set's table, sentence and figure; nothing if none."""
    lines = [f"## {study.name}: {study.title.partition(': ')[2]}", f"The paper: {study.paper}"]
    for workspace in workspaces:
        folder = workspace / "reports/studies" / study.name
        if not folder.is_dir():
            continue
        key = f"{study.name} on {workspace.name}"
        if key not in words:
            raise SystemExit(f"docs/results.yaml says nothing of {key!r}")
        picture = DOCS / "results" / f"{study.name}-{workspace.name}.png"
        picture.parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / "figure.png", picture)
        body = (folder / "README.md").read_text().strip().split("\n\n")
        shown = [part for part in body[1 : body.index(FIGURE)] if not part.startswith("The paper: ")]
        lines += [f"### On {workspace.name}", words[key], *shown]
        lines.append(f"![{study.name} on {workspace.name}](results/{picture.name})")
    if refused := words.get(f"{study.name} refused"):
        lines.append(refused)
    return lines if len(lines) > 2 else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workspaces", type=Path, nargs="+", help="where studies were run")
    chosen = parser.parse_args()
    words = yaml.safe_load((DOCS / "results.yaml").read_text())
    lines = [words["head"]]
    for study in all_studies().values():
        lines += section(study, chosen.workspaces, words)
    (DOCS / "results.md").write_text("\n\n".join(line.strip() for line in lines) + "\n")


if __name__ == "__main__":
    main()
