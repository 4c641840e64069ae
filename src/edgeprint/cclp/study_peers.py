"""Figure 9 of papers/cclp: CCLP beside three peers, and beside two plain random forests.

The paper gives the peers all labels and CCLP 8 %; here each method is shown with both.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgeprint.cclp.peers import ALL, BASELINES, PEERS, PUBLISHED
from edgeprint.cclp.trial_tables import (
    MEASURES,
    NOT_GIVEN,
    Trials,
    against_forests,
    by_device,
    notes,
    percent,
    row,
)
from edgeprint.cclp.trials import SPLITS, trials
from edgeprint.study import Bar, Cell, Findings, Material, Table, draw_bars

ALL_LABELS = 1.0
METHODS = ("CCLP", *PUBLISHED, *BASELINES)
PAPER_CCLP = 0.9981  # with 8 % labels


def peers(material: Material) -> Findings:
    """Every method on the same split, with all labels and with params' share of them."""
    few = material.params.cclp.train.label_fraction
    fractions = sorted({few, ALL_LABELS})
    found = trials(material, fractions, METHODS, material.seeds, "cclp-peers")
    published = {("CCLP", few): PAPER_CCLP} | {(peer, ALL_LABELS): value for peer, value in PUBLISHED.items()}
    rows: list[list[Cell]] = []
    for (split, fraction, method), repeats in found.items():
        given = published.get((method, fraction), NOT_GIVEN) if split == "at random" else NOT_GIVEN
        features = len(PEERS[method].columns if method in PEERS else ALL)
        rows.append([split, method, percent(fraction), *row(repeats), given, features, len(repeats)])
    columns = ["split", "method", "labelled", *MEASURES, "paper's accuracy", "columns read", "repeats"]
    compared = {
        (split, method): found[split, few if method == "CCLP" else ALL_LABELS, method]
        for split in SPLITS
        for method in METHODS
    }
    title = f"F1 by device, compared as in the paper: CCLP with {percent(few)} labels, the others with all"
    marks = {_named(method, fraction): value for (method, fraction), value in published.items()}
    return Findings(
        Table("accuracy beside other methods", columns, rows),
        draw_bars(_bars(found), "accuracy", marks={"the paper's": marks}),
        [*notes(material), *_readings()],
        [against_forests(found), by_device(title, ["split", "method"], compared.items())],
    )


def _named(method: str, fraction: float) -> str:
    return f"{method}, {percent(fraction)} labels"


def _bars(found: Trials) -> Mapping[str, Mapping[str, Bar]]:
    """Accuracy and interval by split, and by method and share of labels."""
    bars: dict[str, dict[str, Bar]] = {split: {} for split in SPLITS}
    for (split, fraction, method), repeats in sorted(
        found.items(), key=lambda item: METHODS.index(item[0][2])
    ):
        value, half = row(repeats)[:2]
        bars[split][_named(method, fraction)] = float(value), float(half)
    return bars


def _readings() -> list[str]:
    """What each peer takes from its paper, and what is our reading: its docstring."""
    return [" ".join((PEERS[name].build.__doc__ or "").split()) for name in PUBLISHED]
