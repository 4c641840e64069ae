from dataclasses import replace

import pytest

from edgeprint.errors import GateRefused
from edgeprint.params import Gate
from edgeprint.registry.gate import Exam, examine

LIMITS = Gate(
    min_macro_f1=0.6,
    max_drop=0.02,
    max_device_drop=0.1,
    max_ece_rise=0.05,
    max_auroc_drop=0.02,
    max_parity=1e-3,
    max_quantised_parity=0.15,
    max_quantised_drop=0.01,
    max_latency_ms=20.0,
    max_rss_bytes=16_000_000,
    max_bytes=2_000_000,
    approval=False,
    approval_hours=72,
)
GOOD = Exam(
    macro_f1=0.90,
    schema_hash="a" * 64,
    data_schema_hash="a" * 64,
    parity=6e-8,
    latency_ms=0.3,
    size_bytes=691_000,
    rss_bytes=4_000_000,
    ece=0.04,
    auroc=0.97,
    device_f1={"camera": 0.95, "plug": 0.80},
)


def refused(challenger: Exam, champion: Exam | None = GOOD) -> list[str]:
    return [check.name for check in examine(challenger, champion, LIMITS).checks if not check.passed]


def test_a_challenger_as_good_as_the_champion_passes():
    assert examine(GOOD, GOOD, LIMITS).passed


def test_the_first_model_is_held_to_the_floor_alone():
    assert refused(replace(GOOD, macro_f1=0.60, device_f1={}), None) == []
    assert refused(replace(GOOD, macro_f1=0.59, device_f1={}), None) == ["macro_f1"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"macro_f1": 0.87}, "macro_f1 against champion"),
        ({"device_f1": {"camera": 0.95, "plug": 0.69}}, "F1 of plug"),
        ({"device_f1": {"camera": 0.95}}, "F1 of plug"),
        ({"schema_hash": "b" * 64}, "schema"),
        ({"parity": 2e-3}, "parity"),
        ({"export": "int8", "parity": 0.16}, "parity"),
        ({"ece": 0.1}, "calibration error"),
        ({"ece": float("nan")}, "calibration error"),
        ({"auroc": 0.94}, "unknown AUROC"),
        ({"rss_bytes": 16_000_001}, "memory"),
        ({"latency_ms": 20.1}, "latency"),
        ({"size_bytes": 2_000_001}, "size"),
    ],
)
def test_each_fault_is_refused_by_its_own_check(change, name):
    assert refused(replace(GOOD, **change)) == [name]


def test_every_limit_may_be_met_exactly():
    edge = replace(
        GOOD,
        macro_f1=0.88,
        parity=1e-3,
        latency_ms=20.0,
        size_bytes=2_000_000,
        rss_bytes=16_000_000,
        ece=0.09,
        auroc=0.95,
        device_f1={"camera": 0.85, "plug": 0.70},
    )
    assert refused(edge) == []


@pytest.mark.parametrize("unmeasured", [{"ece": None}, {"auroc": None}])
def test_what_one_side_has_no_figure_of_is_not_held_against_the_other(unmeasured):
    assert refused(replace(GOOD, **unmeasured)) == refused(GOOD, replace(GOOD, **unmeasured)) == []


def test_an_8_bit_export_may_be_further_from_its_source():
    assert refused(replace(GOOD, export="dynamic-range", parity=0.15)) == []


def test_a_number_that_is_none_passes_nothing():
    broken = Exam(float("nan"), "a" * 64, "a" * 64, float("nan"), float("nan"), 1)
    assert refused(broken, None) == ["macro_f1", "parity", "latency"]


def test_a_new_device_is_not_held_against_the_challenger():
    assert refused(replace(GOOD, device_f1={**GOOD.device_f1, "kettle": 0.1})) == []


def test_a_refusal_prints_its_numbers():
    report = examine(replace(GOOD, macro_f1=0.5, size_bytes=3_000_000), GOOD, LIMITS)
    with pytest.raises(GateRefused) as refusal:
        report.require()
    assert str(refusal.value) == (
        "macro_f1 0.500 is below 0.600, the floor; "
        "macro_f1 against champion 0.500 is below 0.880, the champion's 0.900 less 0.02; "
        "size 3000000 bytes exceeds 2000000 bytes"
    )


def test_the_table_has_every_number():
    assert examine(replace(GOOD, parity=0.5), GOOD, LIMITS).table().splitlines() == [
        "check                             value         limit  verdict",
        "schema                     aaaaaaaaaaaa  aaaaaaaaaaaa  ok",
        "macro_f1                          0.900         0.600  ok",
        "macro_f1 against champion         0.900         0.880  ok",
        "F1 of camera                      0.950         0.850  ok",
        "F1 of plug                        0.800         0.700  ok",
        "calibration error                 0.040         0.090  ok",
        "unknown AUROC                     0.970         0.950  ok",
        "parity                            0.500         0.001  REFUSED",
        "latency                           0.300        20.000  ok",
        "memory                          4000000      16000000  ok",
        "size                             691000       2000000  ok",
    ]


def test_require_says_nothing_where_all_passed():
    examine(GOOD, None, LIMITS).require()
    assert examine(GOOD, None, LIMITS).to_dict()["passed"] is True
