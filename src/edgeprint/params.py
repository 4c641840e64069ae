"""params.yaml as typed values; an unknown key or a value out of range is refused by name.

params = load("params.yaml")
params.cclp.train.steps
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgeprint.errors import BadParams

Share = Annotated[float, Field(gt=0, lt=1)]
Unit = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Testbed(Section):
    devices: Annotated[int, Field(ge=2, le=40)]
    quarters: Annotated[int, Field(ge=1, le=12)]
    hours: Annotated[float, Field(gt=0, le=24 * 90)]
    seed: int


class Intervals(Section):
    by: Literal["auto", "calendar", "shares"]
    count: Annotated[int, Field(ge=1, le=52)]
    test_fraction: Share


class Extract(Section):
    runner: Literal["processes", "dask"]
    workers: Annotated[int, Field(ge=0)]
    scheduler: str


class Servers(Section):
    mlflow: Annotated[str, Field(pattern=r"^(https?://.+)?$")]
    prefect: Annotated[str, Field(pattern=r"^(https?://.+/api)?$")]


class CclpFeatures(Section):
    window_minutes: Annotated[int, Field(ge=1, le=1440)]


class CclpTrain(Section):
    label_fraction: Annotated[float, Field(gt=0, le=1)]
    upsample_to: Count
    labelled_per_class: Count
    unlabelled: Annotated[int, Field(ge=0)]
    iterations: Count
    learning_rate: Positive
    decay_every: Count
    l2: Annotated[float, Field(ge=0)]
    steps: Annotated[int, Field(ge=1, le=20)]
    weight: Annotated[float, Field(ge=0)]
    ramp: Count
    embedding: Count
    input_dropout: Annotated[float, Field(ge=0, lt=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]


class CclpUnknown(Section):
    calibration: Annotated[float, Field(ge=0, le=0.25)]  # so two of two windows are left
    keep: Share
    windows: Annotated[int, Field(ge=3, le=100)]
    alpha: Share


class Cclp(Section):
    features: CclpFeatures
    train: CclpTrain
    unknown: CclpUnknown
    threshold: Unit


class LstmCnnFeatures(Section):
    segment_minutes: Annotated[float, Field(ge=0.05, le=1440)]  # in whole seconds
    columns: Annotated[list[str], Field(min_length=1)]


class LstmCnnTrain(Section):
    window: Annotated[int, Field(ge=2, le=100)]
    overlap: Annotated[int, Field(ge=0)]
    units: Annotated[int, Field(ge=2)]  # the 2×2 convolution needs two
    epochs: Count
    batch: Count
    learning_rate: Positive
    l2: Annotated[float, Field(ge=0)]
    input_dropout: Annotated[float, Field(ge=0, lt=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    held_out: Share


class LstmCnn(Section):
    features: LstmCnnFeatures
    train: LstmCnnTrain


class BinaryFeatures(Section):
    bin_seconds: Positive
    height: Annotated[int, Field(ge=8, le=1024)]


class BinaryTrain(Section):
    width: Annotated[int, Field(ge=8, le=1024)]
    normalisation: Literal["max", "max+centre", "log+max", "log+max+centre"]
    samples: Count
    negatives: Count
    mixed: Unit
    epochs: Count
    batch: Count
    learning_rate: Positive
    decay: Literal["none", "cosine"]


class BinaryEvaluate(Section):
    runs: Count
    run_length: Count


class BinaryStudy(Section):
    trained: Count
    asked: Count


class Binary(Section):
    features: BinaryFeatures
    train: BinaryTrain
    evaluate: BinaryEvaluate
    study: BinaryStudy
    threshold: Unit
    accepts: Unit
    alarms_per_day: Annotated[float, Field(ge=0)]


class Drift(Section):
    method: Literal["wasserstein", "jensenshannon"]
    threshold: Positive
    minimum_rows: Count
    field: str


class Policy(Section):
    max_f1_drop: Unit
    max_drift_share: Unit
    min_f1: Unit
    max_age_intervals: Count
    max_new_data: Positive
    max_deviating: Unit
    from_scratch: bool


class Gate(Section):
    min_macro_f1: Unit
    max_drop: Unit
    max_device_drop: Unit
    max_ece_rise: Unit
    max_auroc_drop: Unit
    max_parity: Positive
    max_quantised_parity: Positive
    max_quantised_drop: Unit
    max_latency_ms: Positive
    max_rss_bytes: Count
    max_bytes: Count
    approval: bool
    approval_hours: Positive


class Release(Section):
    rings: str
    broker: str
    broker_password_file: str
    broker_ca: str
    soak_hours: Annotated[float, Field(ge=0)]
    watch_hours: Positive
    image: Annotated[str, Field(pattern=r"^([^ @]+@sha256:[0-9a-f]{64})?$")]
    inventory: str


class Agent(Section):
    hours: Positive
    streak: Count


class Params(Section):
    testbed: Testbed
    intervals: Intervals
    extract: Extract
    servers: Servers
    cclp: Cclp
    lstm_cnn: LstmCnn
    binary: Binary
    drift: Drift
    policy: Policy
    gate: Gate
    release: Release
    agent: Agent
    seed: int

    def changed(self, method: str, section: str, **numbers: Any) -> Params:
        """A copy with some numbers of one section replaced, as of cclp.train. Raises BadParams."""
        whole = self.model_dump()
        whole[method][section] |= numbers
        return _checked(whole, "params")


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check a params.yaml. Raises BadParams with the file, the key and the value."""
    try:
        found = yaml.safe_load(Path(path).read_text())
    except (OSError, yaml.YAMLError) as error:
        raise BadParams(f"{path} cannot be read: {error}") from error
    return _checked(found, str(path))


def _checked(found: Any, path: str) -> Params:
    try:
        return Params.model_validate(found)
    except ValidationError as error:
        raise BadParams("; ".join(_sentence(path, e) for e in error.errors())) from error


def _sentence(path: str, error: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{path}: {key} is not a known key"
    if error["type"] == "missing":
        return f"{path}: {key} is missing"
    return f"{path}: {key} = {error['input']!r} is refused: {error['msg'].lower()}"
