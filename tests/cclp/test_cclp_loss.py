"""The CCLP loss against worked numbers and the properties that equations 3 to 8 promise."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprint.cclp.loss import cclp_loss, chain_losses, propagate, target_matrix, transition_matrix

GOLDEN_Z = torch.tensor([[1, 0.2], [0.1, 1], [0.9, 0.4], [0.3, 0.8], [0.6, 0.6]], dtype=torch.float64)
GOLDEN_LABELS = torch.eye(2, dtype=torch.float64)


@st.composite
def batches(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings [n, f] of any scale up to logits of thousands, and labels that hold each class."""
    classes, unlabelled = draw(st.integers(2, 5)), draw(st.integers(0, 8))
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    labels = torch.eye(classes).repeat(draw(st.integers(1, 3)), 1)
    z = torch.randn(len(labels) + unlabelled, draw(st.integers(1, 6)), generator=random)
    return z * draw(st.sampled_from([0.01, 1.0, 30.0])), labels


def near(found: torch.Tensor, wanted: list[float]) -> bool:
    return torch.allclose(found, torch.tensor(wanted, dtype=torch.float64), rtol=0, atol=1e-6)


def test_the_golden_transition_matrix():
    assert near(transition_matrix(GOLDEN_Z)[0], [0.269910, 0.128779, 0.254192, 0.151123, 0.195996])


def test_the_golden_posteriors_and_target():
    posteriors = propagate(transition_matrix(GOLDEN_Z), GOLDEN_LABELS)
    assert near(posteriors[2:, 0], [0.560748, 0.472168, 0.517086])
    assert near(target_matrix(posteriors)[0], [0.392155, 0, 0.219900, 0.185163, 0.202778])


def test_the_golden_chain_losses():
    transitions = transition_matrix(GOLDEN_Z)
    found = chain_losses(transitions, propagate(transitions, GOLDEN_LABELS), 3)
    assert near(found, [1.564776, 2.215400, 2.855660])


def test_the_golden_loss():
    assert cclp_loss(GOLDEN_Z, GOLDEN_LABELS, steps=3).item() == pytest.approx(2.211945, abs=1e-6)


def test_the_gradient_is_that_of_finite_differences():
    z = GOLDEN_Z.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: cclp_loss(z, GOLDEN_LABELS, steps=3), z, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(batches())
def test_rows_of_transitions_and_posteriors_are_probabilities(batch):
    z, labels = batch
    transitions = transition_matrix(z)
    posteriors = propagate(transitions, labels)
    for rows in (transitions, posteriors):
        assert torch.allclose(rows.sum(1), torch.ones(len(z), dtype=torch.float64), atol=1e-6)
        assert rows.min() > -1e-9 and rows.max() < 1 + 1e-9


@settings(max_examples=50, deadline=None)
@given(batches())
def test_the_target_is_symmetric_and_its_rows_sum_to_one(batch):
    z, labels = batch
    target = target_matrix(propagate(transition_matrix(z), labels))
    assert torch.allclose(target, target.T, atol=1e-12)
    assert torch.allclose(target.sum(1), torch.ones(len(z), dtype=torch.float64), atol=1e-4)


@settings(max_examples=50, deadline=None)
@given(batches(), st.integers(1, 4))
def test_loss_and_gradient_stay_finite_for_saturated_transitions(batch, steps):
    z, labels = batch
    z.requires_grad_()
    loss = cclp_loss(z, labels, steps=steps)
    loss.backward()
    assert loss.isfinite() and z.grad.isfinite().all()


def test_logits_of_a_thousand_are_finite():
    z = torch.tensor([[32.0, 0.0], [0.0, 32.0], [32.0, 1.0]])
    assert cclp_loss(z, torch.eye(2), steps=3).isfinite()


@pytest.mark.parametrize("size", [2, 5])
def test_perfect_clusters_cost_the_logarithm_of_their_size(size):
    labels = torch.eye(3).repeat_interleave(size, 0)
    transitions = transition_matrix(40 * labels)
    loss = chain_losses(transitions, labels.double(), 1)
    assert loss.item() == pytest.approx(math.log(size), abs=1e-3)


def test_the_gradient_reaches_unlabelled_rows():
    z = GOLDEN_Z.clone().requires_grad_()
    cclp_loss(z, GOLDEN_LABELS, steps=1).backward()
    assert (z.grad[2:].abs().sum(1) > 1e-4).all()


def test_the_gradient_flows_through_propagation_and_target():
    z = GOLDEN_Z.clone().requires_grad_()
    whole = torch.autograd.grad(cclp_loss(z, GOLDEN_LABELS, steps=1), z)[0]
    transitions = transition_matrix(z)
    fixed = chain_losses(transitions, propagate(transitions, GOLDEN_LABELS).detach(), 1).mean()
    assert (whole - torch.autograd.grad(fixed, z)[0]).abs().max() > 0.005


def test_without_unlabelled_rows_the_posteriors_are_the_labels():
    labels = torch.eye(2).repeat(2, 1)
    assert torch.equal(propagate(transition_matrix(torch.randn(4, 3)), labels), labels.double())


def test_a_label_of_no_class_passes_nothing_on():
    z = torch.tensor([[3.0, 0], [0, 3.0], [0, 3.0]])
    labels = torch.tensor([[1.0, 0], [0, 0]])
    assert propagate(transition_matrix(z), labels)[2].sum() < 0.1


@pytest.mark.parametrize("classes", ["001122", "0.", "0000", "001222", "001100", "00..11", "0102"])
@pytest.mark.parametrize("unlabelled", [0, 5])
def test_products_by_blocks_of_labels_give_the_whole_product(classes, unlabelled):
    labels = torch.stack([torch.eye(4, dtype=torch.float64)["012.".index(c)] for c in classes])[:, :3]
    z = torch.randn(len(labels) + unlabelled, 4, dtype=torch.float64).requires_grad_()
    transitions = transition_matrix(z)
    whole = chain_losses(transitions, propagate(transitions, labels), 3).mean()
    parts = cclp_loss(z, labels, steps=3)
    assert parts.item() == pytest.approx(whole.item(), rel=1e-12)
    gradients = [torch.autograd.grad(loss, z, retain_graph=True)[0] for loss in (whole, parts)]
    assert torch.allclose(*gradients, rtol=1e-9, atol=1e-12)


def test_one_step_needs_no_chain():
    whole, first = (cclp_loss(GOLDEN_Z, GOLDEN_LABELS, steps=s).item() for s in (3, 1))
    assert first == pytest.approx(1.564776, abs=1e-6) and whole > first
