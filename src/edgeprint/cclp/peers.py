"""Other ways to name devices from the same windows: three peers of figure 9, and two plain forests.

    given, confidence = PEERS["Sivanathan et al."].answer(training, label, held_out, seed=7)

`label` [n] is the place of each training window's class, -1 where the label is not shown. Each peer is in the
manner of its paper only: it sees of the 219 columns those that say most of what its paper measures, and its
docstring says what is missing. A non-IoT device is one more class to all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from edgeprint.cclp.columns import EXTENT, NAMES_COUNTED, PORT_RANGES, STATISTICS, schema
from edgeprint.feature_table import FeatureTable

TREES = 100  # scikit-learn's own number
NEIGHBOURS = 5

ALL = tuple(column.name for column in schema().columns)
THREE_NUMBERS = ("packets_in", "packets_out", "length_both_mean", "interval_both_mean")
ACTIVITY = (
    *("bytes_in", "bytes_out", "flow_duration_both", "flow_rate_in", "flow_rate_out", "interval_both_max"),
    *(f"{what}_interval_both_{s}" for what in ("dns", "ntp") for s in EXTENT),
)
PORTS = tuple(f"{end}_ports_{a}_{b}" for end in ("src", "dst") for a, b in PORT_RANGES)
NAMES = tuple(f"dns_name_{n}" for n in range(1, NAMES_COUNTED + 1))
FLOWS = tuple(
    f"{what}_{way}_{s}" for what in ("length", "interval") for way in ("in", "out") for s in STATISTICS
)
PERIODS = (
    *(f"interval_{way}_{s}" for way in ("in", "out") for s in (*STATISTICS, "entropy")),
    *(f"{what}_interval_{way}_{s}" for what in ("dns", "ntp") for way in ("in", "out") for s in EXTENT),
)


@dataclass(frozen=True)
class Peer:
    """A classifier of scikit-learn over some of the columns; `build(seed)` makes one.

    `unlabelled`: it also learns from the windows whose label is not shown.
    """

    name: str
    columns: tuple[str, ...]
    build: Callable[[int], Any]
    unlabelled: bool = False

    def answer(
        self, training: FeatureTable, label: NDArray[np.int64], asked: FeatureTable, *, seed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The likeliest class of each window asked for [m], and its probability."""
        seen = np.full(len(label), True) if self.unlabelled else label >= 0
        fitted = self.build(seed).fit(self._look(training)[seen], label[seen])
        probabilities = fitted.predict_proba(self._look(asked))
        return fitted.classes_[probabilities.argmax(1)], probabilities.max(1)

    def _look(self, table: FeatureTable) -> NDArray[np.float32]:
        place = {column.name: i for i, column in enumerate(table.schema.columns)}
        return table.values[:, [place[name] for name in self.columns]]


def forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(TREES, random_state=seed, n_jobs=1)


def forest_on_three_numbers(seed: int) -> Any:
    """A random forest on packets, mean packet length and mean interval: the least that a method must beat."""
    return make_pipeline(FunctionTransformer(_both_ways_added), forest(seed))


def _both_ways_added(values: NDArray) -> NDArray:
    return np.column_stack([values[:, 0] + values[:, 1], values[:, 2:]])


def sivanathan(seed: int) -> Any:
    """Sivanathan et al., "Classifying IoT devices in smart environments", IEEE TMC 2018, in two stages.

    From the paper: flow volume, duration and rate, sleep time, DNS and NTP intervals; bags of port numbers,
    domain names and cipher suites, each put by naive Bayes into a tentative class with its confidence (stage
    0); a random forest over all of these (stage 1). Our reading: sleep time is the longest interval between
    packets, and activity is of the window and not of each flow. Missing: the ports themselves (four ranges a
    side stand for them), which names were asked for (the counts by rank stand for them), all cipher suites.
    """
    end = len(ACTIVITY), len(ACTIVITY) + len(PORTS), len(ACTIVITY) + len(PORTS) + len(NAMES)
    stage_0 = ColumnTransformer(
        [
            ("activity", "passthrough", slice(0, end[0])),
            ("ports", TentativeClass(), slice(end[0], end[1])),
            ("names", TentativeClass(), slice(end[1], end[2])),
        ]
    )
    return make_pipeline(stage_0, forest(seed))


class TentativeClass(TransformerMixin, BaseEstimator):
    """A bag of counts [n, k] to the class that naive Bayes takes it for, and how surely [n, 2]."""

    def fit(self, counts: NDArray, label: NDArray[np.int64]) -> TentativeClass:
        self.bayes_ = MultinomialNB().fit(counts, label)
        return self

    def transform(self, counts: NDArray) -> NDArray[np.float64]:
        probabilities = self.bayes_.predict_proba(counts)
        return np.column_stack([self.bayes_.classes_[probabilities.argmax(1)], probabilities.max(1)])


def shahid(seed: int) -> Any:
    """Shahid et al., "IoT devices recognition through network traffic analysis", IEEE Big Data 2018.

    From the paper: sizes of packets sent and received and the intervals between them, and a random forest,
    one of its six classifiers. Our reading: statistics of sizes and intervals in a window, by direction.
    Missing: the first N packets of each flow one by one.
    """
    return forest(seed)


def marchal(seed: int) -> Any:
    """Marchal et al., "AuDI: toward autonomous IoT device-type identification", IEEE JSAC 2019.

    From the paper: features of periodic traffic, nearest neighbours, no labels while learning; a cluster gets
    its name afterwards. Our reading: statistics of intervals by direction, DNS and NTP intervals; a cluster
    is what mutual nearest neighbours connect, its name the class of most of its labelled windows; a window
    is named by its nearest neighbours in named clusters. Missing: periods by Fourier transform and
    autocorrelation of each flow, with their stability. Nothing in it is drawn at random.
    """
    return make_pipeline(FunctionTransformer(_compressed), StandardScaler(), NamedClusters())


def _compressed(values: NDArray) -> NDArray[np.float64]:
    return np.sign(values) * np.log1p(np.abs(values, dtype="f8"))


class NamedClusters(ClassifierMixin, BaseEstimator):
    """Clusters of mutual nearest neighbours, named by the labelled rows in them; label -1: not labelled."""

    def fit(self, values: NDArray[np.float64], label: NDArray[np.int64]) -> NamedClusters:
        near = kneighbors_graph(values, min(NEIGHBOURS, len(values) - 1))
        _, cluster = connected_components(near.multiply(near.T), directed=False)
        shown = label >= 0
        votes = np.zeros((cluster.max() + 1, label.max() + 1), "i8")
        np.add.at(votes, (cluster[shown], label[shown]), 1)
        named = votes[cluster].any(1)
        name = votes[cluster[named]].argmax(1)
        self.near_ = KNeighborsClassifier(min(NEIGHBOURS, int(named.sum()))).fit(values[named], name)
        self.classes_ = self.near_.classes_
        return self

    def predict_proba(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.near_.predict_proba(values)


BASELINES = ("random forest on 219 features", "random forest on 3 numbers")
PUBLISHED = {"Sivanathan et al.": 0.9986, "Shahid et al.": 0.9875, "Marchal et al.": 0.8616}  # figure 9
PEERS = {
    peer.name: peer
    for peer in (
        Peer(BASELINES[0], ALL, forest),
        Peer(BASELINES[1], THREE_NUMBERS, forest_on_three_numbers),
        Peer("Sivanathan et al.", (*ACTIVITY, *PORTS, *NAMES), sivanathan),
        Peer("Shahid et al.", FLOWS, shahid),
        Peer("Marchal et al.", PERIODS, marchal, unlabelled=True),
    )
}
