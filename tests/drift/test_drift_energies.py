import numpy as np
import pytest

from edgeprint.binary.features import SpectrogramSpec
from edgeprint.drift.energies import energies
from edgeprint.feature_table import FeatureTable

SPEC = SpectrogramSpec(height=17, bin_seconds=0.1)


def table(values: np.ndarray) -> FeatureTable:
    return FeatureTable.of(SPEC.schema(), "plug", "a.pcap", np.arange(len(values)), values)


def test_the_bands_and_the_constant_term_add_up_to_the_whole():
    found = energies(table(np.random.default_rng(0).random((5, 17)) * 100))
    power = 10 ** found.values.astype("f8") - 1
    assert power[:, 0] == pytest.approx(power[:, 1:].sum(1), rel=1e-4)


def test_a_tone_is_in_the_band_of_its_frequency():
    values = np.zeros((1, 17))
    values[0, 16] = 99.0
    found = energies(table(values))
    assert found.schema.names[-1] == "energy_4.41_to_5.00_hz"
    assert found.values[0].nonzero()[0].tolist() == [0, len(found.schema.columns) - 1]


def test_rows_stay_those_of_their_device_and_time():
    one = table(np.ones((4, 17)))
    found = energies(one)
    assert (found.device == one.device).all() and (found.start_ns == one.start_ns).all()
    assert found.schema.hash != one.schema.hash
