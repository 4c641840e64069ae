import math
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from edgeprint.cclp import statistics
from edgeprint.cclp.statistics import entropy, extent, quantile

NUMBERS = st.floats(0, 1e9).map(lambda x: round(x, 6))


def nine(x):
    return statistics.nine(np.sort(x))


def binned_entropy(x):
    return statistics.binned_entropy(np.sort(x))


SERIES = st.lists(NUMBERS, min_size=1, max_size=60).map(np.array)


@given(SERIES)
def test_nine_are_numpys_and_scipys(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's NaN for constant series
        shape = np.nan_to_num([stats.skew(x), stats.kurtosis(x)])
    five = np.quantile(x, [0, 0.25, 0.5, 0.75, 1])
    expected = [*five, x.mean(), x.var(), *shape]
    if x.min() == x.max():
        expected = [*five, x[0], 0, 0, 0]
    assert nine(x) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(SERIES, st.floats(0, 1))
def test_quantiles_are_numpys_to_the_last_digit(x, q):
    assert quantile(np.sort(x), q) == np.quantile(x, q)


@given(st.lists(st.floats(-1e9, 1e9), max_size=30).map(np.array))
@example(np.array([0, 1e-100]))
@example(np.array([1, 1 + 1e-15, 1]))
def test_statistics_of_any_series_are_finite_and_quiet(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite([*nine(x), *extent(x), binned_entropy(x)]).all()


@given(st.lists(st.integers(0, 20).map(float), min_size=1, max_size=40).map(np.array))
@example(np.array([0, 1, 1, 10.0]))
def test_entropy_is_of_the_histogram_of_equation_1(x):
    counts, _ = np.histogram(x, 10)
    assert binned_entropy(x) == pytest.approx(stats.entropy(counts))


def test_entropy_of_one_element_in_each_bin_is_log_10():
    assert binned_entropy(np.arange(10.0)) == pytest.approx(math.log(10))


def test_empty_and_constant_series_have_no_entropy():
    assert binned_entropy(np.array([])) == binned_entropy(np.full(4, 0.1)) == entropy(np.array([5])) == 0


def test_an_empty_series_is_all_zeros():
    assert nine(np.array([])) == (0,) * 9
    assert extent(np.array([])) == (0,) * 3


def test_a_constant_series_has_neither_variance_nor_shape():
    assert nine(np.full(7, 0.1)) == (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0, 0, 0)
