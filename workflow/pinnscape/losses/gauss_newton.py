"""Gauss-Newton part of the Hessian and tangent kernel of a loss, from derivatives of its local quantities in theta.

Let z be the local quantities of all terms (see ``quantities``), B = ∂z/∂theta, and M the block-diagonal matrix of the second
derivatives of the loss in z. This module computes the Gauss-Newton part G = BᵀMB of the Hessian, products Bᵀw, and the kernel
BBᵀ. For a sum of squares, z are the weighted residuals r and B is their Jacobian J; then BBᵀ is the neural tangent kernel JJᵀ,
and half of the Hessian is JᵀJ + Σ r ∇²r. All results are NaN where the loss does not exist.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pinnscape.common.errors import ModelError
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.losses.objective import Objective
from pinnscape.losses.quantities import Quantities
from pinnscape.losses.solution import Solution

Differentiated = FieldObjective | ModuleObjective  # losses whose Gauss-Newton part may be known


def differentiated(objective: Objective) -> Differentiated:
    """A loss whose Gauss-Newton part may be known.

    Raises:
        ModelError: the loss is of another kind.
    """
    if not isinstance(objective, (FieldObjective, ModuleObjective)):
        raise ModelError(f"the Gauss-Newton part of the loss {objective.name} is not known")
    return objective


def quantities(objective: Differentiated) -> list[Quantities]:
    """The local quantities of each term of a loss.

    Raises:
        ModelError: the loss is that of a module, of which no local quantities are known.
    """
    if isinstance(objective, ModuleObjective):
        raise ModelError(f"the loss {objective.name} has no residuals; give them by residuals=..., if it is a sum of squares")
    terms = (objective.assembly.terms[name] for name in objective.names)
    return [Quantities(objective.assembly.group(term.name), term.name, term.weight) for term in terms]


def least_squares(objective: Differentiated, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Jacobian J (m, P) and weighted residuals r (m,) of a sum of squares at theta (P,), or an equivalent smaller system.

    If J has more than 2P rows, it is replaced by QᵀJ and Qᵀr of a QR decomposition, which is updated block by block of the
    points (Golub & Van Loan 2013, sec. 5.2), so that a matrix of all rows is never formed. The smaller system has the same JᵀJ,
    Jᵀr and |r|, and hence the same singular values and least-squares solutions.

    Raises:
        ValueError: the loss is not a sum of squares.
    """
    if isinstance(objective, ModuleObjective):
        rows = torch.cat([objective.jacobian(theta), _residuals(objective, theta)[:, None]], 1)
        rows = torch.linalg.qr(rows, mode="r")[1] if len(rows) > 2 * rows.shape[1] else rows
        return rows[:, :-1], rows[:, -1]
    objective.check_squares()
    rows = None
    for term in quantities(objective):
        for piece in term.pieces(theta.numel()):
            with torch.no_grad():
                values = term.of(term.group.solve(theta, term.streams, piece), piece).reshape(-1, 1)
            block = torch.cat([term.sensitivities(theta, piece).flatten(0, 1), values], 1)
            rows = block if rows is None else torch.cat([rows, block])
            if len(rows) > 2 * block.shape[1]:
                rows = torch.linalg.qr(rows, mode="r")[1]
    assert rows is not None
    return rows[:, :-1], rows[:, -1]


def _residuals(objective: ModuleObjective, theta: Tensor) -> Tensor:
    return torch.cat(list(objective.residuals(theta).values()))


def gauss_newton(objective: Differentiated, theta: Tensor) -> Tensor:
    """The dense Gauss-Newton part G (P, P) of the Hessian at theta (P,): 2JᵀJ for squares, the Gram matrix for energies.

    For a sum of squares, it equals the Hessian where the residuals vanish. It is indefinite where an energy density is not
    convex.
    """
    if objective.is_squared:
        j, _ = least_squares(objective, theta)
        return 2.0 * j.T @ j
    total = theta.new_zeros(theta.numel(), theta.numel())
    for term in quantities(objective):
        total = total + _gram(term, theta)
    return 0.5 * (total + total.T)


def _gram(term: Quantities, theta: Tensor) -> Tensor:
    gram = theta.new_zeros(theta.numel(), theta.numel())
    for piece in term.pieces(2 * theta.numel()):
        tangent = term.sensitivities(theta, piece)
        if term.is_energy:
            modulus = term.of_energy(theta, piece)[1]
            gram = gram + tangent.flatten(0, 1).T @ (modulus @ tangent).flatten(0, 1)
        else:
            gram = gram + 2.0 * tangent.flatten(0, 1).T @ tangent.flatten(0, 1)
    return gram


def kernel_size(objective: Differentiated) -> int:
    """Number q of local quantities of a loss, which is the number of rows of B and of the kernel BBᵀ."""
    if isinstance(objective, ModuleObjective):
        return len(_residuals(objective, objective.theta))
    return sum(term.count * term.group.points.count for term in quantities(objective))


def slopes_and_moduli(objective: Differentiated, theta: Tensor) -> list[tuple[Tensor, Tensor]]:
    """First derivatives (n, k) and second derivatives (n, k, k) of each term in its k local quantities at n points.

    Args:
        objective: the loss.
        theta: parameters (P,).
    """
    if isinstance(objective, ModuleObjective):
        r = _residuals(objective, theta)[:, None]
        return [(2.0 * r, torch.full_like(r, 2.0).unsqueeze(-1))]
    return [term.slope_and_modulus(theta) for term in quantities(objective)]


def pull_back(objective: Differentiated, theta: Tensor, weights: Tensor) -> Tensor:
    """The products Bᵀw (j, P) for vectors w (j, q), given as ``weights``, at theta (P,); B is not formed."""
    if isinstance(objective, ModuleObjective):
        return objective.pull_back(theta, weights)
    terms = quantities(objective)
    parts = weights.split([term.count * term.group.points.count for term in terms], -1)
    return sum((term.pull_back(theta, part) for term, part in zip(terms, parts, strict=True)), theta.new_zeros(()))


def kernel(objective: Differentiated, theta: Tensor) -> Tensor:
    """The kernel BBᵀ (q, q) of the local quantities at theta (P,); for a sum of squares, the neural tangent kernel JJᵀ.

    For the weights of one layer, a row of B is Σ_s δ_s a_sᵀ: a_s is stream s of the input of the affine map, and δ_s is the
    adjoint of stream s of its output. The inner product of two rows is therefore Σ_st (δ_s·δ'_t)(a_s·a'_t), plus δ_0·δ'_0 for
    the biases (Novak, Sohl-Dickstein & Schoenholz 2022, ICML, "Fast finite width neural tangent kernel"). Work and memory thus
    grow with the width and not with P, and B is not formed.
    """
    if isinstance(objective, ModuleObjective):
        rows = objective.jacobian(theta)
        return rows @ rows.T
    terms = quantities(objective)
    if type(objective.assembly.solution) is not Solution:
        rows = torch.cat(
            [term.sensitivities(theta, piece).flatten(0, 1) for term in terms for piece in term.pieces(theta.numel())]
        )
        return rows @ rows.T
    traces = [term.trace(theta) for term in terms]
    blocks = [
        [_block(a, b, one, other) for b, other in zip(terms, traces, strict=True)] for a, one in zip(terms, traces, strict=True)
    ]
    return torch.cat([torch.cat(row, 1) for row in blocks])


def kernel_traces(objective: Differentiated, theta: Tensor) -> dict[str, float]:
    """Traces of the diagonal blocks of the kernel by term: Σ |∂z/∂theta|² over the local quantities z of the term.

    Args:
        objective: the loss.
        theta: parameters (P,).
    """
    return {
        term.name: sum(float(term.sensitivities(theta, rows).square().sum()) for rows in term.pieces(theta.numel()))
        for term in quantities(objective)
    }


Traced = Sequence[tuple[Tensor, Tensor]]  # inputs and adjoints of each layer, as given by ``Quantities.trace``


def _block(a: Quantities, b: Quantities, one: Traced, other: Traced) -> Tensor:
    """The block (n k, m l) of the kernel for two terms a and b with k and l local quantities at n and m points."""
    k, streams, n, _ = one[0][1].shape
    entries = k * streams * other[0][1].shape[0] * other[0][1].shape[1] * other[0][1].shape[2]
    # Three arrays of this size exist at a time: the products of adjoints, those of streams, and their product.
    size = max(1, int(a.group.solution.memory / (3 * 8 * entries)))
    rows = (slice(start, start + size) for start in range(0, n, size))
    return torch.cat([_rows(a, b, one, other, block) for block in rows])


def _rows(a: Quantities, b: Quantities, one: Traced, other: Traced, rows: slice) -> Tensor:
    """The rows of a block that belong to some of the points of the first term."""
    total = None
    for (x, delta), (y, bar) in zip(one, other, strict=True):
        inputs = torch.einsum("sif,tjf->sitj", x[:, rows], y)
        for s in a.values_among_streams:
            for t in b.values_among_streams:
                inputs[s, :, t] += 1.0  # the biases
        outputs = torch.einsum("ksig,ltjg->ksiltj", delta[:, :, rows], bar)
        part = torch.einsum("sitj,ksiltj->ikjl", inputs, outputs)
        total = part if total is None else total + part
    assert total is not None
    return total.flatten(2).flatten(0, 1)
