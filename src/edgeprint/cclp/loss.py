"""Compact clustering via label propagation (papers/cclp section V, equations 3 to 8).

loss = cclp_loss(z, labels, steps=3)      # z [n, f] embeddings, labelled rows first; labels [l, c] one-hot

The softmax behind H, its smoothing and the two small constants are not in the paper. They are those of its
[35], the method's own paper (Kamnitsas et al., "Semi-supervised learning via compact latent space
clustering", ICML 2018), and of its code.

Transitions between samples that label propagation puts into the same class are rewarded along chains of
1 to S steps, so that each class becomes one compact cluster. Nothing is detached: the gradient flows through
the propagation and the target too.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMOOTHING = 1e-5  # keeps I - H_UU invertible when a sample transits only to itself
NO_MASS = 1e-5  # beside a class's mass: a class without a sample divides by it, and not by 0
NO_CHAIN = 1e-6  # beside a transition: its logarithm is finite where no chain leads


def transition_matrix(z: Tensor) -> Tensor:
    """H [n, n], equation 3: each row is the softmax of dot products, mixed with a little of the uniform row.

    In float64: where the softmax saturates, 1 - H_ii is as small as the smoothing.
    """
    wide = z.double()
    return SMOOTHING / len(z) + (1 - SMOOTHING) * torch.softmax(wide @ wide.T, dim=1)


def propagate(transitions: Tensor, labels: Tensor) -> Tensor:
    """Class posteriors Φ [n, c], equation 5; `labels` [l, c] are those of the first rows.

    A label row of zeros (a sample of no class) passes nothing on.
    """
    known = len(labels)
    labels = labels.to(transitions)
    if known == len(transitions):
        return labels
    to_known, to_unknown = transitions[known:, :known], transitions[known:, known:]
    identity = torch.eye(len(to_unknown)).to(transitions)
    return torch.cat([labels, torch.linalg.solve(identity - to_unknown, to_known @ labels)])


def target_matrix(posteriors: Tensor) -> Tensor:
    """T [n, n], equation 4: the transitions of perfectly compact classes; symmetric, rows sum to about 1."""
    mass = posteriors.sum(0)  # [c]
    return (posteriors / (mass + NO_MASS)) @ posteriors.T


def chain_losses(
    transitions: Tensor, posteriors: Tensor, steps: int, block: tuple[int, int] = (0, 0)
) -> Tensor:
    """Cross entropy [steps] between T and the chains H⁽¹⁾ to H⁽ˢ⁾ of equation 7, each a mean over rows.

    `block`: where the labelled rows come class by class, of how many classes and how many of each.
    """
    target = target_matrix(posteriors)
    within_class = transitions * (posteriors @ posteriors.T)  # H∘M, equation 8
    chain = transitions
    losses = []
    for step in range(steps):
        if step:
            chain = _product(within_class, chain, block)
        losses.append(-(target * torch.log(chain + NO_CHAIN)).sum(1).mean())
    return torch.stack(losses)


def _product(within_class: Tensor, chain: Tensor, block: tuple[int, int]) -> Tensor:
    """(H∘M) H⁽ˢ⁻¹⁾ [n, n]. M holds nothing between labelled rows of two classes, so that all but the blocks
    on the diagonal of that part need not be multiplied: a third of the work is left of 24 × 20 + 100 rows.
    """
    classes, each = block
    if not each:
        return within_class @ chain
    known = classes * each
    own = within_class[:known, :known].reshape(classes, each, classes, each).diagonal(dim1=0, dim2=2)
    inside = torch.bmm(own.permute(2, 0, 1), chain[:known].reshape(classes, each, -1)).flatten(0, 1)
    labelled = inside + within_class[:known, known:] @ chain[known:]
    return torch.cat([labelled, within_class[known:] @ chain])


def _block(labels: Tensor) -> tuple[int, int]:
    """How many blocks of how many equal rows the labels [l, c] are, no class in two; (0, 0) where not so."""
    rows, counts = torch.unique_consecutive(labels, dim=0, return_counts=True)
    sizes, shared = counts.tolist(), rows.double() @ rows.double().T
    apart = not torch.triu(shared, diagonal=1).any()
    return (len(sizes), sizes[0]) if apart and len(set(sizes)) == 1 else (0, 0)


def cclp_loss(z: Tensor, labels: Tensor, *, steps: int) -> Tensor:
    """Equation 6, scalar; without unlabelled rows it is a supervised regulariser.

    The mean is over the rows, as in [35]; equation 6 as printed divides by n². That differs by a factor of n,
    which the weight takes up.
    """
    transitions = transition_matrix(z)
    posteriors = propagate(transitions, labels)
    return chain_losses(transitions.to(z), posteriors.to(z), steps, _block(labels)).mean()
