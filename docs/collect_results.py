"""Put the findings of studies together as docs/results.md, with what is to be said of each.

    python docs/collect_results.py workspaces/fit-week workspaces/forty
    python docs/collect_results.py                       after a change of words alone

Tables and figures are those that `edgeprint study` wrote; what the given workspaces lack stays on the page
as it is. docs/results.yaml holds the words: for each study and data set a sentence on how its figures differ
from the paper's. A study without words is refused.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

import yaml

from edgeprint.stages.study import all_studies

DOCS = Path(__file__).parent
PAGE = DOCS / "results.md"
FIGURE = "![The figure](figure.png)"
STUDY = re.compile(r"^## ([\w-]+): .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
DATA = re.compile(r"^### On ([\w-]+)\n.*?^(Measured on .*?)\s*(?=^### On |\Z)", re.MULTILINE | re.DOTALL)

Measured = dict[tuple[str, str], str]  # by study and data set: from "Measured on" to the picture


def on_page(page: str) -> Measured:
    """What an earlier collection wrote."""
    return {
        (study[1], data[1]): data[2].strip()
        for study in STUDY.finditer(page)
        for data in DATA.finditer(study[0])
    }


def collected(workspace: Path) -> Measured:
    """What the studies of a workspace found; copies their pictures."""
    found = {}
    for report in sorted((workspace / "reports/studies").glob("*/README.md")):
        study = report.parent.name
        picture = DOCS / "results" / f"{study}-{workspace.name}.png"
        picture.parent.mkdir(exist_ok=True)
        shutil.copyfile(report.parent / "figure.png", picture)
        parts = report.read_text().strip().split("\n\n")
        shown = [part for part in parts[1 : parts.index(FIGURE)] if not part.startswith("The paper: ")]
        link = f"![{study} on {workspace.name}](results/{picture.name})"
        found[study, workspace.name] = "\n\n".join([*shown, link])
    return found


def page_of(measured: Measured, words: dict[str, str]) -> str:
    """The whole page. Raises SystemExit where nothing is said of a table."""
    lines = [words["head"]]
    for study in all_studies().values():
        mine = {data: text for (name, data), text in measured.items() if name == study.name}
        if mine:
            lines += [f"## {study.name}: {study.title.partition(': ')[2]}", f"The paper: {study.paper}"]
        for data, text in mine.items():
            key = f"{study.name} on {data}"
            if key not in words:
                raise SystemExit(f"docs/results.yaml says nothing of {key!r}")
            lines += [f"### On {data}", words[key], text]
    return "\n\n".join(line.strip() for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workspaces", type=Path, nargs="*", help="where studies were run")
    measured = on_page(PAGE.read_text())
    for workspace in parser.parse_args().workspaces:
        measured |= collected(workspace)
    PAGE.write_text(page_of(measured, yaml.safe_load((DOCS / "results.yaml").read_text())))


if __name__ == "__main__":
    main()
