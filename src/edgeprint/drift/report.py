"""How far the features of one interval are from another's: own distances for the policy, Evidently's page.

    summary = compare(reference, current, params.drift)
    summary.share, summary.devices, summary.worst(3)
    html, json = evidently_report(reference, current, summary.worst(3), params.drift)

Distances against thresholds, no p-values: on windows this large a test calls every difference significant.
Both use the same rows, so with wasserstein the page shows the numbers that the policy decided on, but for
columns that deviate by less than 0.001: Evidently divides by at least that.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint import params
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable

MOST_ROWS = 2000  # compared a set; distances are exact to about 1/sqrt(rows) of a deviation


@dataclass(frozen=True)
class DriftSummary:
    """`distances` by column that varies; `share` of these (and `devices`: the same share by device) that
    reach `threshold`. `share` is None where there were too few rows; `notes` say what was not compared.
    """

    share: float | None
    distances: dict[str, float]
    devices: dict[str, float]
    threshold: float
    notes: list[str]

    def worst(self, count: int) -> list[str]:
        """The columns that are furthest away, furthest first."""
        return sorted(self.distances, key=lambda name: -self.distances[name])[:count]

    def to_dict(self) -> dict:
        return asdict(self)


def compare(reference: FeatureTable, current: FeatureTable, limits: params.Drift) -> DriftSummary:
    """Distances of all devices' rows together and of each device alone, each on at most MOST_ROWS rows."""
    notes, devices = [], {}
    for device in sorted({*reference.devices, *current.devices}):
        then, now = (t.select(t.device == device) for t in (reference, current))
        if min(len(then), len(now)) < limits.minimum_rows:
            notes.append(_too_few(device, then, now, limits))
        else:
            devices[device] = _share(_distances(then, now, limits.method), limits.threshold)
    if min(len(reference), len(current)) < limits.minimum_rows:
        notes.append(_too_few("the feature set", reference, current, limits))
        return DriftSummary(None, {}, devices, limits.threshold, notes)
    distances = _distances(reference, current, limits.method)
    share = _share(distances, limits.threshold)
    return DriftSummary(share, distances, devices, limits.threshold, notes)


def column_distances(reference: NDArray, current: NDArray, method: str) -> NDArray[np.float64]:
    """The distance of each column [d] between two sets of rows, [n, d] and [m, d].

    wasserstein: earth mover's distance in deviations of the reference; where the reference is constant, in
    deviations of both sets together, so that it stays finite. jensenshannon: 0 to 0.83, natural logarithm.
    """
    measure = _jensenshannon if method == "jensenshannon" else _wasserstein
    pairs = zip(reference.T.astype("f8"), current.T.astype("f8"), strict=True)
    return np.array([measure(then, now) for then, now in pairs])


def evidently_report(
    reference: FeatureTable, current: FeatureTable, columns: Sequence[str], limits: params.Drift
) -> tuple[str, str]:
    """An Evidently page and its JSON: the count over all columns that vary, and a plot of each of `columns`.

    Raises NotEnoughData where either side has fewer than `minimum_rows`.
    """
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import DriftedColumnsCount, ValueDrift

    if min(len(reference), len(current)) < limits.minimum_rows:
        raise NotEnoughData(_too_few("the feature set", reference, current, limits))
    then, now = _sample(reference), _sample(current)
    varying = _varies(then, now)
    if not varying.any():
        raise NotEnoughData(f"none of the {len(varying)} columns varies: there is no drift to report")
    names = [name for name, varies in zip(reference.schema.names, varying, strict=True) if varies]
    definition = DataDefinition(numerical_columns=names)
    frames = (pd.DataFrame(side[:, varying], columns=names) for side in (now, then))
    sides = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
    count = DriftedColumnsCount(num_method=limits.method, num_threshold=limits.threshold)
    plots = [ValueDrift(column=c, method=limits.method, threshold=limits.threshold) for c in columns]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # correlations of constant columns, which it draws nowhere
        snapshot = Report([count, *plots]).run(*sides)
        return snapshot.get_html_str(as_iframe=False), snapshot.json()


def _distances(reference: FeatureTable, current: FeatureTable, method: str) -> dict[str, float]:
    then, now = _sample(reference), _sample(current)
    varying = np.flatnonzero(_varies(then, now))
    found = column_distances(then[:, varying], now[:, varying], method)
    return {reference.schema.names[i]: float(d) for i, d in zip(varying, found, strict=True)}


def _share(distances: dict[str, float], threshold: float) -> float:
    # "not below" rather than "reaches": a distance that is no number counts as drift
    drifted = [not distance < threshold for distance in distances.values()]
    return float(np.mean(drifted)) if drifted else 0.0


def _sample(table: FeatureTable) -> NDArray[np.float32]:
    """At most MOST_ROWS rows [n, d], evenly spaced in time, so that day and night are both there."""
    order = np.argsort(table.start_ns, kind="stable")
    evenly = np.linspace(0, len(order) - 1, min(MOST_ROWS, len(order))).astype("i8")
    return table.values[order[evenly]]


def _varies(reference: NDArray, current: NDArray) -> NDArray[np.bool_]:
    """False [d] for columns that hold one and the same value on both sides: they say nothing."""
    return (reference != reference[0]).any(0) | (current != reference[0]).any(0)


def _wasserstein(reference: NDArray, current: NDArray) -> float:
    from scipy.stats import wasserstein_distance

    constant = (reference == reference[0]).all()
    scale = np.std(np.concatenate([reference, current]) if constant else reference)
    return float(wasserstein_distance(reference, current) / scale) if scale else 0.0


def _jensenshannon(reference: NDArray, current: NDArray) -> float:
    from scipy.spatial.distance import jensenshannon

    edges = np.histogram_bin_edges(np.concatenate([reference, current]), bins="sturges")
    return float(jensenshannon(np.histogram(reference, edges)[0], np.histogram(current, edges)[0]))


def _too_few(what: str, reference: FeatureTable, current: FeatureTable, limits: params.Drift) -> str:
    return (
        f"{what} is not compared: {len(reference)} rows then and {len(current)} now, "
        f"{limits.minimum_rows} of each are needed"
    )
