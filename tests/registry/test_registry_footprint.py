import pytest

from edgeprint.errors import BadArtifact
from edgeprint.registry import footprint


def test_a_small_model_costs_some_megabytes_in_whole_pages(tflite_bytes):
    taken = footprint.rss_bytes(tflite_bytes)
    assert 0 < taken < 50_000_000
    assert taken % 4096 == 0


def test_what_does_not_run_is_refused_with_the_reason():
    with pytest.raises(BadArtifact, match="a model of 5 bytes does not run in a process of its own: "):
        footprint.rss_bytes(b"no no")
