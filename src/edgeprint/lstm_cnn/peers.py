"""The methods of Table II (papers/lstm-cnn section IV.B): nine of scikit-learn, two halves, and the whole.

predicted = predictions("random forest", division, params.lstm_cnn.train, seed=7)      # category index [m]

All see the same windows, standardised by the training windows; those of scikit-learn see them flattened.
Those that take weights get the network's own: every category weighs the same, and so do its devices.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeprint.lightning_fit import seeded
from edgeprint.lstm_cnn.network import LstmCnnNetwork, probabilities
from edgeprint.lstm_cnn.splits import Division
from edgeprint.lstm_cnn.train import equal_weights, learn
from edgeprint.params import LstmCnnTrain
from edgeprint.standardise import Standardise

OURS = "LSTM-CNN"
NETWORKS = {"CNN only": {"remembers": False}, "LSTM only": {"looks": False}, OURS: {}}
FOREST = "random forest"
QDA_SHRINKAGE = 0.1  # without any, scikit-learn refuses more columns than windows, and sums of others
PAPER = {  # Table II, accuracy
    "SVM": 0.585,
    FOREST: 0.301,
    "kNN": 0.276,
    "decision tree": 0.464,
    "AdaBoost": 0.485,
    "LDA": 0.494,
    "QDA": 0.524,
    "MLP": 0.521,
    "CNN only": 0.563,
    "LSTM only": 0.654,
    OURS: 0.748,
}


def estimators() -> dict[str, Callable[[int], Any]]:
    """Name to maker by seed; numbers of section IV.B, QDA_SHRINKAGE, all others scikit-learn's defaults."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
    from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    return {
        "SVM": lambda seed: LinearSVC(random_state=seed),  # one against the rest by itself
        FOREST: lambda seed: RandomForestClassifier(300, random_state=seed),
        "kNN": lambda seed: KNeighborsClassifier(10),
        "decision tree": lambda seed: DecisionTreeClassifier(max_depth=12, random_state=seed),
        "AdaBoost": lambda seed: AdaBoostClassifier(n_estimators=50, learning_rate=0.3, random_state=seed),
        "LDA": lambda seed: LinearDiscriminantAnalysis(),
        "QDA": lambda seed: QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=QDA_SHRINKAGE),
        "MLP": lambda seed: MLPClassifier(random_state=seed),
    }


def predictions(name: str, division: Division, numbers: LstmCnnTrain, seed: int) -> NDArray[np.int64]:
    """Category index [m] of the windows to judge, by the method `name` of PAPER, trained on the others."""
    if name in NETWORKS:
        return network_probabilities(name, division, numbers, seed).argmax(1)
    device, x, label = division.training
    first, second = standardised(x, division.testing[1])
    estimator = estimators()[name](seed)
    weight = {}
    if "sample_weight" in signature(estimator.fit).parameters:
        weight = {"sample_weight": equal_weights(device, label)}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # collinear features, iterations at their limit: defaults, as in the paper
        estimator.fit(first, label, **weight)
        return estimator.predict(second)


def network_probabilities(
    name: str, division: Division, numbers: LstmCnnTrain, seed: int
) -> NDArray[np.float32]:
    """Probabilities [m, k] by the network, or by one of its halves with the other left out."""
    _, x, _ = division.training
    with seeded(seed):
        network = LstmCnnNetwork(
            x.shape[2],
            numbers.window,
            len(division.labels),
            units=numbers.units,
            input_dropout=numbers.input_dropout,
            dropout=numbers.dropout,
            **NETWORKS[name],
        )
        network.standardise.fit(x)
        learn(network, division.training, numbers, lambda epoch, loss: None, seed=seed)
    return probabilities(network, division.testing[1])


def standardised(training: NDArray[np.float32], *others: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Each [m, t, d] as [m, t · d], by the layer that the network has, fitted on the first."""
    layer = Standardise(training.shape[2])
    layer.fit(training)
    with torch.inference_mode():
        return [layer(torch.from_numpy(x)).flatten(1).numpy() for x in (training, *others)]
