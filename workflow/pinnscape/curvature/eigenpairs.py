"""Eigenpairs of the Hessian of a loss: the one place that decides between its matrix and Lanczos processes."""

from torch import Tensor

from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature import dense
from pinnscape.linalg.pairs import Eigenpairs, by_lanczos, by_matrix
from pinnscape.losses.objective import Objective


def eigenpairs(
    objective: Objective,
    theta: Tensor,
    k: int,
    solver: EigensolverSettings,
    *,
    smallest: bool = True,
    seed: int = 0,
    scale: Tensor | None = None,
    matrix: Tensor | None = None,
    vectors: bool = True,
    lanczos_first: bool = False,
) -> Eigenpairs:
    """All eigenpairs of the Hessian H at theta (P,) up to the dense limit, beyond it those at its ends, each verified or not.

    Args:
        objective: the loss.
        theta: (P,).
        k: number of eigenpairs at each end, beyond the limit.
        solver: dense limit, and steps and tolerance of Lanczos.
        smallest: whether the lower end is wanted too; the upper one alone often takes a fraction of the steps.
        seed: of the start vectors of Lanczos.
        scale: diagonal (P,) of S, for the eigenpairs of S H S.
        matrix: H, if it is known.
        vectors: whether eigenvectors are wanted up to the limit.
        lanczos_first: whether Lanczos is tried first up to the limit as well, where it needs far fewer products than there are parameters.

    Raises:
        DivergenceError: H is not finite, or its eigenvalues are not found.
    """
    size, within = theta.numel(), theta.numel() <= solver.dense_limit
    if not within or (lanczos_first and 2 * k < size):

        def product(rows: Tensor) -> Tensor:
            products = dense.product(objective, theta, rows if scale is None else scale * rows)
            return products if scale is None else scale * products

        found = by_lanczos(product, theta, k, solver, seed, smallest)
        if found.converged or not within:
            return found
    hessian = dense.hessian(objective, theta) if matrix is None else matrix
    return by_matrix(hessian if scale is None else scale.unsqueeze(-1) * hessian * scale, vectors)
