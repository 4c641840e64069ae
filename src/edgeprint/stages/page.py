"""reports/index.html: one page that shows a run, from the captures to what the agent said."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from edgeprint import feature_table
from edgeprint.errors import NotEnoughData
from edgeprint.stages import figures, page_evaluate
from edgeprint.stages.extract import sentences
from edgeprint.stages.page_html import document, image, table
from edgeprint.stages.workspace import Workspace

SPECTROGRAM_COLUMNS = 240


def write(workspace: Workspace) -> Path:
    """Write the page from the reports of the last run; returns its path.

    After a run that stopped early it has the parts that were made, and the reason. Raises NotEnoughData where
    there is no report at all.
    """
    sections = []
    for name in _made(workspace):
        report = workspace.report(name)
        sections += [make(workspace, report) for make in PARTS[name]]
    if not sections:
        raise NotEnoughData(f"{workspace.reports} holds no report of a run: edgeprint run makes them")
    if workspace.stopped.exists():
        sections.insert(0, f"<p class=no>Stopped early: {escape(workspace.stopped.read_text())}</p>")
    sections.append(_commands(workspace))
    path = workspace.reports / "index.html"
    path.write_text(document(_title(workspace), sections))
    return path


def _made(workspace: Workspace) -> list[str]:
    """The reports of the last run; where that stopped, those before the first that it did not come to."""
    paths = {name: workspace.reports / f"{name}.json" for name in PARTS}
    there = {name: path.stat().st_mtime_ns for name, path in paths.items() if path.is_file()}
    if not workspace.stopped.exists():
        return list(there)
    made: list[str] = []
    for name in PARTS:
        if name not in there or (made and there[name] < there[made[-1]]):
            break
        made.append(name)
    return made


def _title(workspace: Workspace) -> str:
    source = workspace.source()
    colour = "simulated" if source["simulated"] else "real"
    version = escape(workspace.data_version())
    return (
        f"<h1>edgeprint</h1><p><span class={colour}>{source['kind']}</span> {escape(source['name'])}, "
        f"data version <code>{version}</code>. Every figure on this page was measured on these captures.</p>"
    )


def _captures(workspace: Workspace, extract: dict) -> str:
    inventory = workspace.inventory()
    rows = [
        [
            name,
            inventory[name].category,
            inventory[name].iot,
            n["packets"],
            n.get("cclp", 0),
            n.get("lstm_cnn", 0),
            n.get("binary", 0),
        ]
        for name, n in extract["devices"].items()
    ]
    packets = sum(capture["packets"] for capture in extract["captures"])
    params = workspace.params()
    windows = f"{params.cclp.features.window_minutes}-minute windows"
    segments = f"{params.lstm_cnn.features.segment_minutes:g}-minute segments"
    header = ["device", "kind", "IoT", "packets", windows, segments, "spectrogram columns"]
    asides = "".join(f"<li>{escape(line)}</li>" for line in sentences(extract))
    aside = f"<p>To know:</p><ul>{asides}</ul>" if asides else ""
    total = f"<p>{packets:,} packets in {len(extract['captures'])} captures.</p>"
    return f"<h2>Captures</h2>{total}{table(header, rows)}{aside}"


def _spectrograms(workspace: Workspace, _: dict) -> str:
    rows = feature_table.read(workspace.features / "binary").in_stream_order()
    devices = [d for d in rows.devices if (rows.device == d).sum() > 1]
    newest = {d: rows.values[np.flatnonzero(rows.device == d)[-SPECTROGRAM_COLUMNS:]] for d in devices}
    png = figures.spectrograms(newest, workspace.params().binary.features.bin_seconds)
    caption = "<p>Spectrograms of signed packet sizes, newest traffic.</p>"
    return f"<h2>What each device looks like</h2>{caption}{image(png, 'spectrograms')}"


def _decisions(_: Workspace, retrain: list[dict]) -> str:
    rows = [
        [x["interval"], x["model"], x["retrained"], x["promoted"], "; ".join(x["reasons"])] for x in retrain
    ]
    return "<h2>What was retrained, and why</h2>" + table(
        ["interval", "model", "trained", "promoted", "reasons"], rows
    )


def _gates(_: Workspace, retrain: list[dict]) -> str:
    examined = [line for line in retrain if line.get("gate")]
    checks = [[x["interval"], x["model"], *_check(c)] for x in examined for c in x["gate"]]
    failed = {id(x): [c["sentence"] for c in x["gate"] if not c["passed"]] for x in examined}
    rows = [
        [x["interval"], x["model"], x["version"], x["promoted"], _macro_f1(x), "; ".join(failed[id(x)])]
        for x in examined
    ]
    promoted = sum(x["promoted"] for x in examined)
    header = ["interval", "challenger", "version", "promoted", "macro F1", "refused because"]
    every = table(["interval", "challenger", "check", "measured", "limit", "passed"], checks)
    return (
        "<h2>Promoted or refused, with the numbers</h2>"
        f"<p>{promoted} promoted, {len(examined) - promoted} refused.</p>{table(header, rows)}"
        f"<details><summary>every check with its number and limit</summary>{every}</details>"
    )


def _check(check: dict) -> list[Any]:
    return [check["name"], check["value"], check["limit"], check["passed"]]


def _macro_f1(line: dict) -> float:
    return next(check["value"] for check in line["gate"] if check["name"] == "macro_f1")


def _release(_: Workspace, release: dict) -> str:
    rows = [[name, target.get("digest", "")[:16]] for name, target in sorted(release["models"].items())]
    said = release.get("rings")
    rings = (
        f"<h2>Rings</h2><p>{escape(said['headline'])}</p><pre>{escape(said['table'])}</pre>" if said else ""
    )
    return "<h2>Signed and published</h2>" + table(["model", "digest"], rows) + rings + _containers(release)


def _containers(release: dict) -> str:
    """What came of the container's roll-out, where there was one."""
    if "containers" not in release:
        return ""
    rows = [[pi, came["state"], came["reason"]] for pi, came in release["containers"]["pis"].items()]
    which = escape(release["containers"]["image"])
    return f"<h2>Container on the Pis</h2><p>{which}</p>" + table(["Pi", "came of it", "reason"], rows)


def _agent(workspace: Workspace, agent: dict) -> str:
    lines = [json.loads(line) for line in (workspace.reports / "verdicts.jsonl").read_text().splitlines()]
    picture = image(figures.verdicts(lines), "verdicts over time") if lines else "<p>No verdict.</p>"
    rows = [list(row.values()) for row in agent["devices"]]
    header = [name.replace("_", " ") for name in agent["devices"][0]] if agent["devices"] else []
    return f"<h2>What the agent on the Pi said</h2>{picture}{table(header, rows)}"


def _commands(workspace: Workspace) -> str:
    state, here = (escape(str(path)) for path in (workspace.state.resolve(), Path(sys.executable).parent))
    return (
        "<h2>Look further</h2><pre>"
        f"{here}/mlflow ui --backend-store-uri sqlite:///{state}/mlflow.db\n"
        f"PREFECT_HOME={state}/prefect {here}/prefect server start</pre>"
    )


PARTS: dict[str, list[Callable[[Workspace, Any], str]]] = {  # what the page makes of each report, in order
    "extract": [_captures, _spectrograms],
    "evaluate": [page_evaluate.matrices, page_evaluate.drift],
    "retrain": [_decisions, _gates],
    "release": [_release],
    "agent": [_agent],
}
