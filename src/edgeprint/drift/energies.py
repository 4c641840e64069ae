"""How loud a device is, and at which frequencies: energies of spectrogram columns, for data drift to look at.

table = energies(columns)                    # a row a column: the whole energy, and that of each band

Single amplitudes are too many to read and move together; bands say where a change lies.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from edgeprint.feature_table import FeatureTable
from edgeprint.schema import Column, FeatureSchema

BANDS = 8
SOURCE = "papers/binary-edge 3.1.1"


def energies(table: FeatureTable, bands: int = BANDS) -> FeatureTable:
    """log10(1 + sum of squared amplitudes) over all frequencies and over each of `bands` equal parts of them.

    The constant term, bytes sent less bytes received, has a column of its own and is in no band.
    """
    power = table.values.astype("f8") ** 2  # [n, h]
    edges = np.linspace(1, power.shape[1], bands + 1).astype("i8")
    parts = [power[:, begin:end].sum(1) for begin, end in pairwise(edges)]
    values = np.log10(1 + np.stack([power.sum(1), power[:, 0], *parts], axis=1)).astype("f4")
    return replace(table, schema=_schema(table.schema, edges.tolist()), values=values)


def _schema(schema: FeatureSchema, edges: list[int]) -> FeatureSchema:
    settings = dict(schema.settings)
    hertz = 1 / (2 * float(settings["height"]) * float(settings["bin_seconds"]))
    bands = [f"energy_{begin * hertz:.2f}_to_{end * hertz:.2f}_hz" for begin, end in pairwise(edges)]
    names = ["energy", "energy_constant", *bands]
    columns = tuple(Column(name, "log10 byte^2", "both", SOURCE) for name in names)
    return FeatureSchema("energies", columns, schema.settings)
