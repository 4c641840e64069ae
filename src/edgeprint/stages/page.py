"""reports/index.html: one page that shows a run, from the captures to what the agent said."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from edgeprint import feature_table
from edgeprint.errors import NotEnoughData
from edgeprint.stages import figures
from edgeprint.stages.extract import sentences
from edgeprint.stages.workspace import Workspace

SPECTROGRAM_COLUMNS = 240
TITLES = {
    "cclp": "CCLP: which device",
    "lstm_cnn": "LSTM-CNN: what kind",
    "binary": "binary: still itself",
}
SHOWN = {
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ce_macro_f1": "macro F1, confident enough",
    "seen_accuracy": "accuracy on the devices trained on",
}
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0; display: block; overflow-x: auto }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #eee; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums } th { background: #f6f6f6 }
img { max-width: 100% } td:nth-child(-n+2) { white-space: nowrap }
.simulated, .real { padding: .1rem .5rem; border-radius: .3rem; color: #fff }
.simulated { background: #b7791f } .real { background: #2a6f97 }
.no { color: #b3261e } .yes { color: #1b7f3b }
code, pre { background: #f4f4f4; padding: .1rem .3rem } pre { padding: .7rem; overflow-x: auto }
"""


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
    path.write_text(_html(_title(workspace), sections))
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


def _html(title: str, sections: list[str]) -> str:
    meta = "<meta charset=utf-8><meta name=viewport content='width=device-width'><title>edgeprint</title>"
    head = f"{meta}<style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{title}{''.join(sections)}</body></html>\n"


def _title(workspace: Workspace) -> str:
    source = workspace.source()
    colour = "simulated" if source["simulated"] else "real"
    version = escape(workspace.data_version())
    return (
        f"<h1>edgeprint</h1><p><span class={colour}>{source['kind']}</span> {escape(source['name'])}, "
        f"data version <code>{version}</code>. Every figure on this page was measured on these captures.</p>"
    )


def _image(png: bytes, description: str) -> str:
    return f"<img alt='{escape(description)}' src='data:image/png;base64,{base64.b64encode(png).decode()}'>"


def _table(header: list[str], rows: list[list[Any]]) -> str:
    def cell(value: Any) -> str:
        if value is None:
            return "<td>–</td>"
        if isinstance(value, bool):
            return f"<td class={'yes' if value else 'no'}>{'yes' if value else 'no'}</td>"
        if isinstance(value, float):
            return f"<td class=n>{value:.4g}</td>"
        return f"<td class=n>{value:,}</td>" if isinstance(value, int) else f"<td>{escape(str(value))}</td>"

    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    return (
        f"<table><tr>{head}</tr>{''.join('<tr>' + ''.join(map(cell, row)) + '</tr>' for row in rows)}</table>"
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
    return f"<h2>Captures</h2>{total}{_table(header, rows)}{aside}"


def _spectrograms(workspace: Workspace, _: dict) -> str:
    table = feature_table.read(workspace.features / "binary").in_stream_order()
    devices = [d for d in table.devices if (table.device == d).sum() > 1]
    newest = {d: table.values[np.flatnonzero(table.device == d)[-SPECTROGRAM_COLUMNS:]] for d in devices}
    png = figures.spectrograms(newest, workspace.params().binary.features.bin_seconds)
    caption = "<p>Spectrograms of signed packet sizes, newest traffic.</p>"
    return f"<h2>What each device looks like</h2>{caption}{_image(png, 'spectrograms')}"


def _matrices(_: Workspace, evaluate: dict) -> str:
    titled = {
        f"{TITLES[key]}\n{' or '.join(sorted(set(part['judged_on'].values())))}": (
            part["intervals"],
            part["matrices"]["macro_f1"],
        )
        for key, part in evaluate.items()
        if part["judged_on"]
    }
    rows = []
    for key, part in evaluate.items():
        for metric in SHOWN:
            if metric not in part["matrices"]:
                continue
            matrix = part["matrices"][metric]
            own = [row[i] for i, row in enumerate(matrix) if row[i] is not None]
            after = [row[i + 1] for i, row in enumerate(matrix[:-1]) if row[i + 1] is not None]
            mean = [float(np.mean(some)) if some else "no data" for some in (own, after)]
            rows.append([TITLES[key], SHOWN[metric], mean[0], counted(part, 0), mean[1], counted(part, 1)])
    skipped = [each for part in evaluate.values() for each in part["skipped"]]
    lack = "".join(
        f"<li>{escape(each['model'])}, {escape(each['interval'])}: {escape(each['reason'])}</li>"
        for each in skipped
    )
    return (
        "<h2>How well it is known, quarter by quarter</h2>"
        "<p>Macro F1 on the held-out part of each interval.</p>"
        + (_image(figures.matrices(titled), "F1 matrices") if titled else "")
        + "".join(
            f"<p class=no>{escape(TITLES[key])}: no model could be trained.</p>"
            for key, part in evaluate.items()
            if not part["judged_on"]
        )
        + "".join(_mixed(TITLES[key], part["judged_on"]) for key, part in evaluate.items())
        + _table(["method", "metric", "same interval", "samples", "one interval later", "samples"], rows)
        + (f"<p>Not trained for lack of traffic:</p><ul>{lack}</ul>" if lack else "")
    )


def counted(part: dict, later: int) -> int:
    """Samples that the scores of so many intervals after the training are of."""
    places = {name: place for place, name in enumerate(part["intervals"])}
    return round(
        sum(
            cell["samples"]
            for cell in part["cells"]
            if places[cell["evaluated_on"]] - places[cell["trained_on"]] == later
        )
    )


def _mixed(title: str, judged_on: dict[str, str]) -> str:
    """Where the rows of a matrix are judged on different devices, which is on which: they do not compare."""
    if len(set(judged_on.values())) < 2:
        return ""
    rows = "; ".join(f"{interval}: {devices}" for interval, devices in judged_on.items())
    return f"<p>{escape(title)} is judged on different devices by row. {escape(rows)}.</p>"


def _drift(workspace: Workspace, evaluate: dict) -> str:
    shares = {
        TITLES[k]: {d["interval"]: d["devices"] for d in part["drift"]}
        for k, part in evaluate.items()
        if part["drift"]
    }
    if not shares:
        return "<h2>Drift</h2><p>There is one interval only, so nothing to compare it with.</p>"
    links = "".join(
        f"<li><a href='drift/{escape(d['page'])}'>{escape(TITLES[k])}, {escape(d['interval'])}</a></li>"
        for k, part in evaluate.items()
        for d in part["drift"]
        if d["page"]
    )
    limit = workspace.params().policy.max_drift_share
    first = next(d["reference"] for part in evaluate.values() for d in part["drift"])
    caption = f"<p>Share of each device's columns that moved since {escape(first)}; limit {limit:.0%}.</p>"
    picture = _image(figures.drift(shares), "share of drifted columns by device and interval")
    return f"<h2>Drift by interval</h2>{caption}{picture}<p>Evidently's reports:</p><ul>{links}</ul>"


def _decisions(_: Workspace, retrain: list[dict]) -> str:
    rows = [
        [x["interval"], x["model"], x["retrained"], x["promoted"], "; ".join(x["reasons"])] for x in retrain
    ]
    return "<h2>What was retrained, and why</h2>" + _table(
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
    every = _table(["interval", "challenger", "check", "measured", "limit", "passed"], checks)
    return (
        "<h2>Promoted or refused, with the numbers</h2>"
        f"<p>{promoted} promoted, {len(examined) - promoted} refused.</p>{_table(header, rows)}"
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
    return "<h2>Signed and published</h2>" + _table(["model", "digest"], rows) + rings + _containers(release)


def _containers(release: dict) -> str:
    """What came of the container's roll-out, where there was one."""
    if "containers" not in release:
        return ""
    rows = [[pi, came["state"], came["reason"]] for pi, came in release["containers"]["pis"].items()]
    image = escape(release["containers"]["image"])
    return f"<h2>Container on the Pis</h2><p>{image}</p>" + _table(["Pi", "came of it", "reason"], rows)


def _agent(workspace: Workspace, agent: dict) -> str:
    lines = [json.loads(line) for line in (workspace.reports / "verdicts.jsonl").read_text().splitlines()]
    picture = _image(figures.verdicts(lines), "verdicts over time") if lines else "<p>No verdict.</p>"
    rows = [list(row.values()) for row in agent["devices"]]
    header = [name.replace("_", " ") for name in agent["devices"][0]] if agent["devices"] else []
    return f"<h2>What the agent on the Pi said</h2>{picture}{_table(header, rows)}"


def _commands(workspace: Workspace) -> str:
    state, here = (escape(str(path)) for path in (workspace.state.resolve(), Path(sys.executable).parent))
    return (
        "<h2>Look further</h2><pre>"
        f"{here}/mlflow ui --backend-store-uri sqlite:///{state}/mlflow.db\n"
        f"PREFECT_HOME={state}/prefect {here}/prefect server start</pre>"
    )


PARTS: dict[str, list[Callable[[Workspace, Any], str]]] = {  # what the page makes of each report, in order
    "extract": [_captures, _spectrograms],
    "evaluate": [_matrices, _drift],
    "retrain": [_decisions, _gates],
    "release": [_release],
    "agent": [_agent],
}
