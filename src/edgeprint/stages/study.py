"""Run a study of a paper on a data set: a table (CSV and Markdown), a figure and an MLflow run.

    folder = run("cclp-labels", workspace, repository, quick=True)

Writes studies/<name>/ in the workspace's reports.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path

from edgeprint import feature_table
from edgeprint.registry import tracking
from edgeprint.stages.job import StageFailed
from edgeprint.stages.workspace import Workspace
from edgeprint.study import Findings, Material, Study

ROOMS = ("cclp",)


def all_studies() -> dict[str, Study]:
    """Every study of every room, by name."""
    rooms = [import_module(f"edgeprint.{room}.study").STUDIES for room in ROOMS]
    return {name: study for room in rooms for name, study in room.items()}


def run(name: str, workspace: Workspace, *, quick: bool = False) -> Path:
    """Make the findings and keep them; the features of the workspace must be there. Raises NotEnoughData."""
    studies = all_studies()
    if name not in studies:
        raise StageFailed(f"there is no study {name!r}; the studies are {', '.join(studies)}")
    study, source = studies[name], workspace.source()
    material = Material(
        source["name"],
        source["simulated"],
        lambda method: feature_table.read(workspace.features / method),
        workspace.inventory(),
        workspace.params(),
        quick,
    )
    begin = time.perf_counter()
    findings = study.run(material)
    minutes = (time.perf_counter() - begin) / 60
    folder = workspace.reports / "studies" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.csv").write_text(findings.csv())
    (folder / "README.md").write_text(page(study, findings, material, minutes))
    findings.figure.savefig(folder / "figure.png", dpi=110)
    _remember(study, findings, workspace, folder)
    return folder


def page(study: Study, findings: Findings, material: Material, minutes: float) -> str:
    """The table with what it was measured on, and what the paper says."""
    kind = "simulated traffic" if material.simulated else "real captures"
    size = ", a quick try: no figure to show" if material.quick else ""
    lines = [
        f"# {study.title}",
        f"Measured on {material.name} ({kind}{size}), {len(material.inventory.devices)} devices, "
        f"in {minutes:.1f} minutes.",
        f"The paper: {study.paper}",
        findings.markdown(),
        *findings.notes,
        "![The figure](figure.png)",
    ]
    return "\n\n".join(lines) + "\n"


def _remember(study: Study, findings: Findings, workspace: Workspace, folder: Path) -> None:
    tracking.open_store(workspace.state)
    tags = {"stage": "study", "study": study.name, "data": workspace.source()["name"]}
    with tracking.training_run("study", study.title, {}, tags) as run:
        run.metrics(findings.metrics())
        run.figure(study.name, findings.figure)
        for path in (folder / "table.csv", folder / "README.md"):
            run.text(path.name, path.read_text())
