import csv
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.tsa.adfvalues import mackinnoncrit, mackinnonp
from statsmodels.tsa.stattools import adfuller
from threadpoolctl import threadpool_limits

from edgeprint.cclp.lag_search import least_aic, search
from edgeprint.cclp.lag_search_qr import search_by_qr
from edgeprint.cclp.near_singular import regress_as_statsmodels, repeat
from edgeprint.cclp.stationarity import NOTHING_TO_TEST, adf, critical_values, pvalue, regress

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    with threadpool_limits(1, "blas"):
        yield


def _assert_equals_statsmodels(x):
    if x.min() == x.max():
        assert adf(x) == NOTHING_TO_TEST
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        theirs = adfuller(x, result_object=True)
    expected = (theirs.statistic, theirs.pvalue, *theirs.critical_values.values())
    if not math.isfinite(theirs.statistic):
        expected = NOTHING_TO_TEST
    # 1e-14: where the statistic is 0, one of the two may be left with a rounding error
    assert adf(x) == pytest.approx(expected, rel=1e-8, abs=1e-14)
    _, order, certain = regress(x)
    assert (order if certain else regress_as_statsmodels(x)[1]) == theirs.lags


def _by_statsmodels(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = adfuller(x, result_object=True)
    return result.statistic, result.lags


def _with(x, index, value):
    x = x.copy()
    x[index] = value
    return x


def _series(n, seed=0):
    """Series of n points that are hard for a regression, by name."""
    rng = np.random.default_rng(seed)
    noise, t = rng.normal(size=n), np.arange(n, dtype=float)
    sizes = rng.choice([54.0, 60, 66, 1514, 1514, 1514], n)
    return {
        "noise": noise,
        "random walk": noise.cumsum(),
        "twice integrated": noise.cumsum().cumsum(),
        "over-differenced": np.diff(noise, n=3, prepend=[0, 0, 0]),
        "linear": 3.5 * t + 2,
        "linear but for 1e-9": 3.5 * t + 2 + 1e-9 * noise,
        "quadratic": t * t,
        "exponential": np.exp(20 * t / n) + noise,
        "constant but for 1e-3": 5 + 1e-3 * noise,
        "constant but for 1e-9": 5 + 1e-9 * noise,
        "constant but for the first": _with(np.full(n, 60.0), 0, 1514),
        "constant but for the last": _with(np.full(n, 60.0), -1, 1514),
        "constant half": np.where(t > n // 2, 3.0, noise),
        "mean 1e6": 1e6 + noise,
        "outlier of 1e6 first": _with(noise, 0, 1e6),
        "outlier of 1e6 inside": _with(noise, n // 2, 1e6),
        "outlier of 1e6 last": _with(noise, -1, 1e6),
        "outlier among milliseconds": _with(rng.exponential(1e-3, n), n // 3, 1e6),
        "period 3": np.resize([60.0, 103, 60], n),
        "period 2 but for 1e-8": np.resize(rng.normal(size=2), n) + 1e-8 * noise,
        "period 5 but for 1e-8": np.resize(rng.normal(size=5), n) + 1e-8 * noise,
        "two values": rng.integers(0, 2, n).astype(float),
        "two values and a third": _with(rng.choice([54.0, 66.0], n), -3, 1514),
        "heavy tail": np.exp(8 * noise),
        "scale 1e-12": noise * 1e-12,
        "scale 1e12": noise * 1e12,
        "sizes": sizes,
        "sizes, second difference": np.diff(sizes, n=2, prepend=[54.0, 54.0]),
    }


@pytest.mark.parametrize("n", [4, 5, 8, 9, 13, 20, 47, 150])
@pytest.mark.parametrize("name", _series(8))
def test_adversarial_series_give_what_statsmodels_gives(name, n):
    _assert_equals_statsmodels(_series(n)[name])


@pytest.mark.parametrize("n", [9, 47, 150])
@pytest.mark.parametrize("name", ["outlier of 1e6 first", "outlier of 1e6 last", "two values and a third"])
def test_ill_conditioned_series_give_what_statsmodels_gives(name, n):
    for seed in range(1, 8):
        _assert_equals_statsmodels(_series(n, seed)[name])


@pytest.mark.parametrize("name", ["random walk", "over-differenced", "outlier of 1e6 inside", "sizes"])
def test_long_series_give_what_statsmodels_gives(name):
    _assert_equals_statsmodels(_series(3000)[name])


def test_20_000_points_with_an_outlier_give_what_statsmodels_gives():
    _assert_equals_statsmodels(_series(20_000)["outlier of 1e6 inside"])


@given(st.lists(st.sampled_from([0.0, 1.0, 1.5, 60.0, 1514.0, 1e-6, 1800.0]), min_size=4, max_size=40))
def test_any_short_series_gives_what_statsmodels_gives(values):
    _assert_equals_statsmodels(np.array(values))


def _real_series():
    """Lengths and their differences of every packet of each real capture of the week, in stretches."""
    from edgeprint.packets.decode import decode
    from edgeprint.packets.inventory import mac_number

    with (DATA / "captures.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith("fit-week/")]
    for row in rows:
        table, _ = decode(DATA / row["path"])
        mine = table.select((table.src == mac_number(row["mac"])) | (table.dst == mac_number(row["mac"])))
        for begin in range(0, len(mine) - 400, len(mine) // 12):
            part = slice(begin, begin + 40 + begin % 300)
            interval = np.diff(mine.time_ns[part]) / 1e9
            yield from (interval, np.diff(interval), np.diff(interval, n=2), mine.wire_len[part].astype("f8"))


def test_series_of_real_captures_give_what_statsmodels_gives():
    if not DATA.exists():
        pytest.skip("needs ../shared/data")
    count = 0
    for x in _real_series():
        _assert_equals_statsmodels(x)
        count += 1
    assert count > 200


@pytest.mark.parametrize("x", [[], [1], [1, 2, 3], [7] * 50, [0.1] * 4])
def test_short_and_constant_series_have_nothing_to_test(x):
    assert adf(np.array(x, float)) == NOTHING_TO_TEST
    assert NOTHING_TO_TEST[:2] == (0, 1)
    assert NOTHING_TO_TEST[2:] == pytest.approx((-3.43035, -2.86154, -2.56677))


def test_a_series_that_its_past_explains_without_residual_has_nothing_to_test():
    assert adf(np.array([0, 0, 0, 0, 0, 67.0])) == NOTHING_TO_TEST


@pytest.mark.parametrize("statistic", [-25, -18.83, -10, -2, -1.61, -1.6, 0, 1, 2.74, 3, 1e15, -1e15])
def test_pvalue_is_mackinnons(statistic):
    assert pvalue(statistic) == pytest.approx(mackinnonp(statistic), rel=1e-12, abs=0)


@pytest.mark.parametrize("observations", [2, 10, 1000, math.inf])
def test_critical_values_are_mackinnons(observations):
    assert critical_values(1 / observations) == pytest.approx(mackinnoncrit(nobs=observations), rel=1e-14)


@pytest.mark.parametrize("name", ["period 3", "constant but for the first", "two values"])
def test_rank_deficient_designs_are_not_called_certain(name):
    x = _series(20)[name] if name != "two values" else np.array([0, 1] * 10, float)
    assert not search(x, 5)[2]


@pytest.mark.parametrize(("error", "certain"), [(1e-12, True), (1e-6, False), (math.inf, False)])
def test_orders_whose_aic_ties_within_the_error_are_not_certain(error, certain):
    residual = np.array([1.0, math.exp(-2 / 100) * (1 - 1e-8)])  # AIC of order 1 less by 1e-6 on 100 rows
    assert least_aic(residual, np.full(2, error), 100)[1] is certain


@pytest.mark.parametrize("name", ["random walk", "noise", "sizes", "outlier of 1e6 inside"])
def test_qr_finds_what_the_normal_equations_find(name):
    for seed in range(5):
        x = _series(200, seed)[name]
        statistic, order, certain = search_by_qr(x, 15)
        assert certain
        assert (statistic, order) == (pytest.approx(search(x, 15)[0], rel=1e-9), search(x, 15)[1])


def test_ordinary_series_are_certain():
    for seed in range(20):
        assert regress(_series(200, seed)["random walk"])[2]


@pytest.mark.parametrize("n", [5, 8, 13, 47, 150, 501])
@pytest.mark.parametrize("name", _series(8))
def test_near_singular_series_repeat_statsmodels_to_the_last_bit(name, n):
    x = _series(n)[name]
    if x.min() < x.max():
        with np.errstate(all="ignore"), threadpool_limits(1, "blas"):
            ours, theirs = repeat(x), _by_statsmodels(x)
        assert ours == pytest.approx(theirs, rel=0, abs=0, nan_ok=True) or not math.isfinite(ours[0])


def test_a_series_too_short_for_the_lags_asked_is_not_read_past_its_end():
    x = np.random.default_rng(0).normal(size=10)
    assert search(x, 4) == search_by_qr(x, 4) == (0.0, 0, False)
