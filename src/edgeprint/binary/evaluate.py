"""How well the models name devices, as a router would ask them (papers/binary-edge 3.1.4, 4.3).

scores = evaluate(models, table, inventory, params.binary, seed=7)     # all models: highest confidence
scores = evaluate_one(model, table, inventory, params.binary, seed=7)  # one model: its device against others

Samples come in runs of consecutive windows from random starts, all from the rows given.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary.network import CHUNK, Model, predict, predict_all
from edgeprint.binary.samples import Drawn, Starts, Streams
from edgeprint.errors import BadArtifact, NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Binary
from edgeprint.reliability import auroc, expected_calibration_error
from edgeprint.scores import Scores

Predict = Callable[[Model, NDArray[np.float32]], NDArray[np.float32]]


def evaluate(
    models: dict[str, Model], table: FeatureTable, inventory: Inventory, params: Binary, *, seed: int
) -> Scores:
    """Confusion of the IoT devices that have a model, and `confident enough` among the extras; see `score`.

    A device with fewer columns than a sample needs is not asked about, but its model still competes.
    Raises NotEnoughData where that leaves no device, BadArtifact for models made for other columns.
    """
    labels = sorted(name for name in models if inventory[name].iot)
    streams = Streams.of(table, _width([models[name] for name in labels], table))
    random, numbers = np.random.default_rng(seed), params.evaluate
    runs = {
        name: streams.runs(name, numbers.runs, numbers.run_length, random)
        for name in labels
        if name in streams.windows
    }
    if not runs:
        raise NotEnoughData(
            f"none of {len(labels)} devices with a model has {streams.width} spectrogram columns for a sample"
        )
    truth = np.concatenate([np.full(len(starts), labels.index(name)) for name, starts in runs.items()])
    judges = [models[name] for name in labels]
    confidence = confidences(judges, streams, np.concatenate(list(runs.values())))
    return score(labels, truth, confidence, np.array([model.threshold for model in judges]))


def confidences(models: list[Model], streams: Streams, starts: Starts) -> NDArray[np.float32]:
    """Each model's confidence [n, k] in each window [n]; only so many samples are in memory at once."""
    parts = [np.zeros((0, len(models)), "f4")]
    for begin in range(0, len(starts), CHUNK):
        parts.append(predict_all(models, streams.samples(starts[begin : begin + CHUNK])))
    return np.concatenate(parts)


def score(
    labels: list[str],
    truth: NDArray[np.int64],
    confidence: NDArray[np.float32],
    threshold: NDArray[np.float64],
) -> Scores:
    """Both scenarios of section 4.3, from labels [n], each model's confidence [n, k] and threshold [k].

    Highest confidence: the confusion matrix. Confident enough: a device's own model is right where it
    reaches its threshold. The paper gives F1 for this too, though no second model is there to be wrongly
    named; here, as in a confusion matrix, each sample that is turned away is one miss and one false alarm,
    which makes `ce.<device>` the share of the device's samples that its model recognises.
    `ce_foreign` says what that share leaves open: how many of the other devices' samples a model accepts.
    """
    accepted = confidence >= threshold
    own = truth[:, None] == np.arange(len(labels))
    recognised = {
        f"ce.{label}": float(accepted[own[:, k], k].mean())
        for k, label in enumerate(labels)
        if own[:, k].any()
    }
    extra = {"ce_macro_f1": float(np.mean(list(recognised.values()))), **recognised}
    if not own.all():
        extra["ce_foreign"] = float(accepted[~own].mean())
    return Scores.count(labels, truth, confidence.argmax(1), **extra)


def evaluate_one(
    model: Model,
    table: FeatureTable,
    inventory: Inventory,
    params: Binary,
    *,
    seed: int,
    predict: Predict = predict,
) -> Scores:
    """Scores over "other" and the device at the model's threshold, on as many samples of either.

    Its own come in runs; the others at random from every other device, IoT or not. `ece` is of the answer,
    yes or no, with the confidence it is given with; `foreign_auroc` says how well the confidence tells own
    from others' samples, whatever the threshold. `predict` may be the model's export to TFLite. Raises
    NotEnoughData where the device or all others lack the columns of a sample, BadArtifact for a model of
    other columns.
    """
    random, numbers = np.random.default_rng(seed), params.evaluate
    streams = Streams.of(table, _width([model], table))
    own = streams.runs(inventory[model.device].name, numbers.runs, numbers.run_length, random)
    drawn = Drawn.against_others(streams, model.device, own, 1, random)
    chunks = np.split(drawn.starts, range(CHUNK, len(drawn.starts), CHUNK))
    confidence = np.concatenate([predict(model, streams.samples(starts)) for starts in chunks])
    accepted, is_own = confidence >= model.threshold, drawn.label == 1
    sure = np.maximum(confidence, 1 - confidence)
    extra = {
        "ece": expected_calibration_error(sure, (confidence >= 0.5) == is_own),
        "foreign_auroc": auroc(confidence[is_own], confidence[~is_own]),
    }
    return Scores.count(["other", model.device], is_own.astype("i8"), accepted.astype("i8"), **extra)


def _width(models: list[Model], table: FeatureTable) -> int:
    if not models:
        raise NotEnoughData("there is no model of an IoT device to evaluate")
    for model in models:
        if model.schema != table.schema or model.width != models[0].width:
            raise BadArtifact(
                f"{model.device}'s model takes {model.width} columns of schema {model.schema.hash[:12]}, "
                f"not {models[0].width} of {table.schema.hash[:12]}"
            )
    return models[0].width
