"""How far the features of one interval are from another's: own figures for the policy, Evidently's page.

    summary = compare(reference, current, params.drift)
    summary.share, summary.devices, summary.worst(3)
    html, json = evidently_report(reference, current, summary.worst(3), params.drift)

A column has drifted where its distance reaches params.drift.threshold plus the noise of so few rows. Both
use the same rows and limits, so with wasserstein the page counts the columns that the policy counted, but
for those that deviate by less than 0.001: Evidently divides by at least that.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint import params
from edgeprint.drift.distances import column_distances, noise, varies
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable

LIBRARY = "evidently.js"
_SHARED = f'<script src="{LIBRARY}"></script>'
MOST_ROWS = 2000  # of a set; more make no distance clearer and every one slower


@dataclass(frozen=True)
class DriftSummary:
    """`distances` by column that varies, and the `limits` from which each counts as drifted.

    `share` is of these columns, over the rows of all devices together; `devices` is the same share of each
    device alone. `share` is None where nothing could be compared; `notes` say what was not and why.
    """

    share: float | None
    distances: dict[str, float]
    limits: dict[str, float]
    devices: dict[str, float]
    notes: list[str]

    def worst(self, count: int) -> list[str]:
        """The columns that are furthest beyond their limits, furthest first."""
        return sorted(self.distances, key=lambda name: self.limits[name] - self.distances[name])[:count]

    def to_dict(self) -> dict:
        return asdict(self)


def compare(reference: FeatureTable, current: FeatureTable, limits: params.Drift) -> DriftSummary:
    """Compare each device that both sides know well enough, and all of these together."""
    devices, notes = comparable(reference, current, limits)
    if not devices:
        return DriftSummary(None, {}, {}, {}, notes)
    shares = {d: _share(*_measure(*_sides(reference, current, [d]), limits)) for d in devices}
    distances, most = _measure(*_sides(reference, current, devices), limits)
    return DriftSummary(_share(distances, most), distances, most, shares, notes)


def comparable(
    reference: FeatureTable, current: FeatureTable, limits: params.Drift
) -> tuple[list[str], list[str]]:
    """Devices with at least `minimum_rows` on both sides, and a sentence about each of the others."""
    devices, notes = [], []
    for device in sorted({*reference.devices, *current.devices}):
        then, now = (int((table.device == device).sum()) for table in (reference, current))
        if min(then, now) >= limits.minimum_rows:
            devices.append(device)
        else:
            needed = f"{limits.minimum_rows} of each are needed"
            notes.append(f"{device} is not compared: {then} rows then and {now} now, {needed}")
    return devices, notes or ["neither side has a row"] * (not devices)


def evidently_report(
    reference: FeatureTable, current: FeatureTable, columns: Sequence[str], limits: params.Drift
) -> tuple[str, str]:
    """An Evidently page and its JSON: the count over all columns that vary, and a plot of each of `columns`.

    Raises NotEnoughData where there is nothing to compare.
    """
    devices, notes = comparable(reference, current, limits)
    if not devices:
        raise NotEnoughData("; ".join(notes))
    then, now = _sides(reference, current, devices)
    distances, most = _measure(then, now, limits)
    if not distances:
        raise NotEnoughData(f"none of the {len(then.schema.columns)} columns varies: no drift to report")
    os.environ["DO_NOT_TRACK"] = "1"
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import DriftedColumnsCount, ValueDrift

    names, definition = list(distances), DataDefinition(numerical_columns=list(distances))
    frames = (pd.DataFrame(_sample(side), columns=side.schema.names)[names] for side in (now, then))
    sides = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
    count = DriftedColumnsCount(num_method=limits.method, per_column_threshold=most)
    plots = [ValueDrift(column=c, method=limits.method, threshold=most[c]) for c in columns]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # correlations of constant columns, which it draws nowhere
        snapshot = Report([count, *plots]).run(*sides)
        return snapshot.get_html_str(as_iframe=False), snapshot.json()


def write_page(html: str, path: Path) -> None:
    """Write a page of Evidently without its library, 3.5 MB that all pages of a folder then share."""
    library = max(re.finditer(r"<script>(.*?)</script>", html, re.DOTALL), key=lambda script: len(script[1]))
    path.with_name(LIBRARY).write_text(library[1])
    path.write_text(html[: library.start()] + _SHARED + html[library.end() :])


def read_page(path: Path) -> str:
    """A page that `write_page` wrote as one file again, which opens alone, as in MLflow's viewer."""
    library = path.with_name(LIBRARY).read_text()
    return path.read_text().replace(_SHARED, f"<script>{library}</script>")


def _sides(
    reference: FeatureTable, current: FeatureTable, devices: Sequence[str]
) -> tuple[FeatureTable, FeatureTable]:
    """Both tables with the rows of `devices` alone: one that is gone is no drift of the others."""
    then, now = (t.select(np.isin(t.device.astype(str), devices)) for t in (reference, current))
    return then, now


def _measure(
    reference: FeatureTable, current: FeatureTable, limits: params.Drift
) -> tuple[dict[str, float], dict[str, float]]:
    """The distance and the limit of each column that varies, by name."""
    then, now = _sample(reference), _sample(current)
    varying = np.flatnonzero(varies(then, now))
    then, now = then[:, varying], now[:, varying]
    names = [reference.schema.names[i] for i in varying]
    distances = column_distances(then, now, limits.method)
    most = limits.threshold + noise(then, now, limits.method)
    return (
        dict(zip(names, distances.tolist(), strict=True)),
        dict(zip(names, most.tolist(), strict=True)),
    )


def _share(distances: dict[str, float], limits: dict[str, float]) -> float:
    # "not below" rather than "reaches": a distance that is no number counts as drift
    drifted = [not distance < limits[name] for name, distance in distances.items()]
    return float(np.mean(drifted)) if drifted else 0.0


def _sample(table: FeatureTable) -> NDArray[np.float32]:
    """At most MOST_ROWS rows [n, d], evenly spaced in time, so that day and night are both there."""
    order = np.argsort(table.start_ns, kind="stable")
    evenly = np.linspace(0, len(order) - 1, min(MOST_ROWS, len(order))).astype("i8")
    return table.values[order[evenly]]
