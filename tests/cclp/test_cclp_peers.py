"""Peers and plain forests learn from the labels shown and from nothing else."""

import numpy as np
import pytest

from edgeprint.cclp.columns import schema
from edgeprint.cclp.evaluate import truth
from edgeprint.cclp.peers import BASELINES, PEERS, PUBLISHED, NamedClusters, TentativeClass
from edgeprint.feature_table import FeatureTable

KNOWN = {column.name for column in schema().columns}


@pytest.fixture(scope="module")
def label(full_windows, inventory):
    return truth(full_windows, inventory.iot, inventory)


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_looks_at_columns_that_there_are_each_once(name):
    columns = PEERS[name].columns
    assert set(columns) <= KNOWN
    assert len(set(columns)) == len(columns)


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_learns_devices_this_different_and_says_how_surely(full_windows, label, name):
    even = np.arange(len(label)) % 2 == 0
    asked = full_windows.select(~even)
    given, confidence = PEERS[name].answer(full_windows.select(even), label[even], asked, seed=1)
    assert (given == label[~even]).mean() > 0.9
    assert ((confidence > 0) & (confidence <= 1)).all()


@pytest.mark.parametrize("name", PEERS)
def test_a_label_that_is_not_shown_is_not_learned(full_windows, label, name):
    shown = np.where(label == 0, -1, label)
    given, _ = PEERS[name].answer(full_windows, shown, full_windows, seed=1)
    assert set(given) == set(label) - {0}


def test_the_forest_on_three_numbers_sees_packets_of_both_ways_as_one(full_windows, label):
    """Moving packets from one way to the other changes no answer; more of them does."""
    peer, place = PEERS[BASELINES[1]], {c.name: i for i, c in enumerate(full_windows.schema.columns)}
    sent, received = place["packets_out"], place["packets_in"]
    moved, grown = full_windows.values.copy(), full_windows.values.copy()
    half = moved[:, sent] / 2
    moved[:, sent] -= half
    moved[:, received] += half
    grown[:, [sent, received]] *= 50

    def asked(values):
        t = full_windows
        table = FeatureTable(t.schema, t.device, t.capture, t.start_ns, values)
        return peer.answer(full_windows, label, table, seed=1)[1]

    same = asked(full_windows.values)
    np.testing.assert_allclose(asked(moved), same)
    assert (asked(grown) != same).any()


def test_a_bag_of_counts_becomes_a_class_and_its_confidence():
    counts = np.array([[9, 0, 0], [8, 1, 0], [0, 0, 7], [0, 1, 9]])
    found = TentativeClass().fit(counts, np.array([3, 3, 5, 5])).transform(counts)
    assert found[:, 0].tolist() == [3, 3, 5, 5]
    assert (found[:, 1] > 0.9).all()


def test_one_labelled_row_names_its_whole_cluster_and_no_other():
    random = np.random.default_rng(0)
    near, far = random.normal(0, 1, (40, 2)), random.normal(50, 1, (40, 2))
    label = np.full(80, -1)
    label[:6], label[40:46] = 0, 1
    clusters = NamedClusters().fit(np.concatenate([near, far]), label)
    assert clusters.predict_proba([[0, 0], [50, 50]]).argmax(1).tolist() == [0, 1]


def test_every_peer_of_the_paper_says_what_is_its_reading_and_what_is_missing():
    for name in PUBLISHED:
        said = PEERS[name].build.__doc__
        assert "From the paper:" in said and "Our reading:" in said and "Missing:" in said
