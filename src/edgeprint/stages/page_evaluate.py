"""The page's part on evaluation: F1 matrices by interval, and how far the data moved.

sections = [matrices(workspace, workspace.report("evaluate")), drift(workspace, workspace.report("evaluate"))]
"""

from __future__ import annotations

from html import escape

import numpy as np

from edgeprint.stages import figures
from edgeprint.stages.page_html import image, table
from edgeprint.stages.workspace import Workspace

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


def matrices(_: Workspace, evaluate: dict) -> str:
    """The matrices as a picture, their means as a table, and what could not be trained."""
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
        + (image(figures.matrices(titled), "F1 matrices") if titled else "")
        + "".join(
            f"<p class=no>{escape(TITLES[key])}: no model could be trained.</p>"
            for key, part in evaluate.items()
            if not part["judged_on"]
        )
        + "".join(_mixed(TITLES[key], part["judged_on"]) for key, part in evaluate.items())
        + table(["method", "metric", "same interval", "samples", "one interval later", "samples"], rows)
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


def drift(workspace: Workspace, evaluate: dict) -> str:
    """Shares of columns that moved as a picture, and the way to Evidently's pages."""
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
    picture = image(figures.drift(shares), "share of drifted columns by device and interval")
    return f"<h2>Drift by interval</h2>{caption}{picture}<p>Evidently's reports:</p><ul>{links}</ul>"
